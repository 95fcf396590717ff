// GET /log/…: the static read API of the log (c2sp.org/tlog-tiles), from the log that holds this node's receipts.
import { RunproofError } from '@runproof/protocol';
import { parseTilePath } from '@runproof/tlog';
import type { NodeContext, RequestContext } from '../context.ts';

export async function getCheckpoint(node: NodeContext, context: RequestContext): Promise<Response> {
  const note = await node.log.checkpoint();
  return context.reply(200, note, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache' });
}

/** `path` is what follows `/log/`. A tile of a given width never changes. */
export async function getTile(node: NodeContext, context: RequestContext, path: string): Promise<Response> {
  const bytes = parseTilePath(path) === null ? null : await node.log.read(path);
  if (bytes === null) throw new RunproofError('TILE_NOT_FOUND', 'The log has no such tile.');
  return context.reply(200, new Uint8Array(bytes), {
    'Content-Type': 'application/octet-stream',
    'Cache-Control': 'public, max-age=31536000, immutable',
  });
}
