// Sums, dot products and matrices (specs/exact-1.md §1 to §4), one value at a time.
import { RunproofError } from '@runproof/protocol';
import { readTensor } from '../gguf/tensor-data.ts';
import type { ByteSource } from '../interfaces.ts';
import type { PlannedTensor } from '../model/plan.ts';
import { decodeBlocks, type SubScales } from './blocks.ts';
import { decodeBfloat, decodeHalf, roundEven } from './half.ts';

const { fround } = Math;
const BLOCK = 32;

/** Serial dot product (specs/exact-1.md §1) of `length` values of `a` from `aStart` and of `b` from `bStart`. */
export function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let s = 0;
  for (let k = 0; k < length; k += 1) s = fround(s + fround((a[aStart + k] as number) * (b[bStart + k] as number)));
  return s;
}

/** Lane sum (specs/exact-1.md §2). */
export function sum4(values: Float32Array): number {
  const s = [0, 0, 0, 0];
  values.forEach((value, k) => {
    s[k % 4] = fround((s[k % 4] as number) + value);
  });
  return fround(fround((s[0] as number) + (s[1] as number)) + fround((s[2] as number) + (s[3] as number)));
}

/** A vector in blocks of 32 (specs/exact-1.md §3): integer codes of magnitude at most A, and one scale per block. */
interface ActivationBlocks {
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

/** 2^-96 */
const AMAX_MIN = 1.262177448353619e-29;

/** Quantises `x` with limit A (specs/exact-1.md §3). `where` names layer and operation in `ENGINE_NONFINITE`. */
export function quantizeActivations(x: Float32Array, limit: 63 | 127, where: string): ActivationBlocks {
  const codes = new Int8Array(x.length);
  const scales = new Float32Array(x.length / BLOCK);
  for (let block = 0; block < scales.length; block += 1) {
    let amax = 0;
    for (let k = block * BLOCK; k < (block + 1) * BLOCK; k += 1) {
      const magnitude = Math.abs(x[k] as number);
      if (!(magnitude < Number.POSITIVE_INFINITY)) throw nonFinite(where, 'activation', k);
      if (magnitude > amax) amax = magnitude;
    }
    if (amax < AMAX_MIN) continue;
    scales[block] = fround(amax / limit);
    const inverse = fround(limit / amax);
    for (let k = block * BLOCK; k < (block + 1) * BLOCK; k += 1)
      codes[k] = roundEven(fround((x[k] as number) * inverse));
  }
  return { codes, scales };
}

/** The error of specs/exact-1.md §0 for a value that is NaN or infinite. */
export function nonFinite(where: string, what: string, index: number): RunproofError {
  return new RunproofError('ENGINE_NONFINITE', `${where}: ${what} ${index} is NaN or infinite`, { where, what, index });
}

/** A matrix in memory: rows of f32 values, or rows of integer weights with a scale per block. */
export type Matrix =
  | { readonly kind: 'float'; readonly rows: number; readonly cols: number; readonly values: Float32Array }
  | {
      readonly kind: 'blocks';
      readonly rows: number;
      readonly cols: number;
      /** A of specs/exact-1.md §3 */
      readonly limit: 63 | 127;
      /** integer weights w of the table in §4 */
      readonly codes: Int8Array;
      /** d of each block */
      readonly scales: Float32Array;
      /** columns of a block: 32 or 256 */
      readonly blockValues: number;
      /** integer scales and minima of the types of §4.2; null for those of §4.1 */
      readonly sub: SubScales | null;
    };

/** Decodes a planned matrix or vector (specs/exact-1.md §4). Errors as `readTensor`. */
export async function loadMatrix(source: ByteSource, { rows, cols, info }: PlannedTensor): Promise<Matrix> {
  const bytes = await readTensor(source, info);
  return decodeMatrix(info.type, rows, cols, bytes);
}

/** Matrix of `rows` x `cols` from the bytes of a tensor (specs/exact-1.md §4). */
export function decodeMatrix(
  type: PlannedTensor['info']['type'],
  rows: number,
  cols: number,
  bytes: Uint8Array,
): Matrix {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = rows * cols;
  if (type !== 'F32' && type !== 'F16' && type !== 'BF16') {
    const limit = type === 'Q8_0' || type === 'IQ4_NL' ? 63 : 127;
    return { kind: 'blocks', rows, cols, limit, ...decodeBlocks(type, length, bytes) };
  }
  const values = new Float32Array(length);
  for (let k = 0; k < length; k += 1) {
    if (type === 'F32') values[k] = view.getFloat32(k * 4, true);
    else
      values[k] = type === 'F16' ? decodeHalf(view.getUint16(k * 2, true)) : decodeBfloat(view.getUint16(k * 2, true));
  }
  return { kind: 'float', rows, cols, values };
}

/** Row lookup (specs/exact-1.md §4). */
export function matrixRow(matrix: Matrix, row: number): Float32Array {
  const start = row * matrix.cols;
  if (matrix.kind === 'float') return matrix.values.slice(start, start + matrix.cols);
  const { codes, scales, blockValues, sub } = matrix;
  return Float32Array.from({ length: matrix.cols }, (_, k) => {
    const at = start + k;
    const block = Math.floor(at / blockValues);
    const d = scales[block] as number;
    if (sub === null) return fround(d * (codes[at] as number));
    const part = Math.floor(at / 16);
    // `+ 0`: an integer zero is +0, whatever the signs of its factors.
    const scaled = fround(d * ((sub.scales[part] as number) * (codes[at] as number) + 0));
    if (sub.blockMinima === null) return scaled;
    return fround(scaled - fround((sub.blockMinima[block] as number) * (sub.minima[part] as number)));
  });
}

type BlockMatrix = Extract<Matrix, { kind: 'blocks' }>;

/** What block of 32 columns number `block` of `row` adds to the sum: §4.1, or §4.2 where the matrix has integer scales. */
function blockTerm(matrix: BlockMatrix, row: number, block: number, q: Int8Array, da: number): number {
  const at = row * matrix.cols + block * BLOCK;
  const d = matrix.scales[Math.floor(at / matrix.blockValues)] as number;
  const product = (from: number, length: number): number => {
    let sum = 0;
    for (let k = from; k < from + length; k += 1)
      sum += (matrix.codes[at + k] as number) * (q[block * BLOCK + k] as number);
    return sum;
  };
  const { sub } = matrix;
  if (sub === null) return fround(product(0, BLOCK) * fround(d * da));
  let scaled = 0;
  let minimum = 0;
  for (const half of [0, 1]) {
    const part = at / 16 + half;
    let sum = 0;
    for (let k = 0; k < 16; k += 1) sum += q[block * BLOCK + half * 16 + k] as number;
    scaled += (sub.scales[part] as number) * product(half * 16, 16);
    minimum += (sub.minima[part] as number) * sum;
  }
  const term = fround(scaled * d);
  if (sub.blockMinima === null) return fround(term * da);
  const blockMinimum = sub.blockMinima[Math.floor(at / matrix.blockValues)] as number;
  return fround(fround(term - fround(minimum * blockMinimum)) * da);
}

/** y = W x (specs/exact-1.md §4). `where` names layer and operation in `ENGINE_NONFINITE`. */
export function multiply(matrix: Matrix, x: Float32Array, where: string): Float32Array {
  const { rows, cols } = matrix;
  const y = new Float32Array(rows);
  if (matrix.kind === 'float') {
    for (let row = 0; row < rows; row += 1) y[row] = dot(matrix.values, row * cols, x, 0, cols);
    return y;
  }
  const { codes, scales } = quantizeActivations(x, matrix.limit, where);
  for (let row = 0; row < rows; row += 1) {
    let s = 0;
    for (let block = 0; block < cols / BLOCK; block += 1)
      s = fround(s + blockTerm(matrix, row, block, codes, scales[block] as number));
    y[row] = s;
  }
  return y;
}
