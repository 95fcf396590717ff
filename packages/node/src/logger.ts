// Structured log lines. They carry ids, counts, codes and times; never a prompt, an answer, a nonce or a text from a client.

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly [field: string]: string | number | boolean | null;
}

/** Receives every line; must not throw. */
export type Logger = (line: LogLine) => void;

export const silentLogger: Logger = () => {};

/** What a log may say about a failure of ours: name, message and stack of the error and of its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (
    let cause: unknown = error;
    cause !== undefined && parts.length < 4;
    cause = (cause as { cause?: unknown }).cause
  ) {
    parts.push(cause instanceof Error ? (cause.stack ?? `${cause.name}: ${cause.message}`) : typeof cause);
    if (!(cause instanceof Error)) break;
  }
  return parts.join('\ncaused by ');
}
