// runproof trust: where trust begins. Shows what would be trusted, asks, and remembers.
import { createInterface } from 'node:readline/promises';
import { fetchTrustInfo, keyFingerprint, type PolicyChange, type TrustInfo } from '@runproof/client';
import { dataDirectory, prepareDataDirectory } from '../data-directory.ts';
import { extendPolicyFile, writePolicyFile } from '../policy-file.ts';
import type { Terminal } from '../terminal.ts';

export interface TrustCommandOptions {
  readonly policy?: string;
  readonly data?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Asks on the terminal; false where nobody can be asked. */
export async function confirm(question: string, terminal: Terminal): Promise<boolean> {
  if (!terminal.interactive) return false;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    // The input was closed: nobody agreed.
    return false;
  } finally {
    reader.close();
  }
}

function describe(info: TrustInfo, changes: readonly PolicyChange[], path: string, terminal: Terminal): string {
  const rows = [
    `  node         ${info.url}`,
    `  log origin   ${info.origin}`,
    `  key          ${terminal.err.bold(keyFingerprint(info.vkey))}`,
    ...info.models.map((model) => `  model        ${model.name}  ${model.digest}`),
    `  engine       ${info.engine.contract}  ${info.engine.build}`,
  ];
  const added = changes.map((change) => `  + ${change.line}`);
  return [...rows, '', `${path} would get:`, ...added].join('\n');
}

/** Shows, asks (or takes `yes`), writes. Exit code 0 when the policy trusts the node now, 1 when the person said no. `TRUST_CHANGED` for another key. */
export async function trustCommand(url: string, options: TrustCommandOptions, terminal: Terminal): Promise<number> {
  const data = dataDirectory(options.data);
  const path = options.policy ?? data.policy;
  const info = await fetchTrustInfo(url);
  const { policy, changes } = await extendPolicyFile(path, info);
  const facts = {
    url: info.url,
    origin: info.origin,
    fingerprint: keyFingerprint(info.vkey),
    vkey: info.vkey,
    models: info.models,
    policy: path,
  };
  const tell = (written: boolean): void => {
    if (options.json === true)
      terminal.write(
        `${JSON.stringify({ ...facts, added: changes.map((change) => change.line), written }, null, 2)}\n`,
      );
  };
  if (changes.length === 0) {
    terminal.note(`${path} trusts ${info.origin} already.`);
    tell(false);
    return 0;
  }
  terminal.note(describe(info, changes, path, terminal));
  terminal.note('\nCompare the key with what its operator says elsewhere (`runproof keys` shows it there).');
  const agreed = options.yes === true || (await confirm('Trust it?', terminal));
  if (agreed) {
    if (options.policy === undefined) await prepareDataDirectory(data);
    await writePolicyFile(path, policy);
    terminal.note(`Written to ${path}.`);
  } else
    terminal.note(
      terminal.interactive ? 'Nothing was written.' : 'Nothing was written: nobody can be asked here; --yes agrees.',
    );
  tell(agreed);
  return agreed ? 0 : 1;
}
