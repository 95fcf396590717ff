// What the routes share: the node's parts, and one request on its way.
import { encodeHex, type RunproofError } from '@runproof/protocol';
import type { NodeInfo, NodeLimits } from './config.ts';
import type { BodyBudget } from './http/body.ts';
import { retryAfterSeconds, wireError } from './http/errors.ts';
import type { Logger } from './logger.ts';
import type { Clock, Random } from './ports.ts';
import type { Admission } from './run/admission.ts';
import type { RunRegistry } from './run/registry.ts';
import type { SealPorts } from './seal/seal.ts';

/** Whether receipts can be sealed. After a failure the node says "not ready" for a while, then lets itself be tried again. */
export class Health {
  readonly #clock: Clock;
  #failedMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sealed(): void {
    this.#failedMs = null;
  }

  sealFailed(): void {
    this.#failedMs = this.#clock.now();
  }

  get ok(): boolean {
    return this.#failedMs === null || Math.abs(this.#clock.now() - this.#failedMs) > SEAL_FAILURE_MS;
  }
}

const SEAL_FAILURE_MS = 10_000;
const REQUEST_ID_BYTES = 12;

export interface NodeContext extends SealPorts {
  readonly limits: NodeLimits;
  readonly info: NodeInfo;
  readonly logger: Logger;
  readonly admission: Admission;
  readonly bodies: BodyBudget;
  readonly runs: RunRegistry;
  readonly health: Health;
  /** false from the moment on in which the node begins to leave */
  readonly accepting: () => boolean;
}

type ReplyHeaders = Readonly<Record<string, string>>;

/** One request: who it is in the log, and how it is answered. */
export class RequestContext {
  readonly id: string;
  readonly request: Request;
  readonly arrivedMs: number;
  readonly #base: ReplyHeaders;

  constructor(request: Request, node: { readonly random: Random; readonly clock: Clock; readonly info: NodeInfo }) {
    this.id = `req_${encodeHex(node.random.bytes(REQUEST_ID_BYTES))}`;
    this.request = request;
    this.arrivedMs = node.clock.now();
    this.#base = { ...corsHeaders(request, node.info), 'X-Request-Id': this.id, 'X-Content-Type-Options': 'nosniff' };
  }

  /** Fires when the client's connection is gone. */
  get signal(): AbortSignal {
    return this.request.signal;
  }

  reply(
    status: number,
    body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
    headers: ReplyHeaders,
  ): Response {
    return new Response(body, { status, headers: { ...this.#base, ...headers } });
  }

  json(status: number, value: unknown, headers: ReplyHeaders = {}): Response {
    return this.reply(status, JSON.stringify(value), {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      ...headers,
    });
  }

  /** OpenAI's error object, with `Retry-After` where it helps. */
  refuse(error: RunproofError, headers: ReplyHeaders = {}): Response {
    const seconds = retryAfterSeconds(error);
    const retry: ReplyHeaders = seconds === null ? {} : { 'Retry-After': String(seconds) };
    return this.json(error.status, { error: wireError(error, this.id) }, { ...retry, ...headers });
  }
}

const EXPOSED = 'Runproof-Receipt, Runproof-Nonce, X-Request-Id, Retry-After, Server-Timing';

/** Any page may read (or only those that the operator names); no page may send credentials. */
function corsHeaders(request: Request, info: NodeInfo): ReplyHeaders {
  if (info.corsOrigins === '*') return { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': EXPOSED };
  const origin = request.headers.get('origin');
  if (origin === null || !info.corsOrigins.includes(origin)) return { Vary: 'Origin' };
  return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': EXPOSED, Vary: 'Origin' };
}
