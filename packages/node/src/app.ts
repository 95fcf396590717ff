// Paths, methods, and what is the same for every request: its id, its place in the log and in the numbers, its failures.
import { type Operation, RunproofError } from '@runproof/protocol';
import { Hono } from 'hono';
import { answerCompletion } from './api/completions.ts';
import { type NodeContext, RequestContext } from './context.ts';
import { asRunproofError } from './http/errors.ts';
import { describeError } from './logger.ts';
import { getLivez, getMetrics, getPage, getReadyz, getWellKnown } from './routes/about.ts';
import { getCheckpoint, getTile } from './routes/log.ts';
import { getModel, listModels } from './routes/models.ts';
import { getReceipt } from './routes/receipts.ts';

type Handler = (context: RequestContext, rest: string) => Response | Promise<Response>;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly handler: Handler;
}

function routes(node: NodeContext): readonly Route[] {
  const complete =
    (operation: Operation): Handler =>
    (context) =>
      answerCompletion(node, context, operation);
  return [
    { method: 'POST', path: '/v1/chat/completions', handler: complete('chat.completion') },
    { method: 'POST', path: '/v1/completions', handler: complete('text.completion') },
    { method: 'GET', path: '/v1/models', handler: (context) => listModels(node, context) },
    { method: 'GET', path: '/v1/models/*', handler: (context, rest) => getModel(node, context, rest) },
    { method: 'GET', path: '/v1/receipts/*', handler: (context, rest) => getReceipt(node, context, rest) },
    { method: 'GET', path: '/log/checkpoint', handler: (context) => getCheckpoint(node, context) },
    { method: 'GET', path: '/log/tile/*', handler: (context, rest) => getTile(node, context, `tile/${rest}`) },
    { method: 'GET', path: '/livez', handler: (context) => getLivez(context) },
    { method: 'GET', path: '/readyz', handler: (context) => getReadyz(node, context) },
    { method: 'GET', path: '/metrics', handler: (context) => getMetrics(node, context) },
    { method: 'GET', path: '/.well-known/runproof.json', handler: (context) => getWellKnown(node, context) },
    { method: 'GET', path: '/', handler: (context) => getPage(node, context) },
  ];
}

/** What the `*` of a route stands for, decoded; null when the path is not well-formed percent-encoding. */
function restOf(route: Route, url: string): string | null {
  if (!route.path.endsWith('*')) return '';
  try {
    return decodeURIComponent(new URL(url).pathname.slice(route.path.length - 1));
  } catch {
    return null;
  }
}

function notFound(): RunproofError {
  return new RunproofError('NOT_FOUND', 'There is nothing at this path.');
}

const REFUSALS_FOR_ROOM: ReadonlySet<string> = new Set(['OVERLOADED', 'SHUTTING_DOWN']);

/** The answer of `handler`, or of its failure; counted and logged under the route's own path, never the client's spelling. */
async function answer(
  node: NodeContext,
  context: RequestContext,
  path: string,
  handler: () => Response | Promise<Response>,
): Promise<Response> {
  let response: Response;
  let code: string | null = null;
  try {
    response = await handler();
  } catch (cause) {
    const error = asRunproofError(cause);
    code = error.code;
    if (REFUSALS_FOR_ROOM.has(code)) node.metrics.refused.add(1, { code });
    else if (error.status >= 500) {
      node.logger({ level: 'error', event: 'request.failed', request: context.id, code, detail: describeError(cause) });
    }
    response = context.refuse(error);
  }
  const { status } = response;
  node.metrics.requests.add(1, { route: path, status: String(status) });
  const ms = node.clock.now() - context.arrivedMs;
  node.logger({
    level: 'info',
    event: 'request',
    request: context.id,
    method: context.request.method === 'POST' ? 'POST' : 'GET',
    route: path,
    status,
    ms,
    code,
  });
  return response;
}

function preflight(node: NodeContext, request: Request): Response {
  const context = new RequestContext(request, node);
  return context.reply(204, null, {
    'Access-Control-Allow-Methods': 'GET, HEAD, POST',
    // `*` does not cover Authorization, which stock OpenAI clients send.
    'Access-Control-Allow-Headers': request.headers.get('access-control-request-headers') ?? '*, Authorization',
    'Access-Control-Max-Age': '7200',
  });
}

/** The HTTP interface of a node. */
export function createApp(node: NodeContext): Hono {
  const app = new Hono();
  app.options('*', (c) => preflight(node, c.req.raw));
  for (const route of routes(node)) {
    app.on(route.method, route.path, (c) => {
      const context = new RequestContext(c.req.raw, node);
      return answer(node, context, route.path, () => {
        const rest = restOf(route, context.request.url);
        if (rest === null) throw notFound();
        return route.handler(context, rest);
      });
    });
    app.all(route.path, (c) => {
      const context = new RequestContext(c.req.raw, node);
      return answer(node, context, route.path, () => {
        const error = new RunproofError('METHOD_NOT_ALLOWED', `This path answers ${route.method} only.`);
        return context.refuse(error, { Allow: route.method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS' });
      });
    });
  }
  app.notFound((c) => {
    const context = new RequestContext(c.req.raw, node);
    return answer(node, context, 'other', () => Promise.reject(notFound()));
  });
  return app;
}
