// A local OpenAI endpoint in front of a remote node: programs in any language get answers that were verified, or an error.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CheckOptions, type FetchFunction, verifiedFetch } from '@runproof/client';
import { RunproofError } from '@runproof/protocol';
import { platformEd25519 } from '../platform-ed25519.ts';
import { createPoolFetch, type PoolLimits } from './pool-fetch.ts';
import { asRunproofError, breakStream, requestHeaders, responseHeaders, sendError } from './wire.ts';

export interface ProxyOptions extends CheckOptions {
  /** the node: `http://host:port`, with or without its `/v1` */
  readonly url: string;
  readonly host: string;
  /** 0: any free port */
  readonly port: number;
  /** hold streams back until they are verified */
  readonly strict?: boolean;
  readonly limits?: Partial<ProxyLimits>;
}

interface ProxyLimits extends PoolLimits {
  /** requests at once; more get 503 */
  readonly requestsMax: number;
  /** bytes of one request body */
  readonly bodyBytesMax: number;
  /** one request as a whole */
  readonly totalMsMax: number;
}

export interface ProxyServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const DEFAULT_LIMITS: ProxyLimits = {
  requestsMax: 64,
  connectionsMax: 64,
  bodyBytesMax: 16 * 1024 * 1024,
  connectMsMax: 10_000,
  headersMsMax: 660_000,
  bodyMsMax: 120_000,
  totalMsMax: 900_000,
};
const HEADERS_MS_MAX = 10_000;
const BODY_MS_MAX = 60_000;

/** What is verified, and what says nothing that needs to be. Everything else is refused: it would look verified. */
const VERIFIED = /^\/v1\/(?:chat\/)?completions$/;
const INFORMATION = /^\/(?:v1\/models(?:\/[A-Za-z0-9._:/-]{1,128})?|v1\/receipts\/[0-9a-f]{64}|livez|readyz)$/;

interface ProxyContext {
  /** URL of the node without trailing slash and without `/v1` */
  readonly base: string;
  readonly limits: ProxyLimits;
  readonly verified: FetchFunction;
  readonly plain: FetchFunction;
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > bytesMax)
      throw new RunproofError('JSON_SIZE', `The request body is larger than ${bytesMax} bytes.`, {
        bytes_max: bytesMax,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Passes the body on at the pace of the client. A body that fails after its head was sent breaks the connection. */
async function sendBody(
  body: ReadableStream<Uint8Array> | null,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  if (body === null) {
    response.end();
    return;
  }
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (response.write(value)) continue;
      await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(BODY_MS_MAX)]) });
    }
    response.end();
  } catch (error) {
    reader.cancel().catch(() => {});
    if (response.destroyed) return;
    breakStream(response, asRunproofError(error));
  }
}

async function forward(context: ProxyContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const verifies = VERIFIED.test(pathname);
  if (!verifies && !INFORMATION.test(pathname)) {
    throw new RunproofError(
      'NOT_FOUND',
      `This proxy passes on what it can verify, and ${request.method} ${pathname} is not of that.`,
    );
  }
  if (request.method !== (verifies ? 'POST' : 'GET'))
    throw new RunproofError('METHOD_NOT_ALLOWED', `${pathname} takes ${verifies ? 'POST' : 'GET'}.`);
  const body = verifies ? { body: await readBody(request, context.limits.bodyBytesMax) } : {};
  const left = new AbortController();
  response.once('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, AbortSignal.timeout(context.limits.totalMsMax)]);
  const send = verifies ? context.verified : context.plain;
  const answer = await send(`${context.base}${pathname}${search}`, {
    method: request.method,
    headers: requestHeaders(request),
    signal,
    ...body,
  });
  if (answer.status >= 300 && answer.status < 400) {
    await answer.body?.cancel();
    throw new RunproofError(
      'UPSTREAM_UNREACHABLE',
      `The node answered with a redirect (status ${answer.status}), which is not followed.`,
    );
  }
  response.writeHead(answer.status, responseHeaders(answer));
  await sendBody(answer.body, response, signal);
}

function createHandler(context: ProxyContext): (request: IncomingMessage, response: ServerResponse) => void {
  let running = 0;
  return (request, response) => {
    if (running >= context.limits.requestsMax) {
      sendError(
        response,
        new RunproofError('OVERLOADED', `This proxy works on ${running} requests at once and no more.`),
      );
      return;
    }
    running += 1;
    forward(context, request, response)
      .catch((error: unknown) => {
        if (response.destroyed) return;
        if (response.headersSent) response.destroy();
        else sendError(response, asRunproofError(error));
      })
      .finally(() => {
        running -= 1;
      });
  };
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message =
        error.code === 'EADDRINUSE'
          ? `Port ${port} of ${host} is in use by another program.`
          : `Cannot listen on ${host}:${port} (${error.code}).`;
      reject(new RunproofError('CONFIG_INVALID', message, { setting: 'port', port }, { cause: error }));
    });
    server.listen({ host, port }, () => resolve(server.address() as AddressInfo));
  });
}

/** Listens. Rejects with `CONFIG_INVALID` when the address cannot be had or `url` is none, and `POLICY_SYNTAX` for a damaged policy. */
export async function startProxy(options: ProxyOptions): Promise<ProxyServer> {
  if (!URL.canParse(options.url) || !/^https?:$/.test(new URL(options.url).protocol)) {
    throw new RunproofError('CONFIG_INVALID', `${options.url} is not an http or https URL.`, { setting: 'url' });
  }
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const remote = new URL(options.url);
  const pool = createPoolFetch(remote.origin, limits);
  const base = remote.origin + remote.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  const context: ProxyContext = {
    base,
    limits,
    plain: pool.fetch,
    verified: verifiedFetch({ ...options, ed25519: platformEd25519, fetch: pool.fetch }),
  };
  const server = createServer({ headersTimeout: HEADERS_MS_MAX, requestTimeout: BODY_MS_MAX }, createHandler(context));
  server.maxConnections = limits.requestsMax * 4;
  const address = await listen(server, options.host, options.port);
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await pool.close();
    },
  };
}
