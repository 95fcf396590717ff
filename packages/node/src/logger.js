// Structured log lines. They carry ids, counts, codes and times; never a prompt, an answer, a nonce or a text from a client.
export const silentLogger = () => { };
/** What a log may say about a failure of ours: name, message and stack of the error and of its causes. */
export function describeError(error) {
    const parts = [];
    for (let cause = error; cause !== undefined && parts.length < 4; cause = cause.cause) {
        parts.push(cause instanceof Error ? (cause.stack ?? `${cause.name}: ${cause.message}`) : typeof cause);
        if (!(cause instanceof Error))
            break;
    }
    return parts.join('\ncaused by ');
}
