// runproof keys: the public key of this machine's log, for people who want to compare it.
import { keyFingerprint } from '@runproof/client';
import { RunproofError } from '@runproof/protocol';
import { parseVerifierKey } from '@runproof/tlog';
import { dataDirectory, readTextIfThere } from '../data-directory.ts';
import type { Terminal } from '../terminal.ts';

/** Prints origin, verifier key and fingerprint. `NOT_FOUND` when no node has run with this data directory. */
export async function keysCommand(
  options: { readonly data?: string; readonly json?: boolean },
  terminal: Terminal,
): Promise<number> {
  const data = dataDirectory(options.data);
  const text = await readTextIfThere(data.vkey);
  if (text === null)
    throw new RunproofError('NOT_FOUND', `There is no log key in ${data.path}; runproof up makes one.`);
  const vkey = text.trim();
  const { name } = parseVerifierKey(vkey);
  const fingerprint = keyFingerprint(vkey);
  if (options.json === true)
    terminal.write(`${JSON.stringify({ origin: name, vkey, fingerprint, file: data.vkey }, null, 2)}\n`);
  else
    terminal.write(
      `  origin       ${name}\n  vkey         ${vkey}\n  fingerprint  ${fingerprint}\n  file         ${data.vkey}\n`,
    );
  return 0;
}
