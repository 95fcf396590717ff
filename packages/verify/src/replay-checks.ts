// Checks by running the model again: same function, one prefill, equal bits (specs/exact-1.md §9).
import {
  type Bundle,
  commit,
  type Disclosure,
  type ErrorCode,
  type JsonObject,
  outputCommitmentData,
  parseHex,
  type ReceiptBody,
  RunproofError,
} from '@runproof/protocol';
import type { Replayer, ReplayOutcome, ReplayProgress } from './replayer.ts';
import { type CheckId, mismatch, type Recorder } from './report.ts';

export const REPLAY_CHECKS = [
  'replay.model',
  'replay.prompt',
  'replay.trace',
  'replay.sampling',
  'replay.output',
] as const satisfies readonly CheckId[];

/** `replay.model`: the verifier runs the model and the arithmetic that the body names. */
function checkModel(body: ReceiptBody, replayer: Replayer): { detail: string; value: true } {
  if (replayer.modelDigest !== body.model.digest) {
    throw mismatch('REPLAY_MODEL', 'The receipt names another model than the one at hand.', {
      expected: body.model.digest,
      got: replayer.modelDigest,
    });
  }
  if (replayer.contract !== body.engine.contract) {
    throw mismatch('REPLAY_MODEL', 'The receipt names another contract than that of the engine at hand.', {
      expected: body.engine.contract,
      got: replayer.contract,
    });
  }
  return { detail: `${replayer.modelDigest} under ${replayer.contract}`, value: true };
}

function comparePrompt(disclosed: readonly number[], ids: readonly number[]): string {
  const length = Math.max(disclosed.length, ids.length);
  for (let position = 0; position < length; position += 1) {
    const [expected, got] = [ids[position] ?? null, disclosed[position] ?? null];
    if (expected !== got) {
      throw mismatch('REPLAY_MISMATCH', `Prompt token ${position} does not follow from the request.`, {
        position,
        expected,
        got,
      });
    }
  }
  return `${ids.length} token ids follow from the request`;
}

/** `replay.output`: the tokens decode to the committed text, and it ended as the body says. */
function checkOutput(
  bundle: Bundle,
  outcome: Extract<ReplayOutcome, { equal: true }>,
): { detail: string; value: true } {
  const { finish_reason: claimed, output } = bundle.body;
  // Why a run was cut is the node's word; that it was cut is not.
  const holds =
    outcome.finish === 'unfinished' ? claimed === 'abort' || claimed === 'error' : claimed === outcome.finish;
  if (!holds)
    throw mismatch('REPLAY_MISMATCH', `The tokens end with ${outcome.finish}, the receipt says ${claimed}.`, {
      expected: outcome.finish,
      got: claimed,
    });
  const expected = commit(parseHex(bundle.salt), 'output', outputCommitmentData(outcome.text, claimed));
  if (expected !== output)
    throw mismatch('REPLAY_MISMATCH', 'The tokens decode to another text than the committed one.', {
      expected,
      got: output,
    });
  return { detail: `${outcome.text.length} characters`, value: true };
}

/**
 * Failures that follow from the receipt's content on every machine. Any other one, such as too little memory, is the
 * verifier's own.
 */
const BLAMED: ReadonlySet<ErrorCode> = new Set([
  'ENGINE_NONFINITE',
  'MODEL_TEMPLATE',
  'PARAMETER_INVALID',
  'PARAMETER_UNSUPPORTED',
]);

/**
 * Runs `step` of the replayer for the check `id`, which fails by a failure that the receipt is to blame for and is
 * missing after any other one.
 */
async function attempt<T>(recorder: Recorder, id: CheckId, step: () => Promise<T>): Promise<T | null> {
  try {
    return await step();
  } catch (error) {
    if (RunproofError.isInstance(error) && BLAMED.has(error.code)) recorder.fail(id, error);
    else recorder.miss(id);
    return null;
  }
}

function recordOutcome(recorder: Recorder, bundle: Bundle, outcome: ReplayOutcome): void {
  if (outcome.equal) {
    recorder.pass('replay.trace', `${outcome.tokens} tokens equal, bit for bit`);
    recorder.pass('replay.sampling', `${outcome.tokens} tokens are what the sampler chooses`);
    recorder.check('replay.output', () => checkOutput(bundle, outcome));
    return;
  }
  const { position, expected, got, what } = outcome;
  const detail =
    what === 'trace'
      ? `The logits of output token ${position} differ.`
      : `Output token ${position} is not what the sampler chooses.`;
  recorder.fail(
    what === 'trace' ? 'replay.trace' : 'replay.sampling',
    mismatch('REPLAY_MISMATCH', detail, { position, expected, got }),
  );
}

/** All replay checks, as far as `request` and `disclosure` were given and what they depend on has passed. */
export async function runReplay(
  recorder: Recorder,
  bundle: Bundle,
  replayer: Replayer,
  request: JsonObject | null,
  onProgress: ReplayProgress | undefined,
): Promise<void> {
  const { body, disclosure } = bundle;
  recorder.check('replay.model', () => checkModel(body, replayer));
  if (!recorder.passed('replay.model')) return;
  if (disclosure === null) return recorder.miss('replay.prompt', 'replay.trace', 'replay.sampling', 'replay.output');
  if (request === null && !recorder.passed('request.match')) recorder.miss('replay.prompt');
  if (request !== null && recorder.passed('disclosure.prompt')) {
    const ids = await attempt(recorder, 'replay.prompt', () => replayer.encodePrompt(body.operation, request));
    if (ids !== null)
      recorder.check('replay.prompt', () => ({ detail: comparePrompt(disclosure.prompt, ids), value: true }));
  }
  if (recorder.passed('disclosure.prompt', 'disclosure.tokens'))
    await replayTokens(recorder, bundle, disclosure, replayer, onProgress);
}

async function replayTokens(
  recorder: Recorder,
  bundle: Bundle,
  disclosure: Disclosure,
  replayer: Replayer,
  onProgress: ReplayProgress | undefined,
): Promise<void> {
  const { sampling, trace } = bundle.body;
  // The last token is sampled and never read, so it takes no position.
  const positions = disclosure.prompt.length + disclosure.completion.length - 1;
  if (positions > replayer.contextLength) return recorder.miss('replay.trace', 'replay.sampling', 'replay.output');
  const outcome = await attempt(recorder, 'replay.trace', () =>
    replayer.replay(disclosure, sampling, trace, onProgress),
  );
  if (outcome === null) recorder.miss('replay.sampling', 'replay.output');
  else recordOutcome(recorder, bundle, outcome);
}
