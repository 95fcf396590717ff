// Entries and hash tiles as flat files, of which every tile and bundle of any width is a slice:
//
//   entries     u16 length ‖ entry, one after the other: the concatenation of all entry bundles
//   offsets     u48 big-endian position in `entries` of every 256th entry, from entry 0
//   hashes.<L>  32-byte hashes of tile level L: the concatenation of all its tiles
//
// Only `entries` is needed: the others can be derived from it, and are after a crash.
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ENTRY_BYTES_MAX, HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, type TileAddress, tileLevelSize } from '@runproof/tlog';
import { type BatchTree, type Edge, type HashText, hashBytes, subtreeRoot } from './batch-tree.ts';
import { corrupt } from './file-errors.ts';
import { readUpTo, syncData, syncDirectory, writeAll, writeFileDurably } from './files.ts';

const OFFSET_BYTES = 6;
const BUNDLE_BYTES_MAX = TILE_WIDTH * (2 + ENTRY_BYTES_MAX);
/** Tile levels of a tree of up to 2^53 leaves. */
const TILE_LEVELS = Math.ceil(53 / TILE_HEIGHT);

/** Entries of one batch in the form of the file. */
export function encodeEntries(entries: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.reduce((total, entry) => total + 2 + entry.length, 0));
  let position = 0;
  for (const entry of entries) {
    position = bytes.writeUInt16BE(entry.length, position);
    bytes.set(entry, position);
    position += entry.length;
  }
  return bytes;
}

export class TileFiles {
  readonly #directory: string;
  readonly #flags: 'r' | 'r+';
  readonly #entries: number;
  readonly #offsets: number;
  readonly #levels = new Map<number, number>();
  #namesSynced = true;

  constructor(directory: string, flags: 'r' | 'r+') {
    this.#directory = directory;
    this.#flags = flags;
    this.#entries = openSync(join(directory, 'entries'), flags);
    this.#offsets = openSync(join(directory, 'offsets'), flags);
  }

  /** Makes the files of an empty log, durably. */
  static create(directory: string): void {
    writeFileDurably(join(directory, 'entries'), '', 0o644);
    writeFileDurably(join(directory, 'offsets'), Buffer.alloc(OFFSET_BYTES), 0o644);
  }

  /** File of a tile level; null when it does not exist and is not to be made. */
  #level(level: number, make: boolean): number | null {
    const known = this.#levels.get(level);
    if (known !== undefined) return known;
    const path = join(this.#directory, `hashes.${level}`);
    const exists = existsSync(path);
    if (!exists && !make) return null;
    if (!exists) this.#namesSynced = false;
    const fd = openSync(path, exists ? this.#flags : 'w+', 0o644);
    this.#levels.set(level, fd);
    return fd;
  }

  get entriesLength(): number {
    return fstatSync(this.#entries).size;
  }

  /** Writes entries at `position` of the file; durable only after `syncEntries`. */
  writeEntries(bytes: Uint8Array, position: number): void {
    writeAll(this.#entries, bytes, position);
  }

  syncEntries(): Promise<void> {
    return syncData(this.#entries);
  }

  /** Cuts what follows `length` off the entries. */
  truncateEntries(length: number): void {
    ftruncateSync(this.#entries, length);
  }

  readEntries(position: number, length: number): Buffer {
    return readUpTo(this.#entries, position, length);
  }

  /** Position of entry 256·`bundle`; null when the file does not reach so far. */
  readOffset(bundle: number): number | null {
    const bytes = readUpTo(this.#offsets, bundle * OFFSET_BYTES, OFFSET_BYTES);
    return bytes.length < OFFSET_BYTES ? null : bytes.readUIntBE(0, OFFSET_BYTES);
  }

  /** Writes the positions of bundle `first` and those that follow it. */
  writeOffsets(first: number, positions: readonly number[]): void {
    const bytes = Buffer.allocUnsafe(positions.length * OFFSET_BYTES);
    for (const [index, position] of positions.entries())
      bytes.writeUIntBE(position, index * OFFSET_BYTES, OFFSET_BYTES);
    if (bytes.length > 0) writeAll(this.#offsets, bytes, first * OFFSET_BYTES);
  }

  /** Writes the complete nodes of a batch that belong into hash tiles. */
  writeHashes(tree: BatchTree): void {
    for (let level = 0; level < TILE_LEVELS; level += 1) {
      const { first, nodes } = tree.completed(level * TILE_HEIGHT);
      if (nodes.length === 0) break;
      writeAll(this.#level(level, true) as number, hashBytes(nodes), first * HASH_BYTES);
    }
  }

  /** `count` hashes of tile level `level` from `first`, or null when the file does not have them. */
  readHashes(level: number, first: number, count: number): Buffer | null {
    const fd = this.#level(level, false);
    if (fd === null) return null;
    const bytes = readUpTo(fd, first * HASH_BYTES, count * HASH_BYTES);
    return bytes.length === count * HASH_BYTES ? bytes : null;
  }

  /** Body of a tile in a tree of `size` leaves, or null when that tree does not have it. */
  readTile({ level, index, width }: TileAddress, size: number): Buffer | null {
    const count = tileLevelSize(level === 'entries' ? 0 : level, size);
    if (index * TILE_WIDTH + width > count) return null;
    return level === 'entries'
      ? this.#readBundle(index, width, (index + 1) * TILE_WIDTH <= size)
      : this.readHashes(level, index * TILE_WIDTH, width);
  }

  /** `complete`: the tree has entries beyond this bundle, so that its end is known. */
  #readBundle(bundle: number, width: number, complete: boolean): Buffer {
    const start = this.readOffset(bundle);
    if (start === null) throw corrupt(`offsets ends before bundle ${bundle}`, { bundle });
    const next = (complete ? this.readOffset(bundle + 1) : null) ?? this.entriesLength;
    const bytes = this.readEntries(start, Math.max(0, Math.min(next - start, BUNDLE_BYTES_MAX)));
    let end = 0;
    for (let index = 0; index < width; index += 1) {
      if (end + 2 <= bytes.length) end += 2 + bytes.readUInt16BE(end);
      else end = bytes.length + 1;
      if (end > bytes.length) throw corrupt(`entries ends inside bundle ${bundle}`, { bundle });
    }
    return bytes.subarray(0, end);
  }

  /** The right edge of a tree whose size is a multiple of 256, from the hash files; null when they do not have it. */
  readEdge(size: number): Edge | null {
    const edge = new Map<number, HashText>();
    for (let height = TILE_HEIGHT; 2 ** height <= size; height += 1) {
      const count = Math.floor(size / 2 ** height);
      if (count % 2 === 0) continue;
      const node = this.readNode(height, count - 1);
      if (node === null) return null;
      edge.set(height, node.toString('latin1'));
    }
    return edge;
  }

  /** Hash of the complete subtree (level, index) of the Merkle tree, from the tile level below it; null when it is not there. */
  readNode(height: number, index: number): Buffer | null {
    const level = Math.floor(height / TILE_HEIGHT);
    const width = 2 ** (height - level * TILE_HEIGHT);
    const bytes = this.readHashes(level, index * width, width);
    return bytes === null ? null : subtreeRoot(bytes);
  }

  /** Resolves when offsets and hashes, as written so far, are on disk. */
  async syncTiles(): Promise<void> {
    const namesSynced = this.#namesSynced;
    for (const fd of [this.#offsets, ...this.#levels.values()]) await syncData(fd);
    if (!namesSynced) {
      syncDirectory(this.#directory);
      this.#namesSynced = true;
    }
  }

  close(): void {
    for (const fd of [this.#entries, this.#offsets, ...this.#levels.values()]) closeSync(fd);
  }
}
