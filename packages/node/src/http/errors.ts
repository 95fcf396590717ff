// Failures as clients see them: OpenAI's error object, with our closed code in `code`.
import { type ErrorCode, explainError, RunproofError } from '@runproof/protocol';

interface WireError {
  readonly message: string;
  readonly type: 'invalid_request_error' | 'server_error';
  readonly param: string | null;
  readonly code: ErrorCode;
}

/** Codes of status 5xx whose message says nothing about the machine, so that a client may read it. */
const SPEAKABLE: ReadonlySet<ErrorCode> = new Set([
  'OVERLOADED',
  'SHUTTING_DOWN',
  'DEADLINE_EXCEEDED',
  'ENGINE_NONFINITE',
]);

/** Every failure as a member of the one family; what is not of it is a broken invariant of ours. */
export function asRunproofError(error: unknown): RunproofError {
  if (RunproofError.isInstance(error)) return error;
  return new RunproofError('INTERNAL', 'An unexpected failure.', {}, { cause: error });
}

/** OpenAI's `error` object. Messages that may speak of files, or of code, stay in the node's log. */
export function wireError(error: RunproofError, requestId: string): WireError {
  const parameter = error.evidence.parameter;
  const client = error.status < 500;
  const failure = SPEAKABLE.has(error.code)
    ? error.message
    : `The node failed (${error.code}); its log has the reason under ${requestId}.`;
  return {
    message: client ? explainError(error) : failure,
    type: client ? 'invalid_request_error' : 'server_error',
    param: typeof parameter === 'string' ? parameter : null,
    code: error.code,
  };
}

/** Seconds after which a refused client should try again, or null when that would not help. */
export function retryAfterSeconds(error: RunproofError): number | null {
  const seconds = error.evidence.retry_after_seconds;
  return typeof seconds === 'number' ? seconds : null;
}
