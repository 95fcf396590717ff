// Products with Q4_0 weights (specs/exact-1.md §4.1). Records of 8 rows by one block of 32 columns:
//   8 f16 scales | 4 steps of (4 rows x 4 bytes) (4 rows x 4 bytes)
// A byte holds code k in its low and code k + 16 in its high nibble, as in the file. Activations are signed bytes and the first
// operand, codes 0 ... 15 the second; the record of the activations carries -8 * sum, so sum (c - 8) a = sum c a - 8 sum a.
import { CODES, RECORD } from './activation';
import { f16ToF32 } from './elementary';
import { joinPairs, scaled, store8 } from './q8';

export const Q4_RECORD: usize = 144;

@inline
function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, i8x16.splat(15));
}

@inline
function highNibbles(bytes: v128): v128 {
  return v128.and(i16x8.shr_u(bytes, 4), i8x16.splat(15));
}

@inline
function dot(activation: v128, weights: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(activation, weights, sum);
}

@inline
function codes(record: usize, step: usize): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.load32_splat(record + (step << 2)) : v128.load64_splat(record + (step << 3));
}

@inline
function scaleOf(record: usize): v128 {
  return v128.load32_splat(record, CODES);
}

@inline
function correction(record: usize): v128 {
  return v128.load32_splat(record, CODES + 4);
}

function relaxed4(w: usize, blocks: i32, a0: usize, stride: usize, y: usize, yStride: usize, accumulate: bool): void {
  let a1 = a0 + stride, a2 = a1 + stride, a3 = a2 + stride;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  for (let block = 0; block < blocks; block += 1) {
    let c00 = correction(a0), c01 = c00, c10 = correction(a1), c11 = c10;
    let c20 = correction(a2), c21 = c20, c30 = correction(a3), c31 = c30;
    // Two small loops, not one with both nibbles in its body: that one exceeds the registers, as in q8.ts.
    for (let step: usize = 0; step < 4; step += 1) {
      const p = w + (step << 5), u = lowNibbles(v128.load(p, 16)), v = lowNibbles(v128.load(p, 32));
      let x = codes(a0, step);
      c00 = dot(x, u, c00); c01 = dot(x, v, c01); x = codes(a1, step);
      c10 = dot(x, u, c10); c11 = dot(x, v, c11); x = codes(a2, step);
      c20 = dot(x, u, c20); c21 = dot(x, v, c21); x = codes(a3, step);
      c30 = dot(x, u, c30); c31 = dot(x, v, c31);
    }
    for (let step: usize = 0; step < 4; step += 1) {
      const p = w + (step << 5), u = highNibbles(v128.load(p, 16)), v = highNibbles(v128.load(p, 32));
      let x = codes(a0, step + 4);
      c00 = dot(x, u, c00); c01 = dot(x, v, c01); x = codes(a1, step + 4);
      c10 = dot(x, u, c10); c11 = dot(x, v, c11); x = codes(a2, step + 4);
      c20 = dot(x, u, c20); c21 = dot(x, v, c21); x = codes(a3, step + 4);
      c30 = dot(x, u, c30); c31 = dot(x, v, c31);
    }
    const d0 = f16ToF32(v128.load16x4_s(w)), d1 = f16ToF32(v128.load16x4_s(w, 8));
    let e = scaleOf(a0);
    s00 = scaled(s00, c00, d0, e); s01 = scaled(s01, c01, d1, e); e = scaleOf(a1);
    s10 = scaled(s10, c10, d0, e); s11 = scaled(s11, c11, d1, e); e = scaleOf(a2);
    s20 = scaled(s20, c20, d0, e); s21 = scaled(s21, c21, d1, e); e = scaleOf(a3);
    s30 = scaled(s30, c30, d0, e); s31 = scaled(s31, c31, d1, e);
    w += Q4_RECORD; a0 += RECORD; a1 += RECORD; a2 += RECORD; a3 += RECORD;
  }
  store8(y, s00, s01, accumulate); y += yStride;
  store8(y, s10, s11, accumulate); y += yStride;
  store8(y, s20, s21, accumulate); y += yStride;
  store8(y, s30, s31, accumulate);
}

function relaxed1(w: usize, blocks: i32, a: usize, y: usize, accumulate: bool): void {
  let s0 = f32x4.splat(0), s1 = s0;
  for (let block = 0; block < blocks; block += 1) {
    let c0 = correction(a), c1 = c0;
    let u = v128.load(w, 16), v = v128.load(w, 32), x = codes(a, 0), z = codes(a, 4);
    c0 = dot(x, lowNibbles(u), c0); c1 = dot(x, lowNibbles(v), c1);
    c0 = dot(z, highNibbles(u), c0); c1 = dot(z, highNibbles(v), c1);
    u = v128.load(w, 48); v = v128.load(w, 64); x = codes(a, 1); z = codes(a, 5);
    c0 = dot(x, lowNibbles(u), c0); c1 = dot(x, lowNibbles(v), c1);
    c0 = dot(z, highNibbles(u), c0); c1 = dot(z, highNibbles(v), c1);
    u = v128.load(w, 80); v = v128.load(w, 96); x = codes(a, 2); z = codes(a, 6);
    c0 = dot(x, lowNibbles(u), c0); c1 = dot(x, lowNibbles(v), c1);
    c0 = dot(z, highNibbles(u), c0); c1 = dot(z, highNibbles(v), c1);
    u = v128.load(w, 112); v = v128.load(w, 128); x = codes(a, 3); z = codes(a, 7);
    c0 = dot(x, lowNibbles(u), c0); c1 = dot(x, lowNibbles(v), c1);
    c0 = dot(z, highNibbles(u), c0); c1 = dot(z, highNibbles(v), c1);
    const e = scaleOf(a);
    s0 = scaled(s0, c0, f16ToF32(v128.load16x4_s(w)), e);
    s1 = scaled(s1, c1, f16ToF32(v128.load16x4_s(w, 8)), e);
    w += Q4_RECORD; a += RECORD;
  }
  store8(y, s0, s1, accumulate);
}

/** Two rows per register: the first or the last 8 of 16 unsigned bytes against 4 widened codes. */
@inline
function pairLow(sum: v128, weights: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(weights), x));
}

@inline
function pairHigh(sum: v128, weights: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(weights), x));
}

function plain1(w: usize, blocks: i32, a: usize, y: usize, accumulate: bool): void {
  let s0 = f32x4.splat(0), s1 = s0;
  for (let block = 0; block < blocks; block += 1) {
    let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
    for (let step: usize = 0; step < 4; step += 1) {
      const p = w + (step << 5), x = codes(a, step), z = codes(a, step + 4);
      const first = v128.load(p, 16), second = v128.load(p, 32);
      let u = lowNibbles(first), v = lowNibbles(second);
      c0 = pairLow(c0, u, x); c1 = pairHigh(c1, u, x); c2 = pairLow(c2, v, x); c3 = pairHigh(c3, v, x);
      u = highNibbles(first); v = highNibbles(second);
      c0 = pairLow(c0, u, z); c1 = pairHigh(c1, u, z); c2 = pairLow(c2, v, z); c3 = pairHigh(c3, v, z);
    }
    const e = scaleOf(a), minus = correction(a);
    s0 = scaled(s0, i32x4.add(joinPairs(c0, c1), minus), f16ToF32(v128.load16x4_s(w)), e);
    s1 = scaled(s1, i32x4.add(joinPairs(c2, c3), minus), f16ToF32(v128.load16x4_s(w, 8)), e);
    w += Q4_RECORD; a += RECORD;
  }
  store8(y, s0, s1, accumulate);
}

/** Two tokens at once, so that nibbles are unpacked and widened once for both. */
function plain2(w: usize, blocks: i32, a0: usize, stride: usize, y: usize, yStride: usize, accumulate: bool): void {
  let a1 = a0 + stride;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00;
  for (let block = 0; block < blocks; block += 1) {
    let c00 = i32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
    for (let step: usize = 0; step < 8; step += 1) {
      const p = w + ((step & 3) << 5), x = codes(a0, step), z = codes(a1, step);
      let bytes = v128.load(p, 16), n = step < 4 ? lowNibbles(bytes) : highNibbles(bytes);
      let u = i16x8.extend_low_i8x16_u(n);
      c00 = i32x4.add(c00, i32x4.dot_i16x8_s(u, x)); c10 = i32x4.add(c10, i32x4.dot_i16x8_s(u, z));
      u = i16x8.extend_high_i8x16_u(n);
      c01 = i32x4.add(c01, i32x4.dot_i16x8_s(u, x)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(u, z));
      bytes = v128.load(p, 32); n = step < 4 ? lowNibbles(bytes) : highNibbles(bytes);
      u = i16x8.extend_low_i8x16_u(n);
      c02 = i32x4.add(c02, i32x4.dot_i16x8_s(u, x)); c12 = i32x4.add(c12, i32x4.dot_i16x8_s(u, z));
      u = i16x8.extend_high_i8x16_u(n);
      c03 = i32x4.add(c03, i32x4.dot_i16x8_s(u, x)); c13 = i32x4.add(c13, i32x4.dot_i16x8_s(u, z));
    }
    const d0 = f16ToF32(v128.load16x4_s(w)), d1 = f16ToF32(v128.load16x4_s(w, 8));
    let e = scaleOf(a0), minus = correction(a0);
    s00 = scaled(s00, i32x4.add(joinPairs(c00, c01), minus), d0, e);
    s01 = scaled(s01, i32x4.add(joinPairs(c02, c03), minus), d1, e);
    e = scaleOf(a1); minus = correction(a1);
    s10 = scaled(s10, i32x4.add(joinPairs(c10, c11), minus), d0, e);
    s11 = scaled(s11, i32x4.add(joinPairs(c12, c13), minus), d1, e);
    w += Q4_RECORD; a0 += RECORD; a1 += RECORD;
  }
  store8(y, s00, s01, accumulate);
  store8(y + yStride, s10, s11, accumulate);
}

/** 8 rows at `w` times `tokens` rows of records at `a`. */
export function q4Rows(
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
