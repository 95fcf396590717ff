// Products with the types of specs/exact-1.md §4.2, and with Q5_0 (§4.1), on the records of formats.ts. Activations are signed bytes and
// the first operand, codes 0 ... 63 the second; a pair sum is at most 128 * 63 * 2 = 16,128.
// Per 32 columns and row an exact integer I and, with minima, M; every step of it fits i32 (§10):
//   Q4_K, Q5_K  D * (d * scale) stands for I * d: d * scale has 11 + 6 bits, so both are the one rounding of D * scale * d
//   minima      -8 A * (m / 8) with the sum A of activation codes: a power of two moves through a rounding
// Each type has functions of its own, so that the type is a constant inside, as in floats.ts.
import { CODES, RECORD } from './activation';
import { f16ToF32 } from './elementary';
import {
  bitsOf, hasHalves, hasMinimum, headBytes, nibbleOffset, offsetShift, partBytes, partsOf, Q2_K, Q3_K, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K,
  Q6_K, scaleBytes,
} from './formats';
import { plain1, plain2 } from './coded-plain';
import { scaled, store8 } from './q8';

@inline
function dot(activation: v128, weights: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(activation, weights, sum);
}

/** 4 codes of a token in every lane; with plain SIMD 4 widened codes in both halves. */
@inline
export function codes(record: usize, step: usize): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.load32_splat(record + (step << 2)) : v128.load64_splat(record + (step << 3));
}

/** High bits at `at` for the steps of the first or the second half. */
@inline
export function highBits(type: i32, at: usize, isSecond: bool): v128 {
  if (bitsOf(type) == 6) return v128.load(at + (isSecond ? 32 : 0));
  if (bitsOf(type) == 5) return isSecond ? i16x8.shl(v128.load(at), 4) : v128.load(at);
  return i32x4.splat(0);
}

/** High bits of the next step, where `unpacked` looks for them. Shifts cross from byte to byte, but not that far. */
@inline
export function nextBits(type: i32, high: v128): v128 {
  if (bitsOf(type) == 6) return i16x8.shr_u(high, 2);
  return bitsOf(type) == 5 ? i16x8.shr_u(high, 1) : high;
}

/** 16 codes from their nibbles and high bits. */
@inline
export function unpacked(type: i32, bytes: v128, high: v128, isSecond: bool): v128 {
  if (bitsOf(type) == 6) {
    const nibbles = isSecond ? i16x8.shr_u(bytes, 2) : i16x8.shl(bytes, 2);
    return v128.or(v128.and(nibbles, i8x16.splat(60)), v128.and(high, i8x16.splat(3)));
  }
  const nibbles = v128.and(isSecond ? i16x8.shr_u(bytes, 4) : bytes, i8x16.splat(15));
  return bitsOf(type) == 5 ? v128.or(nibbles, v128.and(high, i8x16.splat(16))) : nibbles;
}

/** Minus the offset of the codes times the sum of activation codes of a half, or of both. */
@inline
export function offset(type: i32, a: usize, isSecond: bool): v128 {
  if (type == Q5_0) return i32x4.shl(v128.load32_splat(a, CODES + 4), 1);
  if (offsetShift(type) == 0) return i32x4.splat(0);
  return i32x4.shl(v128.load32_splat(a + (isSecond ? 4 : 0), CODES + 8), offsetShift(type));
}

/** Four integer scales or minima, at `at`, of rows in lanes. Those without sign are below 64. */
@inline
function four(at: usize): v128 {
  return i32x4.extend_low_i16x8_s(v128.load8x8_s(at));
}

/** Integer scales of rows `rows` ... `rows` + 3 in a half. */
@inline
export function half(part: usize, isSecond: bool, rows: usize): v128 {
  return four(part + (isSecond ? 8 : 0) + rows);
}

/** What D is multiplied by: d, times the integer scale where a part has one. */
@inline
export function partScale(type: i32, part: usize, d: v128, rows: usize): v128 {
  if (type != Q4_K && type != Q5_K) return d;
  return f32x4.mul(d, f32x4.convert_i32x4_s(four(part + rows)));
}

/** What minus eight times the sum of activation codes is multiplied by. `m` holds an eighth of the file's minima. */
@inline
export function partMinimum(type: i32, part: usize, m: v128, rows: usize): v128 {
  if (type != Q4_K && type != Q5_K) return m;
  return f32x4.mul(m, f32x4.convert_i32x4_s(four(part + 8 + rows)));
}

/** An eighth of the minima of four rows, with the sign that turns -8 A into what is added. Q2_K sums M itself. */
@inline
export function minima(type: i32, at: usize): v128 {
  if (!hasMinimum(type)) return i32x4.splat(0);
  const factor: f32 = type == Q2_K ? 1 : type == Q4_1 || type == Q5_1 ? -0.125 : 0.125;
  return f32x4.mul(f16ToF32(v128.load16x4_s(at)), f32x4.splat(factor));
}

/** Minus the sums that the minima multiply: -8 A in every lane, or -M of Q2_K per row. */
@inline
function minusSums(type: i32, part: usize, a: usize, rows: usize): v128 {
  if (type == Q2_K) {
    const first = i32x4.mul(four(part + 16 + rows), v128.load32_splat(a, CODES + 8));
    return f32x4.convert_i32x4_s(i32x4.add(first, i32x4.mul(four(part + 24 + rows), v128.load32_splat(a, CODES + 12))));
  }
  return f32x4.convert_i32x4_s(v128.load32_splat(a, CODES + 4));
}

/** §4.2: s + (I * d - M * m) * d_a, or §4.1 for Q5_0. */
@inline
export function finish(type: i32, s: v128, sum: v128, d: v128, m: v128, part: usize, a: usize, rows: usize): v128 {
  const e = v128.load32_splat(a, CODES);
  if (type == Q5_0) return scaled(s, sum, d, e);
  let t = f32x4.mul(f32x4.convert_i32x4_s(sum), d);
  if (hasMinimum(type)) t = f32x4.add(t, f32x4.mul(minusSums(type, part, a, rows), m));
  return f32x4.add(s, f32x4.mul(t, e));
}

/**
 * 4 rows of 4 tokens; `rows`: 0 or 4, the first of them in the group. Not 8 rows as in q4.ts: to rebuild codes and to hold the sums of a
 * half takes registers that 8 accumulators leave no room for.
 */
@inline
function quad4(type: i32, w: usize, blocks: i32, a0: usize, stride: usize, y: usize, yStride: usize, add: bool, rows: usize): void {
  const per = partsOf(type), at = rows << 2;
  let a1 = a0 + stride, a2 = a1 + stride, a3 = a2 + stride;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let block = 0; block < blocks; block += per) {
    const d = f16ToF32(v128.load16x4_s(w + (rows << 1))), m = minima(type, w + 16 + (rows << 1));
    w += headBytes(type);
    for (let part = 0; part < per; part += 1) {
      const q = w + nibbleOffset(type) + at, high = w + scaleBytes(type) + at;
      let c0 = offset(type, a0, false), c1 = offset(type, a1, false), c2 = offset(type, a2, false), c3 = offset(type, a3, false);
      let h = highBits(type, high, false);
      for (let step: usize = 0; step < 4; step += 1) {
        const u = unpacked(type, v128.load(q + (step << 5)), h, false);
        h = nextBits(type, h);
        c0 = dot(codes(a0, step), u, c0); c1 = dot(codes(a1, step), u, c1);
        c2 = dot(codes(a2, step), u, c2); c3 = dot(codes(a3, step), u, c3);
      }
      let i0 = c0, i1 = c1, i2 = c2, i3 = c3;
      if (hasHalves(type)) {
        const r = half(w, false, rows);
        i0 = i32x4.mul(c0, r); i1 = i32x4.mul(c1, r); i2 = i32x4.mul(c2, r); i3 = i32x4.mul(c3, r);
        c0 = offset(type, a0, true); c1 = offset(type, a1, true); c2 = offset(type, a2, true); c3 = offset(type, a3, true);
      }
      h = highBits(type, high, true);
      for (let step: usize = 0; step < 4; step += 1) {
        const u = unpacked(type, v128.load(q + (step << 5)), h, true);
        h = nextBits(type, h);
        c0 = dot(codes(a0, step + 4), u, c0); c1 = dot(codes(a1, step + 4), u, c1);
        c2 = dot(codes(a2, step + 4), u, c2); c3 = dot(codes(a3, step + 4), u, c3);
      }
      if (hasHalves(type)) {
        const r = half(w, true, rows);
        c0 = i32x4.add(i0, i32x4.mul(c0, r)); c1 = i32x4.add(i1, i32x4.mul(c1, r));
        c2 = i32x4.add(i2, i32x4.mul(c2, r)); c3 = i32x4.add(i3, i32x4.mul(c3, r));
      }
      const e = partScale(type, w, d, rows), f = partMinimum(type, w, m, rows);
      s0 = finish(type, s0, c0, e, f, w, a0, rows); s1 = finish(type, s1, c1, e, f, w, a1, rows);
      s2 = finish(type, s2, c2, e, f, w, a2, rows); s3 = finish(type, s3, c3, e, f, w, a3, rows);
      w += partBytes(type); a0 += RECORD; a1 += RECORD; a2 += RECORD; a3 += RECORD;
    }
  }
  store4(y, s0, add); store4(y + yStride, s1, add); store4(y + (yStride << 1), s2, add); store4(y + yStride * 3, s3, add);
}

@inline
function relaxed4(type: i32, w: usize, blocks: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  for (let rows: usize = 0; rows < 8; rows += 4) quad4(type, w, blocks, a, stride, y + (rows << 2), yStride, add, rows);
}

@inline
function store4(y: usize, value: v128, add: bool): void {
  v128.store(y, add ? f32x4.add(v128.load(y), value) : value);
}

@inline
function relaxed1(type: i32, w: usize, blocks: i32, a: usize, y: usize, accumulate: bool): void {
  const per = partsOf(type);
  let s0 = f32x4.splat(0), s1 = s0;
  for (let block = 0; block < blocks; block += per) {
    const d0 = f16ToF32(v128.load16x4_s(w)), d1 = f16ToF32(v128.load16x4_s(w, 8));
    const m0 = minima(type, w + 16), m1 = minima(type, w + 24);
    w += headBytes(type);
    for (let part = 0; part < per; part += 1) {
      const q = w + nibbleOffset(type), high = w + scaleBytes(type);
      let c0 = offset(type, a, false), c1 = c0, z0 = offset(type, a, true), z1 = z0;
      if (!hasHalves(type)) z0 = z1 = i32x4.splat(0);
      let h0 = highBits(type, high, false), h1 = highBits(type, high + 16, false);
      let g0 = highBits(type, high, true), g1 = highBits(type, high + 16, true);
      for (let step: usize = 0; step < 4; step += 1) {
        const u = v128.load(q + (step << 5)), v = v128.load(q + (step << 5), 16), x = codes(a, step), z = codes(a, step + 4);
        c0 = dot(x, unpacked(type, u, h0, false), c0); c1 = dot(x, unpacked(type, v, h1, false), c1);
        z0 = dot(z, unpacked(type, u, g0, true), z0); z1 = dot(z, unpacked(type, v, g1, true), z1);
        h0 = nextBits(type, h0); h1 = nextBits(type, h1); g0 = nextBits(type, g0); g1 = nextBits(type, g1);
      }
      if (hasHalves(type)) {
        c0 = i32x4.mul(c0, half(w, false, 0)); c1 = i32x4.mul(c1, half(w, false, 4));
        z0 = i32x4.mul(z0, half(w, true, 0)); z1 = i32x4.mul(z1, half(w, true, 4));
      }
      s0 = finish(type, s0, i32x4.add(c0, z0), partScale(type, w, d0, 0), partMinimum(type, w, m0, 0), w, a, 0);
      s1 = finish(type, s1, i32x4.add(c1, z1), partScale(type, w, d1, 4), partMinimum(type, w, m1, 4), w, a, 4);
      w += partBytes(type); a += RECORD;
    }
  }
  store8(y, s0, s1, accumulate);
}

// AssemblyScript has no constant generics: one pair of functions per type lets the compiler fold the type away.
function q4kWide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q4_K, w, n, a, stride, y, yStride, add);
  else plain2(Q4_K, w, n, a, stride, y, yStride, add);
}
function q4kOne(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q4_K, w, n, a, y, add);
  else plain1(Q4_K, w, n, a, y, add);
}
function q5kWide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q5_K, w, n, a, stride, y, yStride, add);
  else plain2(Q5_K, w, n, a, stride, y, yStride, add);
}
function q5kOne(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q5_K, w, n, a, y, add);
  else plain1(Q5_K, w, n, a, y, add);
}
function q6kWide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q6_K, w, n, a, stride, y, yStride, add);
  else plain2(Q6_K, w, n, a, stride, y, yStride, add);
}
function q6kOne(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q6_K, w, n, a, y, add);
  else plain1(Q6_K, w, n, a, y, add);
}
function q41Wide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q4_1, w, n, a, stride, y, yStride, add);
  else plain2(Q4_1, w, n, a, stride, y, yStride, add);
}
function q41One(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q4_1, w, n, a, y, add);
  else plain1(Q4_1, w, n, a, y, add);
}
function q50Wide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q5_0, w, n, a, stride, y, yStride, add);
  else plain2(Q5_0, w, n, a, stride, y, yStride, add);
}
function q50One(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q5_0, w, n, a, y, add);
  else plain1(Q5_0, w, n, a, y, add);
}
function q51Wide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q5_1, w, n, a, stride, y, yStride, add);
  else plain2(Q5_1, w, n, a, stride, y, yStride, add);
}
function q51One(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q5_1, w, n, a, y, add);
  else plain1(Q5_1, w, n, a, y, add);
}
function q3kWide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q3_K, w, n, a, stride, y, yStride, add);
  else plain2(Q3_K, w, n, a, stride, y, yStride, add);
}
function q3kOne(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q3_K, w, n, a, y, add);
  else plain1(Q3_K, w, n, a, y, add);
}
function q2kWide(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed4(Q2_K, w, n, a, stride, y, yStride, add);
  else plain2(Q2_K, w, n, a, stride, y, yStride, add);
}
function q2kOne(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) relaxed1(Q2_K, w, n, a, y, add);
  else plain1(Q2_K, w, n, a, y, add);
}

/** 8 rows at `w` times `tokens` rows of records at `a`. `blocks`: columns by 32. */
export function codedRows(
  type: i32, w: usize, blocks: i32, a: usize, stride: usize, y: usize, yStride: usize, tokens: i32, accumulate: bool,
): void {
  const wide = ASC_FEATURE_RELAXED_SIMD ? 4 : 2;
  let token = 0;
  for (; token + wide <= tokens; token += wide) {
    if (type == Q4_K) q4kWide(w, blocks, a, stride, y, yStride, accumulate);
    else if (type == Q5_K) q5kWide(w, blocks, a, stride, y, yStride, accumulate);
    else if (type == Q6_K) q6kWide(w, blocks, a, stride, y, yStride, accumulate);
    else if (type == Q4_1) q41Wide(w, blocks, a, stride, y, yStride, accumulate);
    else if (type == Q5_0) q50Wide(w, blocks, a, stride, y, yStride, accumulate);
    else if (type == Q5_1) q51Wide(w, blocks, a, stride, y, yStride, accumulate);
    else if (type == Q3_K) q3kWide(w, blocks, a, stride, y, yStride, accumulate);
    else q2kWide(w, blocks, a, stride, y, yStride, accumulate);
    a += stride * wide;
    y += yStride * wide;
  }
  for (; token < tokens; token += 1) {
    if (type == Q4_K) q4kOne(w, blocks, a, y, accumulate);
    else if (type == Q5_K) q5kOne(w, blocks, a, y, accumulate);
    else if (type == Q6_K) q6kOne(w, blocks, a, y, accumulate);
    else if (type == Q4_1) q41One(w, blocks, a, y, accumulate);
    else if (type == Q5_0) q50One(w, blocks, a, y, accumulate);
    else if (type == Q5_1) q51One(w, blocks, a, y, accumulate);
    else if (type == Q3_K) q3kOne(w, blocks, a, y, accumulate);
    else q2kOne(w, blocks, a, y, accumulate);
    a += stride;
    y += yStride;
  }
}
