// The report of a verification (specs/verify-report.md) and the recorder that fills it.
import { type ErrorCode, type Evidence, RunproofError } from '@runproof/protocol';

/** Ids of all checks, in the order of specs/verify-report.md. */
export const CHECK_IDS = [
  'bundle.parse',
  'policy.log',
  'log.signature',
  'log.witnesses',
  'log.inclusion',
  'body.origin',
  'model.trusted',
  'engine.trusted',
  'nonce.match',
  'request.match',
  'request.parameters',
  'seed.match',
  'response.match',
  'disclosure.prompt',
  'disclosure.tokens',
  'disclosure.trace',
  'replay.model',
  'replay.prompt',
  'replay.trace',
  'replay.sampling',
  'replay.output',
] as const;

export type CheckId = (typeof CHECK_IDS)[number];

export type Check =
  | { readonly id: CheckId; readonly result: 'pass'; readonly detail: string }
  | {
      readonly id: CheckId;
      readonly result: 'fail';
      readonly detail: string;
      readonly code: ErrorCode;
      readonly evidence: Evidence;
    };

/** What follows from the checked parts of a receipt. */
export interface VerifiedFacts {
  readonly origin: string;
  readonly index: number;
  readonly model: string;
  readonly nonce: string;
  readonly finish_reason: string;
  readonly completion_tokens: number;
  readonly prompt_tokens: number;
  readonly witnesses: readonly string[];
}

export interface VerificationReport {
  readonly verdict: 'valid' | 'invalid' | 'incomplete';
  /** the highest level that was checked; `none` where a check failed */
  readonly level: 'none' | 'sealed' | 'replayed';
  /** id of the receipt, hex32; null when the bundle could not be read */
  readonly receipt: string | null;
  readonly checks: readonly Check[];
  readonly missing: readonly CheckId[];
  readonly failed: readonly CheckId[];
  /** absent with verdict `invalid` */
  readonly facts?: VerifiedFacts;
}

/** Throw from a check when what was found is not what should be. */
export function mismatch(code: ErrorCode, message: string, evidence: Evidence): RunproofError {
  return new RunproofError(code, message, evidence);
}

/** Checks that must pass for a level; `log.witnesses` joins them where the policy has a quorum. */
const SEALED: readonly CheckId[] = [
  'bundle.parse',
  'policy.log',
  'log.signature',
  'log.inclusion',
  'body.origin',
  'model.trusted',
  'engine.trusted',
  'request.match',
  'request.parameters',
  'seed.match',
  'response.match',
];
const REPLAYED: readonly CheckId[] = [
  'disclosure.prompt',
  'disclosure.tokens',
  'disclosure.trace',
  'replay.model',
  'replay.prompt',
  'replay.trace',
  'replay.sampling',
  'replay.output',
];

/** Collects the checks of one verification. */
export class Recorder {
  readonly #results = new Map<CheckId, Check>();
  readonly #missing = new Set<CheckId>();

  /** True when all of `ids` were run and passed: how a check says on what it depends. */
  passed(...ids: readonly CheckId[]): boolean {
    return ids.every((id) => this.#results.get(id)?.result === 'pass');
  }

  /** Names checks that could not be run for want of an input. */
  miss(...ids: readonly CheckId[]): void {
    for (const id of ids) this.#missing.add(id);
  }

  pass(id: CheckId, detail: string): void {
    this.#results.set(id, { id, result: 'pass', detail });
  }

  /** Records the failure `error`; what is no `RunproofError` is a defect of ours and goes on. */
  fail(id: CheckId, error: unknown): void {
    if (!RunproofError.isInstance(error)) throw error;
    this.#results.set(id, { id, result: 'fail', detail: error.message, code: error.code, evidence: error.evidence });
  }

  /**
   * Runs one check: `run` returns its detail and value, or throws a `RunproofError`, which is the failure. Returns the
   * value, null on failure.
   */
  check<T>(id: CheckId, run: () => { readonly detail: string; readonly value: T }): T | null {
    try {
      const { detail, value } = run();
      this.pass(id, detail);
      return value;
    } catch (error) {
      this.fail(id, error);
      return null;
    }
  }

  report(receipt: string | null, facts: VerifiedFacts | null): VerificationReport {
    const checks = CHECK_IDS.flatMap((id) => this.#results.get(id) ?? []);
    const failed = checks.filter((check) => check.result === 'fail').map((check) => check.id);
    const missing = CHECK_IDS.filter((id) => this.#missing.has(id) && !this.#results.has(id));
    const sealed = failed.length === 0 && this.passed(...SEALED);
    const level = !sealed ? 'none' : this.passed(...REPLAYED) ? 'replayed' : 'sealed';
    const verdict = failed.length > 0 ? 'invalid' : missing.length > 0 ? 'incomplete' : 'valid';
    const shown = verdict === 'invalid' || facts === null ? {} : { facts };
    return { verdict, level, receipt, checks, missing, failed, ...shown };
  }
}
