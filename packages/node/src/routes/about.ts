// What the node says about itself: health, numbers, trust hints, and a page for people.
import type { NodeContext, RequestContext } from '../context.ts';
import { renderPage } from './page.ts';

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' };

/** The process answers. */
export function getLivez(context: RequestContext): Response {
  return context.reply(200, 'ok\n', PLAIN);
}

/** New runs are taken, and their receipts can be sealed. */
export function getReadyz(node: NodeContext, context: RequestContext): Response {
  const accepting = node.accepting();
  const ready = accepting && node.health.ok;
  const status = ready ? 'ready' : accepting ? 'receipts cannot be sealed' : 'draining';
  return context.json(ready ? 200 : 503, { status, running: node.admission.running, waiting: node.admission.waiting });
}

export function getMetrics(node: NodeContext, context: RequestContext): Response {
  const headers = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' };
  return context.reply(200, node.metrics.render(), headers);
}

/** A policy under which receipts of this node would verify; a person decides whether to trust it (specs/policy.md). */
export function policyHint(node: Pick<NodeContext, 'engine' | 'log'>): string {
  const { engine, log } = node;
  return `log ${log.vkey}\nmodel ${engine.model.digest} ${engine.model.name}\nengine ${engine.contract}\nquorum none\n`;
}

/** specs/receipt.md, Transport. */
export function getWellKnown(node: NodeContext, context: RequestContext): Response {
  const { engine, log } = node;
  const about = {
    engine: { build: engine.build, contract: engine.contract },
    log: '/log',
    models: [{ digest: engine.model.digest, name: engine.model.name }],
    origin: log.origin,
    policy: policyHint(node),
    schema: 'runproof/node/1',
    vkey: log.vkey,
  };
  return context.json(200, about, { 'Cache-Control': 'no-cache' });
}

/** No script, no frame, nothing from elsewhere. */
const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
};

export function getPage(node: NodeContext, context: RequestContext): Response {
  const { engine, log, info } = node;
  const page = renderPage({
    base: new URL(context.request.url).origin,
    model: engine.model.name,
    digest: engine.model.digest,
    contract: engine.contract,
    build: engine.build,
    origin: log.origin,
    vkey: log.vkey,
    version: info.version,
  });
  return context.reply(200, page, PAGE_HEADERS);
}
