// One matrix times a batch of rows: the part owns a contiguous range of groups of 8 output rows.
import { BF16, F16, F32, floatPair, floatRows } from './floats';
import { codedRows } from './coded';
import { IQ4_NL, partsOf, recordBytes } from './formats';
import { rangeStart } from './parallel';
import { Q4_RECORD, q4Rows } from './q4';
import { Q8_RECORD, q8Rows } from './q8';

export const Q8_0: i32 = 3;
export const Q4_0: i32 = 4;

/** Bytes of one group of 8 rows. */
export function groupBytes(type: i32, cols: i32): usize {
  if (type == F32) return <usize>cols << 5;
  if (type == F16 || type == BF16) return <usize>cols << 4;
  if (type == Q8_0 || type == IQ4_NL) return <usize>(cols >> 5) * Q8_RECORD;
  if (type == Q4_0) return <usize>(cols >> 5) * Q4_RECORD;
  return <usize>(cols / (partsOf(type) << 5)) * recordBytes(type);
}

/**
 * Words of the operation: type, weights, groups, cols, input, input stride, output, output stride, accumulate.
 * The input is rows of f32 for F32, F16 and BF16, rows of activation records for the others.
 */
export function matmul(op: usize, tokens: i32, part: i32, parts: i32): void {
  const type = load<i32>(op), weights = load<usize>(op, 4), groups = load<i32>(op, 8), cols = load<i32>(op, 12);
  const input = load<usize>(op, 16), stride = load<usize>(op, 20);
  const output = load<usize>(op, 24), outputStride = load<usize>(op, 28), accumulate = load<i32>(op, 32) != 0;
  const bytes = groupBytes(type, cols);
  const end = rangeStart(groups, part + 1, parts);
  for (let group = rangeStart(groups, part, parts); group < end; group += 1) {
    const w = weights + <usize>group * bytes, y = output + (<usize>group << 5);
    if (type == Q8_0 || type == IQ4_NL) q8Rows(w, cols >> 5, input, stride, y, outputStride, tokens, accumulate);
    else if (type == Q4_0) q4Rows(w, cols >> 5, input, stride, y, outputStride, tokens, accumulate);
    else if (type > Q4_0) codedRows(type, w, cols >> 5, input, stride, y, outputStride, tokens, accumulate);
    else if (tokens == 1 && group + 1 < end) {
      floatPair(type, w, cols, input, y, accumulate);
      group += 1;
    } else floatRows(type, w, cols, input, stride, y, outputStride, tokens, accumulate);
  }
}
