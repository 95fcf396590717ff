// What the proxy passes on of a message, and how it says that something does not hold.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { VerificationError } from '@runproof/client';
import { explainError, RunproofError } from '@runproof/protocol';

/** RFC 9110 §7.6.1: of one connection only; and what the proxy decides itself. */
const NOT_PASSED_ON = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'accept-encoding',
  'expect',
  'runproof-nonce',
  'content-encoding',
  'date',
]);

/** Headers of a client's request for the node. */
export function requestHeaders(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (NOT_PASSED_ON.has(name) || value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) headers.append(name, item);
  }
  return headers;
}

/** Headers of the node's response for the client. */
export function responseHeaders(response: Response): Record<string, string> {
  return Object.fromEntries([...response.headers].filter(([name]) => !NOT_PASSED_ON.has(name)));
}

/** OpenAI's error object, with what was checked beside it. */
function errorBody(error: RunproofError): string {
  const { failed = null, missing = null, receipt = null } = error.evidence;
  const verification = error instanceof VerificationError ? { runproof: { failed, missing, receipt } } : {};
  const type = error.status < 500 ? 'invalid_request_error' : 'server_error';
  return JSON.stringify({
    error: { message: explainError(error), type, param: null, code: error.code, ...verification },
  });
}

/** Any failure as a member of the one family. */
export function asRunproofError(error: unknown): RunproofError {
  if (RunproofError.isInstance(error)) return error;
  return new RunproofError('UPSTREAM_UNREACHABLE', 'The connection to the node was cut.', {}, { cause: error });
}

/** Answers with an error; SDKs are told not to try again where that would not help. */
export function sendError(response: ServerResponse, error: RunproofError): void {
  const retry =
    error.code === 'OVERLOADED'
      ? { 'retry-after': '1' }
      : error instanceof VerificationError
        ? { 'x-should-retry': 'false' }
        : {};
  response.writeHead(error.status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...retry });
  response.end(errorBody(error));
}

/**
 * Ends a stream that does not hold: SDKs throw on an `error` chunk; whoever only reads bytes sees the connection break before the end of
 * the chunked body.
 */
export function breakStream(response: ServerResponse, error: RunproofError): void {
  response.write(`data: ${errorBody(error)}\n\n`, () => response.socket?.destroySoon());
}
