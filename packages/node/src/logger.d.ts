export interface LogLine {
    readonly level: 'info' | 'warn' | 'error';
    readonly event: string;
    readonly [field: string]: string | number | boolean | null;
}
/** Receives every line; must not throw. */
export type Logger = (line: LogLine) => void;
export declare const silentLogger: Logger;
/** What a log may say about a failure of ours: name, message and stack of the error and of its causes. */
export declare function describeError(error: unknown): string;
