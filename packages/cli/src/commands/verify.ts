// runproof verify and runproof replay: check a receipt, offline.
import { type Bundle, decodeUtf8, isJsonObject, parseBundle, parseJson, RunproofError } from '@runproof/protocol';
import { type Replayer, type VerificationReport, verify } from '@runproof/verify';
import { dataDirectory } from '../data-directory.ts';
import { readInput, UsageError } from '../files.ts';
import { modelPath, openModel, replayerOf } from '../model.ts';
import { platformEd25519 } from '../platform-ed25519.ts';
import { exitCodeOf, renderReport } from '../render-report.ts';
import { duration, type Terminal } from '../terminal.ts';

/** specs/receipt.md, Body, field 9. */
const NONCE = /^(?:[0-9a-f]{2}){16,64}$/;

export interface VerifyCommandOptions {
  readonly request?: string;
  readonly response?: string;
  readonly policy?: string;
  readonly nonce?: string;
  readonly replay?: boolean;
  readonly model?: string;
  readonly data?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

async function readPolicy(options: VerifyCommandOptions): Promise<string> {
  const path = options.policy ?? dataDirectory(options.data).policy;
  const text = decodeUtf8(await readInput(path));
  return text;
}

/** Runs `use` with the verifier's own model, or with none. */
async function withReplayer<T>(
  options: VerifyCommandOptions,
  terminal: Terminal,
  use: (replay: Replayer | undefined) => Promise<T>,
): Promise<T> {
  if (options.replay !== true) return use(undefined);
  const engine = await openModel(modelPath(options.model), terminal, options.threads);
  try {
    return await use(replayerOf(engine));
  } finally {
    await engine.close();
  }
}

function show(report: VerificationReport, options: { json?: boolean }, terminal: Terminal): number {
  terminal.write(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report, terminal.out));
  return exitCodeOf(report);
}

/** Exit code 0 valid, 1 invalid, 2 incomplete. `UsageError` for files that cannot be read, `POLICY_SYNTAX` for a policy that is none. */
export async function verifyCommand(file: string, options: VerifyCommandOptions, terminal: Terminal): Promise<number> {
  if (options.model !== undefined && options.replay !== true) throw new UsageError('--model needs --replay.');
  // A slip of the caller's must not read as a lie of the node's.
  if (options.nonce !== undefined && !NONCE.test(options.nonce))
    throw new UsageError('--nonce takes 16 to 64 bytes in lower-case hex.');
  const bundle = await readInput(file);
  const policy = await readPolicy(options);
  const request = options.request === undefined ? {} : { request: await readInput(options.request) };
  const response = options.response === undefined ? {} : { response: await readInput(options.response) };
  const nonce = options.nonce === undefined ? {} : { nonce: options.nonce };
  const report = await withReplayer(options, terminal, async (replay) => {
    const progress = terminal.progress('replaying');
    const replaying = replay === undefined ? {} : { replay, level: 'replayed' as const, onProgress: progress.update };
    const given = { policy, ed25519: platformEd25519 };
    return verify(bundle, { ...given, ...request, ...response, ...nonce, ...replaying }).finally(() => progress.end());
  });
  return show(report, options, terminal);
}

/** The disclosed prompt is what the model's template and tokenizer make of the request. */
async function assertPrompt(replay: Replayer, bundle: Bundle, request: Uint8Array): Promise<void> {
  const value = parseJson(request);
  if (!isJsonObject(value)) throw new RunproofError('REQUEST_MISMATCH', 'The request is no JSON object.');
  const ids = await replay.encodePrompt(bundle.body.operation, value);
  const disclosed = bundle.disclosure?.prompt ?? [];
  if (ids.length === disclosed.length && ids.every((id, index) => id === disclosed[index])) return;
  const position = disclosed.findIndex((id, index) => id !== ids[index]);
  const message = 'The disclosed prompt does not follow from this request.';
  throw new RunproofError('REQUEST_MISMATCH', message, { position: position < 0 ? disclosed.length : position });
}

/**
 * Runs the model again on what a bundle discloses, without a policy: it shows that this model makes these tokens, not that anybody signed
 * it. Exit code 0 when every token is equal, 1 when not. `REPLAY_MODEL` when this is not the model that the receipt names.
 */
export async function replayCommand(file: string, options: VerifyCommandOptions, terminal: Terminal): Promise<number> {
  const bundle = parseBundle(await readInput(file));
  if (bundle.disclosure === null)
    throw new RunproofError('VERIFY_INCOMPLETE', 'This receipt discloses no tokens, so nothing can be replayed.');
  const { disclosure, body } = bundle;
  return withReplayer({ ...options, replay: true }, terminal, async (replay) => {
    if (replay === undefined) throw new RunproofError('INTERNAL', 'a replay without a model');
    if (replay.modelDigest !== body.model.digest || replay.contract !== body.engine.contract) {
      const message = `The receipt names ${body.model.digest} under ${body.engine.contract}; this model is ${replay.modelDigest} under ${replay.contract}.`;
      throw new RunproofError('REPLAY_MODEL', message, { expected: body.model.digest, got: replay.modelDigest });
    }
    if (options.request !== undefined) await assertPrompt(replay, bundle, await readInput(options.request));
    const progress = terminal.progress('replaying');
    const started = performance.now();
    const outcome = await replay
      .replay(disclosure, body.sampling, body.trace, progress.update)
      .finally(() => progress.end());
    const elapsed = performance.now() - started;
    if (options.json === true)
      terminal.write(`${JSON.stringify({ receipt: file, model: replay.modelDigest, ...outcome }, null, 2)}\n`);
    else if (outcome.equal) {
      const made = duration(body.ended_ms - body.started_ms);
      terminal.write(
        `replayed: ${outcome.tokens} tokens equal, bit for bit (${duration(elapsed)}; generated in ${made})\n`,
      );
      terminal.note('Only the tokens were compared. `runproof verify` checks who signed them, and for which request.');
    } else {
      const { position, what, expected, got } = outcome;
      terminal.write(
        `${terminal.out.bad('different:')} token ${position} (${what}): the receipt has ${expected}, this model gives ${got}\n`,
      );
    }
    return outcome.equal ? 0 : 1;
  });
}
