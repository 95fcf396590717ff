// Errors of the file system, as one sentence.
import { RunproofError } from '@runproof/protocol';

/** The `code` of a system error (`ENOSPC`), or null. */
function systemErrorCode(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}

/** `LOG_UNWRITABLE` for a system error; other errors come back as they are. */
export function asUnwritable(error: unknown, what: string): unknown {
  const code = systemErrorCode(error);
  if (RunproofError.isInstance(error) || code === null) return error;
  return new RunproofError('LOG_UNWRITABLE', `${what}: ${(error as Error).message}`, { error: code }, { cause: error });
}

export function corrupt(message: string, evidence: Record<string, string | number> = {}): RunproofError {
  return new RunproofError('LOG_CORRUPT', message, evidence);
}
