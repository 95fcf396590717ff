// Sums, dot products and matrices (specs/exact-1.md §1 to §4), one value at a time.
import { RunproofError } from '@runproof/protocol';
import { readTensor } from '../gguf/tensor-data.ts';
import type { ByteSource } from '../interfaces.ts';
import type { PlannedTensor } from '../model/plan.ts';
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

/** A matrix in memory: rows of f32 values, or rows of integer codes with a scale per block of 32. */
export type Matrix =
  | { readonly kind: 'float'; readonly rows: number; readonly cols: number; readonly values: Float32Array }
  | {
      readonly kind: 'blocks';
      readonly rows: number;
      readonly cols: number;
      /** A of specs/exact-1.md §3 */
      readonly limit: 63 | 127;
      /** decoded integer weights w: q for Q8_0, c - 8 for Q4_0 */
      readonly codes: Int8Array;
      readonly scales: Float32Array;
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
  if (type === 'Q8_0' || type === 'Q4_0') {
    const codes = new Int8Array(length);
    const scales = new Float32Array(length / BLOCK);
    const size = type === 'Q8_0' ? 34 : 18;
    for (let block = 0; block < scales.length; block += 1) {
      scales[block] = decodeHalf(view.getUint16(block * size, true));
      for (let k = 0; k < BLOCK; k += 1) {
        codes[block * BLOCK + k] =
          type === 'Q8_0'
            ? view.getInt8(block * size + 2 + k)
            : ((view.getUint8(block * size + 2 + (k % 16)) >>> (k < 16 ? 0 : 4)) & 15) - 8;
      }
    }
    return { kind: 'blocks', rows, cols, limit: type === 'Q8_0' ? 63 : 127, codes, scales };
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
  return Float32Array.from({ length: matrix.cols }, (_, k) =>
    fround((matrix.scales[Math.floor((start + k) / BLOCK)] as number) * (matrix.codes[start + k] as number)),
  );
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
  const blocks = cols / BLOCK;
  for (let row = 0; row < rows; row += 1) {
    let s = 0;
    for (let block = 0; block < blocks; block += 1) {
      const at = row * cols + block * BLOCK;
      let d = 0;
      for (let k = 0; k < BLOCK; k += 1) d += (matrix.codes[at + k] as number) * (codes[block * BLOCK + k] as number);
      s = fround(s + fround(d * fround((matrix.scales[row * blocks + block] as number) * (scales[block] as number))));
    }
    y[row] = s;
  }
  return y;
}
