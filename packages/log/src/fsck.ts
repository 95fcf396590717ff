// Proves a whole log from bytes: bundles hash to tiles, tiles to the root, the root is signed. It shares no hashing code with the
// sequencer, so that one judges the other.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeUtf8, equalBytes, RunproofError } from '@runproof/protocol';
import {
  CompactRange,
  HASH_BYTES,
  leafHash,
  parseCheckpoint,
  parseEntryBundle,
  parseTilePath,
  parseVerifierKey,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileLevelSize,
  tilePath,
  verifyNote,
} from '@runproof/tlog';
import { CheckpointSlots } from './checkpoint-slots.ts';
import { corrupt } from './file-errors.ts';
import { TileFiles } from './tile-files.ts';
import type { LogReader } from './types.ts';

export interface FsckReport {
  readonly origin: string;
  /** entries proved */
  readonly size: number;
  /** bytes of the entries, without their lengths */
  readonly entryBytes: number;
  /** the signed checkpoint that they lead to */
  readonly checkpoint: string;
}

/**
 * Proves the log of `vkey` in a directory, or behind a reader such as an HTTP client. Rejects with `LOG_CORRUPT` that names the
 * first path that does not fit, `SIGNATURE_INVALID`, `NOTE_SYNTAX`, `PROOF_SYNTAX` or `VKEY_SYNTAX`. `onProgress` is told
 * (entries proved, entries in all) after every bundle. A log that is open may be checked too: it only grows.
 */
export async function fsck(
  source: string | LogReader,
  vkey: string,
  onProgress?: (done: number, total: number) => void,
): Promise<FsckReport> {
  if (typeof source !== 'string') return prove(source, vkey, onProgress);
  const { read, close } = openDirectory(source);
  try {
    return await prove(read, vkey, onProgress);
  } finally {
    close();
  }
}

/** Reads the files of a log without its lock and without its key. */
function openDirectory(directory: string): { read: LogReader; close: () => void } {
  for (const name of ['entries', 'offsets', 'checkpoint']) {
    if (!existsSync(join(directory, name))) throw corrupt(`${join(directory, name)} is missing`, { directory, name });
  }
  const slots = CheckpointSlots.open(join(directory, 'checkpoint'), 'r');
  const newest = slots.read()?.newest;
  slots.close();
  if (newest === undefined) throw corrupt("no slot of the log's checkpoint is whole", { directory });
  const { size } = parseCheckpoint(newest.note.slice(0, newest.note.indexOf('\n\n') + 1));
  const files = new TileFiles(directory, 'r');
  const read: LogReader = async (path) => {
    if (path === 'checkpoint') return Buffer.from(newest.note);
    const address = parseTilePath(path);
    return address === null ? null : files.readTile(address, size);
  };
  return { read, close: () => files.close() };
}

async function must(read: LogReader, path: string): Promise<Uint8Array> {
  const body = await read(path);
  if (body === null) throw corrupt(`${path} is missing`, { path });
  return body;
}

async function prove(
  read: LogReader,
  vkey: string,
  onProgress?: (done: number, total: number) => void,
): Promise<FsckReport> {
  const key = parseVerifierKey(vkey);
  const checkpoint = decodeUtf8(await must(read, 'checkpoint'));
  const { origin, size, root } = parseCheckpoint(verifyNote(checkpoint, [key]).text);
  if (origin !== key.name)
    throw new RunproofError('UNTRUSTED', `the checkpoint is of ${origin}, the key of ${key.name}`, { origin });
  const tiles = new TileComparer(read, size);
  const edge = new CompactRange();
  let entryBytes = 0;
  while (edge.size < size) {
    const width = Math.min(TILE_WIDTH, size - edge.size);
    const path = tilePath('entries', edge.size / TILE_WIDTH, width);
    const entries = parseEntryBundle(await must(read, path));
    if (entries.length !== width)
      throw corrupt(`${path} has ${entries.length} entries`, { path, expected: width, got: entries.length });
    for (const entry of entries) {
      entryBytes += entry.length;
      edge.append(leafHash(entry), (level, _index, hash) => tiles.add(level, hash));
    }
    await tiles.compare();
    onProgress?.(edge.size, size);
  }
  if (!equalBytes(edge.root(), root))
    throw corrupt('the entries do not lead to the root that the log signed', { size, checkpoint });
  return { origin, size, entryBytes, checkpoint };
}

/** Gathers the nodes of each tile level and compares them with the published tiles, one tile per level in memory. */
class TileComparer {
  readonly #read: LogReader;
  readonly #size: number;
  /** per tile level: index of the current tile and its hashes so far */
  readonly #current: { index: number; hashes: Uint8Array[] }[] = [];
  readonly #full: { level: number; index: number; hashes: Uint8Array[] }[] = [];

  constructor(read: LogReader, size: number) {
    this.#read = read;
    this.#size = size;
  }

  add(level: number, hash: Uint8Array): void {
    if (level % TILE_HEIGHT !== 0) return;
    const tileLevel = level / TILE_HEIGHT;
    this.#current[tileLevel] ??= { index: 0, hashes: [] };
    const tile = this.#current[tileLevel];
    tile.hashes.push(hash);
    const width = Math.min(TILE_WIDTH, tileLevelSize(tileLevel, this.#size) - tile.index * TILE_WIDTH);
    if (tile.hashes.length < width) return;
    this.#full.push({ level: tileLevel, index: tile.index, hashes: tile.hashes });
    this.#current[tileLevel] = { index: tile.index + 1, hashes: [] };
  }

  /** Compares the tiles that are complete by now. */
  async compare(): Promise<void> {
    for (const { level, index, hashes } of this.#full.splice(0)) {
      const path = tilePath(level, index, hashes.length);
      const body = await must(this.#read, path);
      const differing = hashes.findIndex(
        (hash, position) => !equalBytes(hash, body.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES)),
      );
      if (differing >= 0 || body.length !== hashes.length * HASH_BYTES)
        throw corrupt(`${path} does not follow from the entries`, { path, position: differing });
    }
  }
}
