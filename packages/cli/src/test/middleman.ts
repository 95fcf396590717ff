// A real node on a socket, and a server in front of it that may change what the node says. Everything is real HTTP.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveNode } from '@runproof/node';
import { policyHint } from '../../../node/src/routes/about.ts';
import { createKit, type Kit } from '../../../node/src/test/kit.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Changes an answer of a run. `hang` never answers, `reset` breaks the connection. */
export type Tamper = (answer: Answer) => Answer | 'hang' | 'reset';

export interface Middleman {
  readonly kit: Kit;
  readonly policy: string;
  /** address of the middleman */
  readonly url: string;
  readonly seen: { url: string; headers: IncomingHttpHeaders }[];
  tamper: Tamper | null;
  close(): Promise<void>;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, () => resolve()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function wanted(headers: IncomingHttpHeaders): Record<string, string> {
  const names = ['content-type', 'authorization', 'runproof-nonce'];
  return Object.fromEntries(
    names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}

export async function startMiddleman(): Promise<Middleman> {
  const kit = createKit();
  const node = await serveNode(kit.node, { host: '127.0.0.1', port: 0 });
  const middleman: { tamper: Tamper | null; seen: Middleman['seen'] } = { tamper: null, seen: [] };
  const server = createServer(async (request, response) => {
    middleman.seen.push({ url: request.url ?? '', headers: request.headers });
    const body = await bodyOf(request);
    const init = request.method === 'POST' ? { body } : {};
    const left = new AbortController();
    response.on('close', () => left.abort());
    try {
      const answer = await fetch(node.url + request.url, {
        method: request.method ?? 'GET',
        headers: wanted(request.headers),
        signal: left.signal,
        ...init,
      });
      const headers = Object.fromEntries(
        [...answer.headers].filter(([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name)),
      );
      if (middleman.tamper === null || request.method !== 'POST') {
        response.writeHead(answer.status, headers);
        for await (const bytes of (answer.body ?? []) as AsyncIterable<Uint8Array>) response.write(bytes);
        response.end();
        return;
      }
      const changed = middleman.tamper({ status: answer.status, headers, body: await answer.text() });
      if (changed === 'hang') return;
      if (changed === 'reset') request.socket.destroy();
      else response.writeHead(changed.status, changed.headers).end(changed.body);
    } catch {
      response.destroy();
    }
  });
  const url = await listen(server);
  return Object.assign(middleman, {
    kit,
    policy: policyHint(kit),
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await node.drain(0);
    },
  });
}
