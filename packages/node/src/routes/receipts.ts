// GET /v1/receipts/{id}: the canonical bytes of a bundle. They never change, so who has them may keep them for ever.
import { RunproofError } from '@runproof/protocol';
import type { NodeContext, RequestContext } from '../context.ts';

function notFound(): RunproofError {
  return new RunproofError('RECEIPT_NOT_FOUND', 'This node has no receipt with that id.');
}

/** The nonce stands in the canonical body under a name that occurs there once; names and values of others cannot hold a bare quote. */
function hasNonce(bundle: string, nonce: string | null): boolean {
  return nonce !== null && /^[0-9a-f]+$/.test(nonce) && bundle.includes(`,"nonce":"${nonce}","operation":`);
}

export async function getReceipt(node: NodeContext, context: RequestContext, id: string): Promise<Response> {
  if (!/^[0-9a-f]{64}$/.test(id)) throw notFound();
  const bundle = await node.store.get(id);
  if (bundle === null) throw notFound();
  // A page from elsewhere (browsers send its Origin) is not "anyone": it could read the log of a node that only its visitor reaches.
  const { headers } = context.request;
  const open = node.info.receiptAccess === 'anyone' && headers.get('origin') === null;
  // Who lacks the nonce must not learn that the receipt is here.
  if (!open && !hasNonce(bundle, headers.get('runproof-nonce'))) throw notFound();
  const tag = `"${id}"`;
  const caching = {
    'Cache-Control': open ? 'public, max-age=31536000, immutable' : 'private, max-age=31536000, immutable',
    ETag: tag,
    Vary: 'Origin, Runproof-Nonce',
  };
  if (headers.get('if-none-match') === tag) return context.reply(304, null, caching);
  return context.reply(200, bundle, { 'Content-Type': 'application/json', ...caching });
}
