// Blocks of the quantised types, read one code at a time as the table of specs/exact-1.md §4 describes them.
import type { TensorType } from '../interfaces.ts';
import { decodeHalf } from './half.ts';

/** The weights that the codes of IQ4_NL choose. */
const IQ4_WEIGHTS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** Reads one block. */
interface BlockReader {
  /** bytes of a block */
  readonly size: number;
  /** columns of a block */
  readonly values: number;
  /** byte of d, and of the minimum where the type has one */
  readonly d: number;
  readonly minimum: number | null;
  /** signed integer weight w of column k */
  code(byte: (at: number) => number, k: number): number;
  /** integer scale S and integer minimum m of the 16 columns `half` (§4.2); absent for the types of §4.1 */
  scales?(byte: (at: number) => number, half: number): readonly [number, number];
}

type Byte = (at: number) => number;

/** Nibble k of 32: the low ones of 16 bytes first. */
function nibble(byte: Byte, at: number, k: number): number {
  return (byte(at + (k % 16)) >>> (k < 16 ? 0 : 4)) & 15;
}

function bit(byte: Byte, at: number, k: number): number {
  return (byte(at + (k >>> 3)) >>> (k & 7)) & 1;
}

/** The 6-bit pair of block of 32 `j` in the 12 bytes that Q4_K and Q5_K share. */
function pair(byte: Byte, j: number): readonly [number, number] {
  if (j < 4) return [byte(4 + j) & 63, byte(8 + j) & 63];
  const low = byte(8 + j);
  return [(low & 15) | ((byte(j) >>> 6) << 4), (low >>> 4) | ((byte(4 + j) >>> 6) << 4)];
}

/** Nibble of column k of 256: 32 bytes hold 64 columns. */
function nibble256(byte: Byte, at: number, k: number): number {
  return (byte(at + 32 * (k >>> 6) + (k & 31)) >>> (k & 32 ? 4 : 0)) & 15;
}

/** Two bits of column k of 256: 32 bytes hold 128 columns. */
function crumb(byte: Byte, at: number, k: number): number {
  return (byte(at + 32 * (k >>> 7) + (k & 31)) >>> (2 * ((k >>> 5) & 3))) & 3;
}

/** Bit of column k of 256: 32 bytes, bit j for block j of 32. */
function bit256(byte: Byte, at: number, k: number): number {
  return (byte(at + (k & 31)) >>> (k >>> 5)) & 1;
}

const BLOCKS: Readonly<Record<Exclude<TensorType, 'F32' | 'F16' | 'BF16'>, BlockReader>> = {
  Q8_0: { size: 34, values: 32, d: 0, minimum: null, code: (byte, k) => (byte(2 + k) << 24) >> 24 },
  Q4_0: { size: 18, values: 32, d: 0, minimum: null, code: (byte, k) => nibble(byte, 2, k) - 8 },
  Q5_0: {
    size: 22,
    values: 32,
    d: 0,
    minimum: null,
    code: (byte, k) => nibble(byte, 6, k) + 16 * bit(byte, 2, k) - 16,
  },
  IQ4_NL: { size: 18, values: 32, d: 0, minimum: null, code: (byte, k) => IQ4_WEIGHTS[nibble(byte, 2, k)] ?? 0 },
  Q4_1: {
    size: 20,
    values: 32,
    d: 0,
    minimum: 2,
    code: (byte, k) => nibble(byte, 4, k),
    scales: () => [1, -1],
  },
  Q5_1: {
    size: 24,
    values: 32,
    d: 0,
    minimum: 2,
    code: (byte, k) => nibble(byte, 8, k) + 16 * bit(byte, 4, k),
    scales: () => [1, -1],
  },
  Q4_K: {
    size: 144,
    values: 256,
    d: 0,
    minimum: 2,
    code: (byte, k) => nibble256(byte, 16, k),
    scales: (byte, half) => pair(byte, half >>> 1),
  },
  Q5_K: {
    size: 176,
    values: 256,
    d: 0,
    minimum: 2,
    code: (byte, k) => nibble256(byte, 48, k) + 16 * bit256(byte, 16, k),
    scales: (byte, half) => pair(byte, half >>> 1),
  },
  Q6_K: {
    size: 210,
    values: 256,
    d: 208,
    minimum: null,
    code: (byte, k) => ((byte(64 * (k >>> 7) + (k & 63)) >>> (k & 64 ? 4 : 0)) & 15) + 16 * crumb(byte, 128, k) - 32,
    scales: (byte, half) => [(byte(192 + half) << 24) >> 24, 0],
  },
  Q3_K: {
    size: 110,
    values: 256,
    d: 108,
    minimum: null,
    code: (byte, k) => crumb(byte, 32, k) + 4 * bit256(byte, 0, k) - 4,
    scales: (byte, half) => {
      const low = (byte(96 + (half & 7)) >>> (half < 8 ? 0 : 4)) & 15;
      return [low + 16 * ((byte(104 + (half & 3)) >>> (2 * (half >>> 2))) & 3) - 32, 0];
    },
  },
  Q2_K: {
    size: 84,
    values: 256,
    d: 80,
    minimum: 82,
    code: (byte, k) => crumb(byte, 16, k),
    scales: (byte, half) => [byte(half) & 15, byte(half) >>> 4],
  },
};

/** Integer scales and minima of a matrix of §4.2: one of each per 16 columns, d and minimum per block. */
export interface SubScales {
  readonly scales: Int8Array;
  readonly minima: Int8Array;
  /** f32 minimum of each block; null for a type without */
  readonly blockMinima: Float32Array | null;
}

interface DecodedBlocks {
  readonly codes: Int8Array;
  /** f32 d of each block */
  readonly scales: Float32Array;
  /** columns of a block */
  readonly blockValues: number;
  readonly sub: SubScales | null;
}

/** Codes and scales of `length` weights (specs/exact-1.md §4). */
export function decodeBlocks(type: keyof typeof BLOCKS, length: number, bytes: Uint8Array): DecodedBlocks {
  const reader = BLOCKS[type];
  const count = length / reader.values;
  const codes = new Int8Array(length);
  const scales = new Float32Array(count);
  const sub = {
    scales: new Int8Array(length / 16),
    minima: new Int8Array(length / 16),
    blockMinima: reader.minimum === null ? null : new Float32Array(count),
  };
  for (let block = 0; block < count; block += 1) {
    const byte: Byte = (at) => bytes[block * reader.size + at] ?? 0;
    const half = (at: number): number => decodeHalf(byte(at) | (byte(at + 1) << 8));
    scales[block] = half(reader.d);
    if (reader.minimum !== null && sub.blockMinima !== null) sub.blockMinima[block] = half(reader.minimum);
    for (let k = 0; k < reader.values; k += 1) codes[block * reader.values + k] = reader.code(byte, k);
    for (let part = 0; part < reader.values / 16; part += 1) {
      const [scale, minimum] = reader.scales?.(byte, part) ?? [1, 0];
      const at = (block * reader.values) / 16 + part;
      sub.scales[at] = scale;
      sub.minima[at] = minimum;
    }
  }
  return { codes, scales, blockValues: reader.values, sub: reader.scales === undefined ? null : sub };
}
