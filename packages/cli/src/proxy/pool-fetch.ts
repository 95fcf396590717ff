// `fetch` over an undici Pool: one upstream, bounded connections, explicit deadlines.
import type { Readable } from 'node:stream';
import type { FetchFunction } from '@runproof/client';
import { RunproofError } from '@runproof/protocol';
import { Pool } from 'undici';

export interface PoolLimits {
  readonly connectionsMax: number;
  readonly connectMsMax: number;
  /** until the head of a response: for a plain answer that is the whole run */
  readonly headersMsMax: number;
  /** between two pieces of a body */
  readonly bodyMsMax: number;
}

interface PoolFetch {
  readonly fetch: FetchFunction;
  close(): Promise<void>;
}

const BODILESS = new Set([204, 205, 304]);

function asRunproofError(error: unknown, origin: string): unknown {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new RunproofError(
      'DEADLINE_EXCEEDED',
      `${origin} did not answer in time.`,
      { reason: code },
      { cause: error },
    );
  }
  if (code === 'UND_ERR_ABORTED' || (error as Error | null)?.name === 'AbortError') return error;
  return new RunproofError(
    'UPSTREAM_UNREACHABLE',
    `${origin} cannot be reached (${code === '' ? 'no reason given' : code}).`,
    { reason: code },
    { cause: error },
  );
}

/**
 * The body as a web stream that reads only when it is asked to. Not `Readable.toWeb`: data that comes after a cancellation makes that
 * one throw where nobody can catch it.
 */
function webStream(body: Readable, origin: string): ReadableStream<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  // Destroying a body that was not read to its end is an error event; whoever cancels knows already.
  body.on('error', () => {});
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(asRunproofError(error, origin));
        }
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}

/** A `fetch` for URLs below `origin`. Redirects are not followed. Rejects with `UPSTREAM_UNREACHABLE` or `DEADLINE_EXCEEDED`. */
export function createPoolFetch(origin: string, limits: PoolLimits): PoolFetch {
  const pool = new Pool(origin, {
    connections: limits.connectionsMax,
    connect: { timeout: limits.connectMsMax },
    headersTimeout: limits.headersMsMax,
    bodyTimeout: limits.bodyMsMax,
    pipelining: 1,
  });
  const send: FetchFunction = async (input, init) => {
    const url = new URL(String(input));
    if (url.origin !== origin)
      throw new RunproofError('INTERNAL', `a request for ${url.origin} in the pool of ${origin}`);
    const headers = Object.fromEntries(new Headers(init?.headers));
    // The commitment is over the bytes as they are: no one may compress them on the way.
    headers['accept-encoding'] = 'identity';
    try {
      const answer = await pool.request({
        path: url.pathname + url.search,
        method: (init?.method ?? 'GET') as 'GET' | 'POST',
        headers,
        body: (init?.body ?? null) as Uint8Array | string | null,
        signal: init?.signal ?? null,
      });
      const stream = webStream(answer.body, origin);
      const bodiless = BODILESS.has(answer.statusCode);
      if (bodiless) await stream.cancel();
      return new Response(bodiless ? null : stream, { status: answer.statusCode, headers: headersOf(answer.headers) });
    } catch (error) {
      throw asRunproofError(error, origin);
    }
  };
  return { fetch: send, close: () => pool.destroy() };
}

function headersOf(from: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(from)) {
    for (const item of Array.isArray(value) ? value : value === undefined ? [] : [value]) headers.append(name, item);
  }
  return headers;
}
