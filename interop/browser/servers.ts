// Servers of the browser lane: the one that serves the page, and one that stands between page and node and may lie to both.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

async function listen(server: Server): Promise<RunningServer> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function servePage(script: string): Promise<RunningServer> {
  const page =
    '<!doctype html><meta charset="utf-8"><title>Runproof</title><script type="module" src="/page.js"></script>';
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.writeHead(200, {
      'Content-Type': isScript ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8',
    });
    response.end(isScript ? script : page);
  });
  return listen(server);
}

/** What the middle does with the bytes that pass. */
export interface Lies {
  readonly request?: (body: string) => string;
  readonly nonce?: (nonce: string) => string;
  /** `path` tells answers from receipts. */
  readonly response?: (body: string, path: string) => string;
}

/** A proxy before `target` that tells `lies`. It passes on everything else as it is, the node's CORS headers too. */
export function serveBetween(target: string, lies: Lies): Promise<RunningServer> {
  const server = createServer(async (incoming, outgoing) => {
    const path = incoming.url ?? '/';
    const headers = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (!['host', 'connection', 'content-length', 'accept-encoding'].includes(name)) headers.set(name, String(value));
    }
    const nonce = headers.get('runproof-nonce');
    if (nonce !== null && lies.nonce !== undefined) headers.set('runproof-nonce', lies.nonce(nonce));
    const sent = Buffer.concat(await Readable.from(incoming).toArray()).toString();
    const body = lies.request === undefined ? sent : lies.request(sent);
    const init =
      incoming.method === 'POST' ? { method: 'POST', headers, body } : { method: incoming.method ?? 'GET', headers };
    const answer = await fetch(target + path, init);
    const shown = Object.fromEntries(
      [...answer.headers].filter(([name]) => !['content-length', 'connection'].includes(name)),
    );
    outgoing.writeHead(answer.status, shown);
    const text = await answer.text();
    outgoing.end(lies.response === undefined ? text : lies.response(text, path));
  });
  return listen(server);
}
