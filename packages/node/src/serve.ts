// A node on a socket. Everything that the HTTP parser can bound is bounded here, before a route sees the request.
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { RunproofError } from '@runproof/protocol';
import type { RunproofNode } from './node.ts';

export interface ServeOptions {
  readonly host: string;
  /** 0: any free port */
  readonly port: number;
}

export interface NodeServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /**
   * Leaves gracefully: new runs get 503, running ones have `milliseconds` to end and are stopped and sealed then; at last the
   * socket closes. The caller decides on which signal. May be called again with less patience.
   */
  drain(milliseconds: number): Promise<void>;
}

const HEADERS_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 100;
const HEADERS_MS_MAX = 10_000;
const BODY_MS_MAX = 60_000;
const KEEP_ALIVE_MS = 65_000;
const CONNECTIONS_MAX = 1_024;
/** how long the last answers may take to leave, after their runs have ended */
const FLUSH_MS_MAX = 2_000;

function malformed(message: string): string {
  return JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: 'PARAMETER_INVALID' } });
}

/** A request line or a host that make no URL. */
function refuseUrl(): Response {
  return new Response(malformed('The request has no valid URL.'), {
    status: 400,
    headers: { 'Content-Type': 'application/json' },
  });
}

/** HTTP that no route can see is answered here, in the same shape as everywhere. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const large = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const status = large ? '431 Request Header Fields Too Large' : late ? '408 Request Timeout' : '400 Bad Request';
  const message = large
    ? 'The headers are too large.'
    : late
      ? 'The request came too slowly.'
      : 'The request is not valid HTTP.';
  const body = malformed(message);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}

function createServer(node: RunproofNode): Server {
  const listener = getRequestListener((request) => node.fetch(request), {
    errorHandler: refuseUrl,
    overrideGlobalObjects: false,
  });
  const options = {
    maxHeaderSize: HEADERS_BYTES_MAX,
    headersTimeout: HEADERS_MS_MAX,
    requestTimeout: BODY_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const server = createHttpServer(options, (incoming, outgoing) => void listener(incoming, outgoing));
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  // A connection on which nothing moves for as long as a run may wait, think and pause is dead.
  const { queueMsMax, firstTokenMsMax, tokenGapMsMax, stallMsMax } = node.limits;
  server.setTimeout(queueMsMax + firstTokenMsMax + Math.max(tokenGapMsMax, stallMsMax));
  server.on('clientError', refuseMalformed);
  return server;
}

function listen(server: Server, options: ServeOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const place = `${options.host}:${options.port}`;
      const reasons: Readonly<Record<string, string>> = {
        EADDRINUSE: `Port ${options.port} of ${options.host} is in use by another program.`,
        EACCES: `This user may not listen on ${place}.`,
        EADDRNOTAVAIL: `This machine has no address ${options.host}.`,
      };
      const message = reasons[error.code ?? ''] ?? `Cannot listen on ${place}.`;
      reject(
        new RunproofError(
          'CONFIG_INVALID',
          message,
          { setting: 'port', host: options.host, port: options.port },
          { cause: error },
        ),
      );
    };
    server.once('error', onError);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', onError);
      resolve(server.address() as AddressInfo);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), FLUSH_MS_MAX);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Listens; rejects with `CONFIG_INVALID` and one clear sentence when the address cannot be had. */
export async function serveNode(node: RunproofNode, options: ServeOptions): Promise<NodeServer> {
  const server = createServer(node);
  const { address, port, family } = await listen(server, options);
  let closing: Promise<void> | null = null;
  return {
    host: address,
    port,
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async drain(milliseconds) {
      // The socket stays open meanwhile: who comes now is told to come back, instead of meeting a closed door.
      await node.drain(milliseconds);
      closing ??= closeServer(server);
      await closing;
    },
  };
}
