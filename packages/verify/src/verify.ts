// The spine of verification: one call per check, in the order of specs/verify-report.md. Everything in the bundle and
// in the response is hostile.
import { type Bundle, parseBundle, receiptIdOfBundle, shorten, utf8 } from '@runproof/protocol';
import { type Ed25519Verify, type Policy, parsePolicy } from '@runproof/tlog';
import {
  checkEngineTrusted,
  checkInclusion,
  checkLog,
  checkModelTrusted,
  checkOrigin,
  checkSignature,
  checkWitnesses,
  type LogClaim,
  parseLogClaim,
} from './log-checks.ts';
import { REPLAY_CHECKS, runReplay } from './replay-checks.ts';
import type { Replayer, ReplayProgress } from './replayer.ts';
import { mismatch, Recorder, type VerificationReport, type VerifiedFacts } from './report.ts';
import { checkParameters, checkRequest, checkSeed } from './request-checks.ts';
import { checkDisclosed, checkResponse, checkTrace, disclosedData } from './response-checks.ts';

export interface VerifyOptions {
  /** What is trusted: the text of a policy (specs/policy.md) or a parsed one. There is no default. */
  readonly policy: Policy | string;
  /** exact bytes of the request body */
  readonly request?: Uint8Array;
  /** exact bytes of the response body: JSON, or a whole stream of server-sent events */
  readonly response?: Uint8Array;
  /** hex, as the caller sent it */
  readonly nonce?: string;
  /** the verifier's own model and engine */
  readonly replay?: Replayer;
  /** the level that the caller demands (default `sealed`) */
  readonly level?: 'sealed' | 'replayed';
  readonly onProgress?: ReplayProgress;
  /** the platform's own Ed25519, where it is faster; it must refuse what is not canonical (RFC 8032 §5.1.7) */
  readonly ed25519?: Ed25519Verify;
}

interface Read {
  readonly bundle: Bundle;
  readonly claim: LogClaim;
}

function readBundle(input: Uint8Array | string): { detail: string; value: Read } {
  const bundle = parseBundle(input);
  const size = typeof input === 'string' ? utf8(input).length : input.length;
  return { detail: `${size} bytes of canonical JSON`, value: { bundle, claim: parseLogClaim(bundle) } };
}

function checkNonce(bundle: Bundle, nonce: string): { detail: string; value: true } {
  const got = bundle.body.nonce;
  if (got !== nonce)
    throw mismatch('NONCE_MISMATCH', 'The receipt was made for another nonce.', { expected: shorten(nonce, 128), got });
  return { detail: nonce, value: true };
}

/** Who vouches for the receipt; returns the witnesses that cosigned. */
function verifyLog(
  recorder: Recorder,
  { bundle, claim }: Read,
  policy: Policy,
  ed25519: Ed25519Verify | undefined,
): readonly string[] {
  const logs = recorder.check('policy.log', () => checkLog(policy, claim));
  if (logs !== null) recorder.check('log.signature', () => checkSignature(claim, logs, ed25519));
  let witnesses: readonly string[] | null = null;
  if (policy.quorum !== null && recorder.passed('log.signature')) {
    witnesses = recorder.check('log.witnesses', () => checkWitnesses(policy, claim, ed25519));
  }
  recorder.check('log.inclusion', () => checkInclusion(bundle, claim));
  recorder.check('body.origin', () => checkOrigin(bundle, claim));
  if (policy.models.length > 0) recorder.check('model.trusted', () => checkModelTrusted(policy, bundle));
  else recorder.miss('model.trusted');
  if (policy.engines.length > 0) recorder.check('engine.trusted', () => checkEngineTrusted(policy, bundle));
  else recorder.miss('engine.trusted');
  return witnesses ?? [];
}

/** What the receipt says about the caller's own exchange, and whether it discloses what it commits to. */
async function verifyRun(recorder: Recorder, { bundle }: Read, policy: Policy, options: VerifyOptions): Promise<void> {
  const { body, disclosure } = bundle;
  const { nonce, request, response, replay } = options;
  // Only who sent the request can know its nonce: an archive or a third party checks everything else.
  if (nonce !== undefined) recorder.check('nonce.match', () => checkNonce(bundle, nonce));

  const asked =
    request !== undefined && recorder.check('request.match', () => checkRequest(bundle, request)) !== null
      ? request
      : null;
  if (request === undefined) recorder.miss('request.match');
  const parsed =
    asked === null ? null : recorder.check('request.parameters', () => checkParameters(body, asked, policy));
  if (asked !== null) recorder.check('seed.match', () => checkSeed(body, asked));

  if (response === undefined) recorder.miss('response.match');
  else recorder.check('response.match', () => checkResponse(bundle, response));

  if (disclosure !== null) {
    const { prompt, tokens } = disclosedData(disclosure);
    recorder.check('disclosure.prompt', () =>
      checkDisclosed(bundle, 'prompt', disclosure.prompt, prompt, body.usage.prompt_tokens),
    );
    recorder.check('disclosure.tokens', () =>
      checkDisclosed(bundle, 'tokens', disclosure.completion, tokens, body.usage.completion_tokens),
    );
    recorder.check('disclosure.trace', () => checkTrace(bundle, disclosure));
  }
  if (replay !== undefined && body.levels.includes('replayed'))
    await runReplay(recorder, bundle, replay, parsed, options.onProgress);
  else if (replay !== undefined || options.level === 'replayed') recorder.miss(...REPLAY_CHECKS);
}

function factsOf({ bundle, claim }: Read, witnesses: readonly string[]): VerifiedFacts {
  const { body } = bundle;
  return {
    origin: body.origin,
    index: claim.proof.index,
    model: body.model.digest,
    nonce: body.nonce,
    finish_reason: body.finish_reason,
    completion_tokens: body.usage.completion_tokens,
    prompt_tokens: body.usage.prompt_tokens,
    witnesses,
  };
}

/**
 * Checks a receipt against what the caller trusts (`policy`) and holds (request, response, nonce, model), and reports
 * every check that was run.
 * Hostile bundles and responses never make it throw: they fail a check. It rejects with `POLICY_SYNTAX` for a policy
 * text that cannot
 * be read, which is the caller's own. Source: specs/verify-report.md.
 */
export async function verify(bundle: Uint8Array | string, options: VerifyOptions): Promise<VerificationReport> {
  const policy = typeof options.policy === 'string' ? parsePolicy(options.policy) : options.policy;
  const recorder = new Recorder();
  const read = recorder.check('bundle.parse', () => readBundle(bundle));
  if (read === null) return recorder.report(null, null);
  const witnesses = verifyLog(recorder, read, policy, options.ed25519);
  await verifyRun(recorder, read, policy, options);
  return recorder.report(receiptIdOfBundle(read.bundle), factsOf(read, witnesses));
}
