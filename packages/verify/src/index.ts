export type { Policy } from '@runproof/tlog';
export type { Replayer, ReplayOutcome, ReplayProgress } from './replayer.ts';
export type { Check, CheckId, VerificationReport, VerifiedFacts } from './report.ts';
export { CHECK_IDS } from './report.ts';
export type { VerifyOptions } from './verify.ts';
export { verify } from './verify.ts';
