// Paths and bodies of tiles (c2sp.org/tlog-tiles@v0.1.0):
//
//   tile/<L>/<N>[.p/<W>]        32-byte hashes: node i is the subtree of height 8·L over leaves (N·256+i)·256^L …
//   tile/entries/<N>[.p/<W>]    entries N·256 …, each as u16 big-endian length ‖ bytes
//
// N is written in groups of three digits, all but the last with a leading x: 1234067 → x001/x234/067.
import { RunproofError } from '@runproof/protocol';
import { parseDecimal } from './checkpoint.ts';

/** Hashes of a full hash tile, and entries of a full bundle. */
export const TILE_WIDTH = 256;
/** Levels of the tree between two levels of tiles: 2^8 = 256. */
export const TILE_HEIGHT = 8;
const TILE_LEVEL_MAX = 63;
export const ENTRY_BYTES_MAX = 65_535;
const PATH_CHARACTERS_MAX = 64;

export type TileLevel = number | 'entries';

export interface TileAddress {
  readonly level: TileLevel;
  readonly index: number;
  /** 1 … 256; below 256 the tile is partial */
  readonly width: number;
}

function isAddress({ level, index, width }: TileAddress): boolean {
  const levelHolds = level === 'entries' || (Number.isSafeInteger(level) && level >= 0 && level <= TILE_LEVEL_MAX);
  const indexHolds = Number.isSafeInteger(index) && index >= 0;
  return levelHolds && indexHolds && Number.isSafeInteger(width) && width >= 1 && width <= TILE_WIDTH;
}

/** Path of a tile below the log's prefix. `INTERNAL` for an address that no tree has. */
export function tilePath(level: TileLevel, index: number, width: number): string {
  if (!isAddress({ level, index, width }))
    throw new RunproofError('INTERNAL', `no such tile: ${level} ${index} ${width}`);
  let rest = Math.floor(index / 1000);
  let path = String(index % 1000).padStart(3, '0');
  while (rest > 0) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
    rest = Math.floor(rest / 1000);
  }
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Strict inverse of `tilePath`; null for every other path. It is what servers ask about foreign input, so it does not throw. */
export function parseTilePath(path: string): TileAddress | null {
  if (path.length > PATH_CHARACTERS_MAX) return null;
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  if (match === null) return null;
  const [, levelText = '', indexText = '', widthText = String(TILE_WIDTH)] = match;
  const level: TileLevel | null = levelText === 'entries' ? 'entries' : parseDecimal(levelText);
  const index = Number(indexText.replaceAll(/[x/]/g, ''));
  const width = parseDecimal(widthText);
  if (level === null || width === null) return null;
  const address = { level, index, width };
  return isAddress(address) && tilePath(level, index, width) === path ? address : null;
}

/** Number of hashes that level `level` of tiles has in a tree of `size` leaves: complete subtrees of height 8·level. */
export function tileLevelSize(level: number, size: number): number {
  let count = size;
  for (let step = 0; step < level; step += 1) count = Math.floor(count / TILE_WIDTH);
  return count;
}

/** Body of an entry bundle of 1 to 256 entries, each up to 65,535 bytes. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length < 1 || entries.length > TILE_WIDTH)
    throw new RunproofError('INTERNAL', `a bundle has 1 to ${TILE_WIDTH} entries`);
  const bytes = new Uint8Array(entries.reduce((total, entry) => total + 2 + entry.length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES_MAX)
      throw new RunproofError('INTERNAL', `an entry has at most ${ENTRY_BYTES_MAX} bytes`);
    view.setUint16(offset, entry.length);
    bytes.set(entry, offset + 2);
    offset += 2 + entry.length;
  }
  return bytes;
}

/** Strict inverse of `encodeEntryBundle`. `PROOF_SYNTAX` for a bundle that is cut, empty, or longer than 256 entries. */
export function parseEntryBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.length; ) {
    const length = offset + 2 <= bytes.length ? view.getUint16(offset) : 0;
    if (offset + 2 + length > bytes.length)
      throw new RunproofError('PROOF_SYNTAX', 'an entry bundle ends inside an entry', { offset });
    if (entries.length === TILE_WIDTH)
      throw new RunproofError('PROOF_SYNTAX', `an entry bundle has at most ${TILE_WIDTH} entries`);
    entries.push(bytes.slice(offset + 2, offset + 2 + length));
    offset += 2 + length;
  }
  if (entries.length === 0) throw new RunproofError('PROOF_SYNTAX', 'an entry bundle is empty');
  return entries;
}
