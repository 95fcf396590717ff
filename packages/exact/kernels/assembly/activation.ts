// Activation blocks (specs/exact-1.md §3). A record holds the 32 codes, the scale d (f32) and sums of codes.
// With relaxed SIMD codes are bytes; without it they are widened once here, not once per weight row.

/** bytes of the codes of one record */
export const CODES: usize = ASC_FEATURE_RELAXED_SIMD ? 32 : 64;
/** bytes of one record: codes, d, -8 * sum of codes, -1 * sum of the first 16, -1 * sum of the last 16 */
export const RECORD: usize = CODES + 16;

/** §3 with A = 63, for Q8_0 weights; relaxed codes are q + 64, the unsigned 7-bit operand. */
export const LIMIT_Q8: f32 = 63;
/** §3 with A = 127, for all other types; sums of codes take the offsets of weight codes back, and multiply their minima. */
export const LIMIT_Q4: f32 = 127;

/** 2^-96: blocks below it are all zero. */
const TINY_BITS: i32 = 0x0f800000;

@inline
function quarter(source: usize, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(source), inverse)));
}

@inline
function largest(left: usize, right: usize): v128 {
  const mask = i32x4.splat(0x7fffffff);
  return i32x4.max_s(v128.and(v128.load(left), mask), v128.and(v128.load(right), mask));
}

@inline
function total(codes: v128): i32 {
  const sum = i32x4.extadd_pairwise_i16x8_s(codes);
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  );
}

/** Quantises 32 values; false when one of them is not finite. */
export function quantiseBlock(source: usize, record: usize, limit: f32): bool {
  // Bit patterns of magnitudes order like the magnitudes, with infinity and NaN on top.
  const most = i32x4.max_s(
    i32x4.max_s(largest(source, source + 16), largest(source + 32, source + 48)),
    i32x4.max_s(largest(source + 64, source + 80), largest(source + 96, source + 112)),
  );
  const bits = max(
    max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)),
    max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)),
  );
  if (bits >= 0x7f800000) return false;
  const amax = reinterpret<f32>(bits);
  const zero = bits < TINY_BITS;
  const inverse = f32x4.splat(zero ? 0 : limit / amax);
  const a = i16x8.narrow_i32x4_s(quarter(source, inverse), quarter(source + 16, inverse));
  const b = i16x8.narrow_i32x4_s(quarter(source + 32, inverse), quarter(source + 48, inverse));
  const c = i16x8.narrow_i32x4_s(quarter(source + 64, inverse), quarter(source + 80, inverse));
  const d = i16x8.narrow_i32x4_s(quarter(source + 96, inverse), quarter(source + 112, inverse));
  if (ASC_FEATURE_RELAXED_SIMD) {
    const offset = i8x16.splat(limit == LIMIT_Q8 ? 64 : 0);
    v128.store(record, i8x16.add(i8x16.narrow_i16x8_s(a, b), offset));
    v128.store(record, i8x16.add(i8x16.narrow_i16x8_s(c, d), offset), 16);
  } else {
    v128.store(record, a);
    v128.store(record, b, 16);
    v128.store(record, c, 32);
    v128.store(record, d, 48);
  }
  const first = total(i16x8.add(a, b)), last = total(i16x8.add(c, d));
  store<f32>(record + CODES, zero ? 0 : amax / limit);
  store<i32>(record + CODES + 4, -8 * (first + last));
  store<i32>(record + CODES + 8, -first);
  store<i32>(record + CODES + 12, -last);
  return true;
}
