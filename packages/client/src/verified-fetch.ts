// A `fetch` whose answers have been checked. It stands where SDKs expect `fetch`, and they need not know.
import { isJsonObject, parseJson, RunproofError } from '@runproof/protocol';
import { parsePolicy } from '@runproof/tlog';
import { VerificationError } from './errors.ts';
import {
  type CheckOptions,
  checkExchange,
  type Exchange,
  type FetchFunction,
  freshNonce,
  requestBytes,
} from './exchange.ts';
import { RESPONSE_BYTES_MAX } from './limits.ts';
import { readBounded } from './read-bounded.ts';
import { verifiedStream } from './verified-stream.ts';

export interface VerifiedFetchOptions extends CheckOptions {
  /** Hold a stream back until its receipt is checked, instead of passing tokens on as they arrive (default false). */
  readonly strict?: boolean;
  /** What makes the requests (default: the platform's `fetch`). */
  readonly fetch?: FetchFunction;
}

/** A request that is sealed, with what its check needs. */
interface Pending {
  readonly url: URL;
  readonly nonce: string;
  readonly request: Uint8Array<ArrayBuffer>;
  readonly headers: Headers;
  readonly signal: AbortSignal | null;
  readonly fetch: FetchFunction;
}

const SEALED_PATH = /\/(?:chat\/)?completions\/?$/;
/** Methods that ask for no run (RFC 9110 §9.2.1). */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** An SDK may choose another API than its user thinks, such as `/responses`: what comes back there would look verified. */
function uncovered(method: string, url: URL): VerificationError {
  return new VerificationError(
    'VERIFY_INCOMPLETE',
    `No receipt covers ${method} ${url.pathname}: use chat completions or completions, or another fetch.`,
    null,
    { evidence: { missing: ['receipt'], path: url.pathname } },
  );
}

/**
 * A `fetch` for `new OpenAI({ fetch })` and its like. POST requests to `…/chat/completions` and `…/completions` carry a fresh nonce, and
 * their answers are checked against their receipts (specs/receipt.md, Transport). Requests that only read (`GET /models`) pass through
 * untouched; every other one (`POST …/responses`, `…/embeddings`) rejects with `VerificationError` and is not sent: no receipt covers it.
 *
 * A plain answer that does not hold is never returned: the call rejects with `VerificationError`. A stream is passed on as it arrives,
 * but for its finish reason, receipt and `[DONE]`, which follow only after the receipt holds; otherwise it ends in a `VerificationError`.
 * An error response (4xx, 5xx) is returned as it is: it is not an answer.
 *
 * Throws `CONFIG_INVALID` when level `replayed` is asked for without `replay`, and `POLICY_SYNTAX` for a policy that is none.
 */
export function verifiedFetch(given: VerifiedFetchOptions): FetchFunction {
  const options = { ...given, policy: typeof given.policy === 'string' ? parsePolicy(given.policy) : given.policy };
  if (options.level === 'replayed' && options.replay === undefined) {
    throw new RunproofError('CONFIG_INVALID', 'Level replayed needs a replay: the verifier must hold the model.', {
      setting: 'replay',
    });
  }
  const send: FetchFunction = options.fetch ?? ((input, init) => fetch(input, init));
  return async (input, init) => {
    const url = requestUrl(input);
    const method = (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase();
    if (url === null || READING.has(method)) return send(input, init);
    if (method !== 'POST' || !SEALED_PATH.test(url.pathname)) throw uncovered(method, url);
    const request = await requestBytes(input, init);
    const nonce = freshNonce();
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.set('Runproof-Nonce', nonce);
    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    // No redirect is followed: a request that a person did not address elsewhere does not go elsewhere.
    const response = await send(url.href, { ...init, method, headers, body: request, signal, redirect: 'error' });
    if (response.status >= 400) return response;
    assertKind(response, request);
    const pending: Pending = { url, nonce, request, headers, signal, fetch: send };
    return isEventStream(response) ? checkStream(response, pending, options) : checkPlain(response, pending, options);
  };
}

function requestUrl(input: string | URL | Request): URL | null {
  const text = input instanceof Request ? input.url : String(input);
  try {
    return new URL(
      text,
      'location' in globalThis ? String((globalThis as { location?: unknown }).location) : undefined,
    );
  } catch {
    // Not ours to complain of: `fetch` says what is wrong with it.
    return null;
  }
}

function wantsStream(request: Uint8Array): boolean {
  try {
    const value = parseJson(request);
    return isJsonObject(value) && value.stream === true;
  } catch {
    // The node refuses such a request; if it does not, the checks will.
    return false;
  }
}

/**
 * An answer of the kind that was asked for. A redirect would lead its reader to an answer that nobody checks, and an SDK that waits for
 * events reads a plain answer as an empty one.
 */
function assertKind(response: Response, request: Uint8Array): void {
  if (response.ok && isEventStream(response) === wantsStream(request)) return;
  response.body?.cancel().catch(() => {});
  const evidence = {
    failed: ['response.match'],
    status: response.status,
    content_type: response.headers.get('content-type'),
  };
  throw new VerificationError(
    'VERIFY_FAILED',
    `The answer is not of the kind that was asked for (status ${response.status}).`,
    null,
    { evidence },
  );
}

function isEventStream(response: Response): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(response.headers.get('content-type') ?? '');
}

/** Headers for the bytes that we hand out: no longer compressed, no longer of a known length. */
function headersOfBytes(response: Response): Headers {
  const headers = new Headers(response.headers);
  headers.delete('content-encoding');
  headers.delete('content-length');
  return headers;
}

async function checkPlain(response: Response, pending: Pending, options: VerifiedFetchOptions): Promise<Response> {
  const id = response.headers.get('Runproof-Receipt');
  if (id === null || !/^[0-9a-f]{64}$/.test(id)) {
    response.body?.cancel().catch(() => {});
    throw new VerificationError('VERIFY_INCOMPLETE', 'The answer came without a receipt.', null, {
      evidence: { missing: ['receipt'] },
    });
  }
  const body = await readBounded(response.body, RESPONSE_BYTES_MAX, 'The answer');
  const receipt = await fetchReceipt(id, pending);
  await checkExchange(exchangeOf(pending, body, receipt), options);
  return new Response(body, {
    status: response.status,
    statusText: response.statusText,
    headers: headersOfBytes(response),
  });
}

function exchangeOf(pending: Pending, response: Uint8Array, receipt: Uint8Array): Exchange {
  return { url: pending.url.href, nonce: pending.nonce, request: pending.request, response, receipt };
}

/** The bundle of receipt `id` from the server that answered. Whoever sends another one is caught by the checks. */
async function fetchReceipt(id: string, pending: Pending): Promise<Uint8Array> {
  const url = new URL(pending.url);
  url.pathname = url.pathname.replace(SEALED_PATH, `/receipts/${id}`);
  url.search = '';
  const headers = new Headers(pending.headers);
  for (const name of ['content-type', 'content-length', 'accept']) headers.delete(name);
  const response = await pending.fetch(url.href, { method: 'GET', headers, signal: pending.signal, redirect: 'error' });
  if (response.ok) return readBounded(response.body, RESPONSE_BYTES_MAX, 'The receipt');
  response.body?.cancel().catch(() => {});
  const evidence = { missing: ['receipt'], receipt: id, status: response.status };
  throw new VerificationError(
    'VERIFY_INCOMPLETE',
    `The receipt of the answer was not there (status ${response.status}).`,
    null,
    { evidence },
  );
}

async function checkStream(response: Response, pending: Pending, options: VerifiedFetchOptions): Promise<Response> {
  if (response.body === null) {
    throw new VerificationError('VERIFY_INCOMPLETE', 'The stream came without a body.', null, {
      evidence: { missing: ['receipt'] },
    });
  }
  const stream = verifiedStream(response.body, {
    operation: /\/chat\/completions\/?$/.test(pending.url.pathname) ? 'chat.completion' : 'text.completion',
    bytesMax: RESPONSE_BYTES_MAX,
    check: (raw, receipt, failed) => checkExchange(exchangeOf(pending, raw, receipt), options, failed),
  });
  const body = options.strict === true ? await readBounded(stream, RESPONSE_BYTES_MAX, 'The answer') : stream;
  return new Response(body, {
    status: response.status,
    statusText: response.statusText,
    headers: headersOfBytes(response),
  });
}
