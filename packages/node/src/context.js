// What the routes share: the node's parts, and one request on its way.
import { encodeHex } from '@runproof/protocol';
import { retryAfterSeconds, wireError } from './http/errors.js';
/** Whether receipts can be sealed. After a failure the node says "not ready" for a while, then lets itself be tried again. */
export class Health {
    #clock;
    #failedMs = null;
    constructor(clock) {
        this.#clock = clock;
    }
    sealed() {
        this.#failedMs = null;
    }
    sealFailed() {
        this.#failedMs = this.#clock.now();
    }
    get ok() {
        return this.#failedMs === null || Math.abs(this.#clock.now() - this.#failedMs) > SEAL_FAILURE_MS;
    }
}
const SEAL_FAILURE_MS = 10_000;
const REQUEST_ID_BYTES = 12;
/** One request: who it is in the log, and how it is answered. */
export class RequestContext {
    id;
    request;
    arrivedMs;
    #base;
    constructor(request, node) {
        this.id = `req_${encodeHex(node.random.bytes(REQUEST_ID_BYTES))}`;
        this.request = request;
        this.arrivedMs = node.clock.now();
        this.#base = { ...corsHeaders(request, node.info), 'X-Request-Id': this.id, 'X-Content-Type-Options': 'nosniff' };
    }
    /** Fires when the client's connection is gone. */
    get signal() {
        return this.request.signal;
    }
    reply(status, body, headers) {
        return new Response(body, { status, headers: { ...this.#base, ...headers } });
    }
    json(status, value, headers = {}) {
        return this.reply(status, JSON.stringify(value), { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
    }
    /** OpenAI's error object, with `Retry-After` where it helps. */
    refuse(error, headers = {}) {
        const seconds = retryAfterSeconds(error);
        const retry = seconds === null ? {} : { 'Retry-After': String(seconds) };
        return this.json(error.status, { error: wireError(error, this.id) }, { ...retry, ...headers });
    }
}
const EXPOSED = 'Runproof-Receipt, Runproof-Nonce, X-Request-Id, Retry-After, Server-Timing';
/** Any page may read (or only those that the operator names); no page may send credentials. */
function corsHeaders(request, info) {
    if (info.corsOrigins === '*')
        return { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': EXPOSED };
    const origin = request.headers.get('origin');
    if (origin === null || !info.corsOrigins.includes(origin))
        return { Vary: 'Origin' };
    return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': EXPOSED, Vary: 'Origin' };
}
