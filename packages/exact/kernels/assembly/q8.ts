// Products with Q8_0 weights (specs/exact-1.md §4.1). Weights lie in records of 8 rows by one block of 32 columns:
//   8 f16 scales | 8 i16 negated code sums | 8 steps of (4 rows x 4 codes) (4 rows x 4 codes)
// so that one 16-byte load against 4 codes of a token, splat, gives one row per lane, and one stream is read.
// Every tile computes the same formula per (row, token) in the same order; tiles differ in how loads are shared.
import { CODES, RECORD } from './activation';
import { f16ToF32 } from './elementary';

export const Q8_RECORD: usize = 288;

/** Adds (or stores) the results of 8 rows of one token. */
@inline
export function store8(y: usize, low: v128, high: v128, accumulate: bool): void {
  v128.store(y, accumulate ? f32x4.add(v128.load(y), low) : low);
  v128.store(y, accumulate ? f32x4.add(v128.load(y, 16), high) : high, 16);
}

/** s + f32(D) * (d_w * d_a), three roundings. */
@inline
export function scaled(s: v128, dots: v128, weightScale: v128, activationScale: v128): v128 {
  return f32x4.add(s, f32x4.mul(f32x4.convert_i32x4_s(dots), f32x4.mul(weightScale, activationScale)));
}

@inline
function dot(weights: v128, codes: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, codes, sum);
}

/** 4 codes of a token in every lane; with plain SIMD 4 widened codes in both halves. */
@inline
function codes(record: usize, step: usize): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.load32_splat(record + (step << 2)) : v128.load64_splat(record + (step << 3));
}

@inline
function scaleOf(record: usize): v128 {
  return v128.load32_splat(record, CODES);
}

/** -64 * sum of codes, for rows 0-3 (offset 16) and 4-7 (offset 24): undoes the offset of the activation codes. */
@inline
function correction(w: usize): v128 {
  return i32x4.shl(v128.load16x4_s(w), 6);
}

/** Sums of pairs: lanes (r, r, r+1, r+1) of both become lanes (r ... r+3). */
@inline
export function joinPairs(first: v128, second: v128): v128 {
  return i32x4.add(
    v128.shuffle<i32>(first, second, 0, 2, 4, 6),
    v128.shuffle<i32>(first, second, 1, 3, 5, 7),
  );
}

function relaxed4(w: usize, blocks: i32, a0: usize, stride: usize, y: usize, yStride: usize, accumulate: bool): void {
  let a1 = a0 + stride, a2 = a1 + stride, a3 = a2 + stride;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  for (let block = 0; block < blocks; block += 1) {
    const low = correction(w + 16), high = correction(w + 24);
    let c00 = low, c10 = low, c20 = low, c30 = low, c01 = high, c11 = high, c21 = high, c31 = high;
    // Not unrolled: with two steps in the body V8 runs out of registers, and the tile loses a quarter of its speed.
    for (let step: usize = 0; step < 8; step += 1) {
      const p = w + (step << 5), u = v128.load(p, 32), v = v128.load(p, 48);
      let x = codes(a0, step);
      c00 = dot(u, x, c00); c01 = dot(v, x, c01); x = codes(a1, step);
      c10 = dot(u, x, c10); c11 = dot(v, x, c11); x = codes(a2, step);
      c20 = dot(u, x, c20); c21 = dot(v, x, c21); x = codes(a3, step);
      c30 = dot(u, x, c30); c31 = dot(v, x, c31);
    }
    const d0 = f16ToF32(v128.load16x4_s(w)), d1 = f16ToF32(v128.load16x4_s(w, 8));
    let e = scaleOf(a0);
    s00 = scaled(s00, c00, d0, e); s01 = scaled(s01, c01, d1, e); e = scaleOf(a1);
    s10 = scaled(s10, c10, d0, e); s11 = scaled(s11, c11, d1, e); e = scaleOf(a2);
    s20 = scaled(s20, c20, d0, e); s21 = scaled(s21, c21, d1, e); e = scaleOf(a3);
    s30 = scaled(s30, c30, d0, e); s31 = scaled(s31, c31, d1, e);
    w += Q8_RECORD; a0 += RECORD; a1 += RECORD; a2 += RECORD; a3 += RECORD;
  }
  store8(y, s00, s01, accumulate); y += yStride;
  store8(y, s10, s11, accumulate); y += yStride;
  store8(y, s20, s21, accumulate); y += yStride;
  store8(y, s30, s31, accumulate);
}

function relaxed1(w: usize, blocks: i32, a: usize, y: usize, accumulate: bool): void {
  let s0 = f32x4.splat(0), s1 = s0;
  for (let block = 0; block < blocks; block += 1) {
    let c0 = correction(w + 16), c1 = correction(w + 24);
    let x = codes(a, 0); c0 = dot(v128.load(w, 32), x, c0); c1 = dot(v128.load(w, 48), x, c1);
    x = codes(a, 1); c0 = dot(v128.load(w, 64), x, c0); c1 = dot(v128.load(w, 80), x, c1);
    x = codes(a, 2); c0 = dot(v128.load(w, 96), x, c0); c1 = dot(v128.load(w, 112), x, c1);
    x = codes(a, 3); c0 = dot(v128.load(w, 128), x, c0); c1 = dot(v128.load(w, 144), x, c1);
    x = codes(a, 4); c0 = dot(v128.load(w, 160), x, c0); c1 = dot(v128.load(w, 176), x, c1);
    x = codes(a, 5); c0 = dot(v128.load(w, 192), x, c0); c1 = dot(v128.load(w, 208), x, c1);
    x = codes(a, 6); c0 = dot(v128.load(w, 224), x, c0); c1 = dot(v128.load(w, 240), x, c1);
    x = codes(a, 7); c0 = dot(v128.load(w, 256), x, c0); c1 = dot(v128.load(w, 272), x, c1);
    const e = scaleOf(a);
    s0 = scaled(s0, c0, f16ToF32(v128.load16x4_s(w)), e);
    s1 = scaled(s1, c1, f16ToF32(v128.load16x4_s(w, 8)), e);
    w += Q8_RECORD; a += RECORD;
  }
  store8(y, s0, s1, accumulate);
}

@inline
function widened(weights: usize, x: v128, sum: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(weights), x));
}

function plain2(w: usize, blocks: i32, a0: usize, stride: usize, y: usize, yStride: usize, accumulate: bool): void {
  let a1 = a0 + stride;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00;
  for (let block = 0; block < blocks; block += 1) {
    let c00 = i32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
    for (let step: usize = 0; step < 8; step += 1) {
      const p = w + (step << 5), x = codes(a0, step), z = codes(a1, step);
      let u = v128.load8x8_s(p, 32);
      c00 = i32x4.add(c00, i32x4.dot_i16x8_s(u, x)); c10 = i32x4.add(c10, i32x4.dot_i16x8_s(u, z));
      u = v128.load8x8_s(p, 40);
      c01 = i32x4.add(c01, i32x4.dot_i16x8_s(u, x)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(u, z));
      u = v128.load8x8_s(p, 48);
      c02 = i32x4.add(c02, i32x4.dot_i16x8_s(u, x)); c12 = i32x4.add(c12, i32x4.dot_i16x8_s(u, z));
      u = v128.load8x8_s(p, 56);
      c03 = i32x4.add(c03, i32x4.dot_i16x8_s(u, x)); c13 = i32x4.add(c13, i32x4.dot_i16x8_s(u, z));
    }
    const d0 = f16ToF32(v128.load16x4_s(w)), d1 = f16ToF32(v128.load16x4_s(w, 8));
    let e = scaleOf(a0);
    s00 = scaled(s00, joinPairs(c00, c01), d0, e); s01 = scaled(s01, joinPairs(c02, c03), d1, e);
    e = scaleOf(a1);
    s10 = scaled(s10, joinPairs(c10, c11), d0, e); s11 = scaled(s11, joinPairs(c12, c13), d1, e);
    w += Q8_RECORD; a0 += RECORD; a1 += RECORD;
  }
  store8(y, s00, s01, accumulate);
  store8(y + yStride, s10, s11, accumulate);
}

function plain1(w: usize, blocks: i32, a: usize, y: usize, accumulate: bool): void {
  let s0 = f32x4.splat(0), s1 = s0;
  for (let block = 0; block < blocks; block += 1) {
    let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
    for (let step: usize = 0; step < 8; step += 2) {
      const p = w + (step << 5);
      let x = codes(a, step);
      c0 = widened(p + 32, x, c0); c1 = widened(p + 40, x, c1); c2 = widened(p + 48, x, c2); c3 = widened(p + 56, x, c3);
      x = codes(a, step + 1);
      c0 = widened(p + 64, x, c0); c1 = widened(p + 72, x, c1); c2 = widened(p + 80, x, c2); c3 = widened(p + 88, x, c3);
    }
    const e = scaleOf(a);
    s0 = scaled(s0, joinPairs(c0, c1), f16ToF32(v128.load16x4_s(w)), e);
    s1 = scaled(s1, joinPairs(c2, c3), f16ToF32(v128.load16x4_s(w, 8)), e);
    w += Q8_RECORD; a += RECORD;
  }
  store8(y, s0, s1, accumulate);
}

/** 8 rows at `w` times `tokens` rows of records at `a`. */
export function q8Rows(
  w: usize, blocks: i32, a: usize, stride: usize, y: usize, yStride: usize, tokens: i32, accumulate: bool,
): void {
  const wide = ASC_FEATURE_RELAXED_SIMD ? 4 : 2;
  let token = 0;
  for (; token + wide <= tokens; token += wide) {
    if (ASC_FEATURE_RELAXED_SIMD) relaxed4(w, blocks, a, stride, y, yStride, accumulate);
    else plain2(w, blocks, a, stride, y, yStride, accumulate);
    a += stride * wide;
    y += yStride * wide;
  }
  for (; token < tokens; token += 1) {
    if (ASC_FEATURE_RELAXED_SIMD) relaxed1(w, blocks, a, y, accumulate);
    else plain1(w, blocks, a, y, accumulate);
    a += stride;
    y += yStride;
  }
}
