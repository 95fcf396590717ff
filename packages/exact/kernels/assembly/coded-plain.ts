// The tiles of coded.ts without relaxed SIMD: two rows per register, codes widened to 16 bits.
import { RECORD } from './activation';
import { codes, finish, half, highBits, minima, nextBits, offset, partMinimum, partScale, unpacked } from './coded';
import { f16ToF32 } from './elementary';
import { hasHalves, headBytes, nibbleOffset, partBytes, partsOf, scaleBytes } from './formats';
import { joinPairs, store8 } from './q8';

@inline
function low(sum: v128, weights: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(weights), x));
}

@inline
function top(sum: v128, weights: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(weights), x));
}

@inline
export function plain1(type: i32, w: usize, blocks: i32, a: usize, y: usize, accumulate: bool): void {
  const per = partsOf(type);
  let s0 = f32x4.splat(0), s1 = s0;
  for (let block = 0; block < blocks; block += per) {
    const d0 = f16ToF32(v128.load16x4_s(w)), d1 = f16ToF32(v128.load16x4_s(w, 8));
    const m0 = minima(type, w + 16), m1 = minima(type, w + 24);
    w += headBytes(type);
    for (let part = 0; part < per; part += 1) {
      const q = w + nibbleOffset(type), high = w + scaleBytes(type);
      let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
      let h0 = highBits(type, high, false), h1 = highBits(type, high + 16, false);
      for (let step: usize = 0; step < 4; step += 1) {
        const p = q + (step << 5), x = codes(a, step);
        const u = unpacked(type, v128.load(p), h0, false), v = unpacked(type, v128.load(p, 16), h1, false);
        h0 = nextBits(type, h0); h1 = nextBits(type, h1);
        c0 = low(c0, u, x); c1 = top(c1, u, x); c2 = low(c2, v, x); c3 = top(c3, v, x);
      }
      let i0 = offset(type, a, false), i1 = i0;
      if (hasHalves(type)) {
        i0 = i32x4.mul(i32x4.add(i0, joinPairs(c0, c1)), half(w, false, 0));
        i1 = i32x4.mul(i32x4.add(i1, joinPairs(c2, c3)), half(w, false, 4));
        c0 = i32x4.splat(0); c1 = c0; c2 = c0; c3 = c0;
      }
      h0 = highBits(type, high, true); h1 = highBits(type, high + 16, true);
      for (let step: usize = 0; step < 4; step += 1) {
        const p = q + (step << 5), x = codes(a, step + 4);
        const u = unpacked(type, v128.load(p), h0, true), v = unpacked(type, v128.load(p, 16), h1, true);
        h0 = nextBits(type, h0); h1 = nextBits(type, h1);
        c0 = low(c0, u, x); c1 = top(c1, u, x); c2 = low(c2, v, x); c3 = top(c3, v, x);
      }
      c0 = joinPairs(c0, c1); c2 = joinPairs(c2, c3);
      if (hasHalves(type)) {
        const z = offset(type, a, true);
        c0 = i32x4.mul(i32x4.add(c0, z), half(w, true, 0)); c2 = i32x4.mul(i32x4.add(c2, z), half(w, true, 4));
      }
      s0 = finish(type, s0, i32x4.add(i0, c0), partScale(type, w, d0, 0), partMinimum(type, w, m0, 0), w, a, 0);
      s1 = finish(type, s1, i32x4.add(i1, c2), partScale(type, w, d1, 4), partMinimum(type, w, m1, 4), w, a, 4);
      w += partBytes(type); a += RECORD;
    }
  }
  store8(y, s0, s1, accumulate);
}

/** 4 rows of two tokens, so that codes are unpacked and widened once for both. `rows`: 0 or 4, the first of them in the group. */
@inline
function quad2(type: i32, w: usize, blocks: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool, rows: usize): void {
  const per = partsOf(type), at = rows << 2;
  let b = a + stride, s = f32x4.splat(0), r = s;
  for (let block = 0; block < blocks; block += per) {
    const d = f16ToF32(v128.load16x4_s(w + (rows << 1))), m = minima(type, w + 16 + (rows << 1));
    w += headBytes(type);
    for (let part = 0; part < per; part += 1) {
      const q = w + nibbleOffset(type) + at, high = w + scaleBytes(type) + at;
      let c0 = i32x4.splat(0), c1 = c0, e0 = c0, e1 = c0, h = highBits(type, high, false);
      for (let step: usize = 0; step < 4; step += 1) {
        const n = unpacked(type, v128.load(q + (step << 5)), h, false), x = codes(a, step), z = codes(b, step);
        h = nextBits(type, h);
        c0 = low(c0, n, x); c1 = top(c1, n, x); e0 = low(e0, n, z); e1 = top(e1, n, z);
      }
      let i = offset(type, a, false), j = offset(type, b, false);
      if (hasHalves(type)) {
        const scale = half(w, false, rows);
        i = i32x4.mul(i32x4.add(i, joinPairs(c0, c1)), scale);
        j = i32x4.mul(i32x4.add(j, joinPairs(e0, e1)), scale);
        c0 = i32x4.splat(0); c1 = c0; e0 = c0; e1 = c0;
      }
      h = highBits(type, high, true);
      for (let step: usize = 0; step < 4; step += 1) {
        const n = unpacked(type, v128.load(q + (step << 5)), h, true), x = codes(a, step + 4), z = codes(b, step + 4);
        h = nextBits(type, h);
        c0 = low(c0, n, x); c1 = top(c1, n, x); e0 = low(e0, n, z); e1 = top(e1, n, z);
      }
      c0 = joinPairs(c0, c1); e0 = joinPairs(e0, e1);
      if (hasHalves(type)) {
        const scale = half(w, true, rows);
        c0 = i32x4.mul(i32x4.add(c0, offset(type, a, true)), scale);
        e0 = i32x4.mul(i32x4.add(e0, offset(type, b, true)), scale);
      }
      const f = partScale(type, w, d, rows), g = partMinimum(type, w, m, rows);
      s = finish(type, s, i32x4.add(i, c0), f, g, w, a, rows);
      r = finish(type, r, i32x4.add(j, e0), f, g, w, b, rows);
      w += partBytes(type); a += RECORD; b += RECORD;
    }
  }
  v128.store(y, add ? f32x4.add(v128.load(y), s) : s);
  v128.store(y + yStride, add ? f32x4.add(v128.load(y + yStride), r) : r);
}

@inline
export function plain2(type: i32, w: usize, blocks: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  for (let rows: usize = 0; rows < 8; rows += 4) quad2(type, w, blocks, a, stride, y + (rows << 2), yStride, add, rows);
}
