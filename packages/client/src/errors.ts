// What a caller gets when an answer does not hold.
import { type Evidence, RunproofError } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';

/**
 * An answer whose receipt does not hold, or cannot be shown to hold. Do not use the answer.
 *
 * `code` is `VERIFY_FAILED` when a check failed, `VERIFY_INCOMPLETE` when something that the check needs was not there (for example the
 * receipt itself; `report` is then null).
 * **Action:** show it to a person; `report.checks` has the evidence.
 */
export class VerificationError extends RunproofError {
  readonly report: VerificationReport | null;

  constructor(
    code: 'VERIFY_FAILED' | 'VERIFY_INCOMPLETE',
    message: string,
    report: VerificationReport | null,
    options: { evidence?: Evidence; cause?: unknown } = {},
  ) {
    super(code, message, options.evidence ?? {}, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'VerificationError';
    this.report = report;
  }

  /** The error that `report` calls for: its first failed check, or what it misses, in one sentence. */
  static fromReport(report: VerificationReport): VerificationError {
    const failed = report.checks.filter((check) => check.result === 'fail');
    const first = failed[0];
    const evidence = { receipt: report.receipt, failed: report.failed, missing: report.missing };
    if (first !== undefined) {
      return new VerificationError('VERIFY_FAILED', `The receipt does not hold: ${first.id}: ${first.detail}`, report, {
        evidence,
      });
    }
    const missing = report.missing.length > 0 ? report.missing.join(', ') : `level ${report.level} only`;
    return new VerificationError('VERIFY_INCOMPLETE', `The receipt could not be checked in full: ${missing}.`, report, {
      evidence,
    });
  }
}
