// From the file's row-major order to groups of 8 interleaved rows, while a model is loaded. Rows that are missing in the last
// group become zero rows. Weights and scales that are NaN or infinite are refused (specs/exact-1.md §0).
import { BF16, F16, F32 } from './floats';
import { IQ4_NL, partsOf } from './formats';
import { Q4_0, Q8_0 } from './matmul';
import { Q4_RECORD } from './q4';
import { Q8_RECORD } from './q8';
import { repackCodes } from './unpack';

function repackWide(source: usize, rows: i32, cols: i32, target: usize): bool {
  let bad = 0;
  for (let row: usize = 0; row < <usize>rows; row += 1) {
    const from = source + row * (<usize>cols << 2), to = target + (row >> 3) * (<usize>cols << 5) + ((row & 7) << 2);
    for (let col: usize = 0; col < <usize>cols; col += 1) {
      const bits = load<u32>(from + (col << 2));
      bad |= <i32>((bits & 0x7f800000) == 0x7f800000);
      store<u32>(to + (col << 5), bits);
    }
  }
  return bad == 0;
}

function repackHalf(source: usize, rows: i32, cols: i32, target: usize, exponent: u32): bool {
  let bad = 0;
  for (let row: usize = 0; row < <usize>rows; row += 1) {
    const from = source + row * (<usize>cols << 1), to = target + (row >> 3) * (<usize>cols << 4) + ((row & 7) << 1);
    for (let col: usize = 0; col < <usize>cols; col += 1) {
      const bits = <u32>load<u16>(from + (col << 1));
      bad |= <i32>((bits & exponent) == exponent);
      store<u16>(to + (col << 4), <u16>bits);
    }
  }
  return bad == 0;
}

function sumOf(first: v128, last: v128): i32 {
  const sums = i16x8.add(i16x8.extadd_pairwise_i8x16_s(first), i16x8.extadd_pairwise_i8x16_s(last));
  const four = i32x4.extadd_pairwise_i16x8_s(sums);
  return (
    i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) + i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3)
  );
}

function repackQ8(source: usize, rows: i32, blocks: i32, target: usize): bool {
  let bad = 0;
  for (let row: usize = 0; row < <usize>rows; row += 1) {
    const lane = row & 7;
    let from = source + row * <usize>blocks * 34, to = target + (row >> 3) * <usize>blocks * Q8_RECORD;
    for (let block = 0; block < blocks; block += 1) {
      const scale = load<u16>(from);
      bad |= <i32>((scale & 0x7c00) == 0x7c00);
      store<u16>(to + (lane << 1), scale);
      store<i16>(to + 16 + (lane << 1), <i16>-sumOf(v128.load(from, 2), v128.load(from, 18)));
      for (let step: usize = 0; step < 8; step += 1) {
        store<u32>(to + 32 + (step << 5) + (lane << 2), load<u32>(from + 2 + (step << 2)));
      }
      from += 34;
      to += Q8_RECORD;
    }
  }
  return bad == 0;
}

/** The 16 weights of IQ4_NL (specs/exact-1.md §4). */
const IQ4_WEIGHTS = i8x16(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** IQ4_NL as records of Q8_0. */
function repackIq4(source: usize, rows: i32, blocks: i32, target: usize): bool {
  let bad = 0;
  for (let row: usize = 0; row < <usize>rows; row += 1) {
    const lane = row & 7;
    let from = source + row * <usize>blocks * 18, to = target + (row >> 3) * <usize>blocks * Q8_RECORD;
    for (let block = 0; block < blocks; block += 1) {
      const scale = load<u16>(from), codes = v128.load(from, 2);
      bad |= <i32>((scale & 0x7c00) == 0x7c00);
      store<u16>(to + (lane << 1), scale);
      const first = i8x16.swizzle(IQ4_WEIGHTS, v128.and(codes, i8x16.splat(15)));
      const last = i8x16.swizzle(IQ4_WEIGHTS, v128.and(i16x8.shr_u(codes, 4), i8x16.splat(15)));
      store<i16>(to + 16 + (lane << 1), <i16>-sumOf(first, last));
      const place = to + 32 + (lane << 2);
      store<i32>(place, i32x4.extract_lane(first, 0));
      store<i32>(place + 32, i32x4.extract_lane(first, 1));
      store<i32>(place + 64, i32x4.extract_lane(first, 2));
      store<i32>(place + 96, i32x4.extract_lane(first, 3));
      store<i32>(place + 128, i32x4.extract_lane(last, 0));
      store<i32>(place + 160, i32x4.extract_lane(last, 1));
      store<i32>(place + 192, i32x4.extract_lane(last, 2));
      store<i32>(place + 224, i32x4.extract_lane(last, 3));
      from += 18;
      to += Q8_RECORD;
    }
  }
  return bad == 0;
}

function repackQ4(source: usize, rows: i32, blocks: i32, target: usize): bool {
  let bad = 0;
  for (let row: usize = 0; row < <usize>rows; row += 1) {
    const lane = row & 7;
    let from = source + row * <usize>blocks * 18, to = target + (row >> 3) * <usize>blocks * Q4_RECORD;
    for (let block = 0; block < blocks; block += 1) {
      const scale = load<u16>(from);
      bad |= <i32>((scale & 0x7c00) == 0x7c00);
      store<u16>(to + (lane << 1), scale);
      for (let step: usize = 0; step < 4; step += 1) {
        store<u32>(to + 16 + (step << 5) + (lane << 2), load<u32>(from + 2 + (step << 2)));
      }
      from += 18;
      to += Q4_RECORD;
    }
  }
  return bad == 0;
}

/**
 * Repacks `rows` whole rows of the file's bytes at `source` into groups at `target` (fresh, zeroed memory). `rows` is a multiple
 * of 8 except in the last call for a matrix. The result is 0 when a weight or scale is NaN or infinite.
 */
export function repack(type: i32, source: usize, rows: i32, cols: i32, target: usize): i32 {
  if (type == F32) return <i32>repackWide(source, rows, cols, target);
  if (type == F16) return <i32>repackHalf(source, rows, cols, target, 0x7c00);
  if (type == BF16) return <i32>repackHalf(source, rows, cols, target, 0x7f80);
  if (type == Q8_0) return <i32>repackQ8(source, rows, cols >> 5, target);
  if (type == Q4_0) return <i32>repackQ4(source, rows, cols >> 5, target);
  if (type == IQ4_NL) return <i32>repackIq4(source, rows, cols >> 5, target);
  return <i32>repackCodes(type, source, rows, cols / (partsOf(type) << 5), target);
}
