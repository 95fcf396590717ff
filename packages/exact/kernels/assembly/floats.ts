// Serial dot products with F32, F16 and BF16 weights (specs/exact-1.md §1). Groups of 8 rows, column by column: lanes are rows.
import { f16ToF32 } from './elementary';
import { store8 } from './q8';

export const F32: i32 = 0;
export const F16: i32 = 1;
export const BF16: i32 = 2;

/** Four weights at `w` as f32, exactly. */
@inline
function four(type: i32, w: usize): v128 {
  if (type == F32) return v128.load(w);
  if (type == F16) return f16ToF32(v128.load16x4_s(w));
  return i32x4.shl(v128.load16x4_u(w), 16);
}

/** Two roundings: the product, then the sum. */
@inline
function multiplyAdd(s: v128, w: v128, x: v128): v128 {
  return f32x4.add(s, f32x4.mul(w, x));
}

@inline
function tile4(type: i32, w: usize, cols: i32, a0: usize, stride: usize, y: usize, yStride: usize, accumulate: bool): void {
  const half: usize = type == F32 ? 16 : 8;
  let a1 = a0 + stride, a2 = a1 + stride, a3 = a2 + stride;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  for (let col = 0; col < cols; col += 1) {
    const u = four(type, w), v = four(type, w + half);
    let x = v128.load32_splat(a0);
    s00 = multiplyAdd(s00, u, x); s01 = multiplyAdd(s01, v, x); x = v128.load32_splat(a1);
    s10 = multiplyAdd(s10, u, x); s11 = multiplyAdd(s11, v, x); x = v128.load32_splat(a2);
    s20 = multiplyAdd(s20, u, x); s21 = multiplyAdd(s21, v, x); x = v128.load32_splat(a3);
    s30 = multiplyAdd(s30, u, x); s31 = multiplyAdd(s31, v, x);
    w += half << 1; a0 += 4; a1 += 4; a2 += 4; a3 += 4;
  }
  store8(y, s00, s01, accumulate); y += yStride;
  store8(y, s10, s11, accumulate); y += yStride;
  store8(y, s20, s21, accumulate); y += yStride;
  store8(y, s30, s31, accumulate);
}

@inline
function tile1(type: i32, w: usize, cols: i32, a: usize, y: usize, accumulate: bool): void {
  const half: usize = type == F32 ? 16 : 8;
  let s0 = f32x4.splat(0), s1 = s0;
  for (let col = 0; col < cols; col += 1) {
    const x = v128.load32_splat(a);
    s0 = multiplyAdd(s0, four(type, w), x);
    s1 = multiplyAdd(s1, four(type, w + half), x);
    w += half << 1; a += 4;
  }
  store8(y, s0, s1, accumulate);
}

/** Two groups of one token: four chains of additions, so that their latency overlaps. */
@inline
function pair1(type: i32, w: usize, cols: i32, a: usize, y: usize, accumulate: bool): void {
  const half: usize = type == F32 ? 16 : 8;
  let z = w + <usize>cols * (half << 1);
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let col = 0; col < cols; col += 1) {
    const x = v128.load32_splat(a);
    s0 = multiplyAdd(s0, four(type, w), x);
    s1 = multiplyAdd(s1, four(type, w + half), x);
    s2 = multiplyAdd(s2, four(type, z), x);
    s3 = multiplyAdd(s3, four(type, z + half), x);
    w += half << 1; z += half << 1; a += 4;
  }
  store8(y, s0, s1, accumulate);
  store8(y + 32, s2, s3, accumulate);
}

// One function per type and shape, so that the type is a constant inside and the optimiser sees small functions.
function f32x4Tile(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  tile4(F32, w, n, a, stride, y, yStride, add);
}
function f16x4Tile(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  tile4(F16, w, n, a, stride, y, yStride, add);
}
function bf16x4Tile(w: usize, n: i32, a: usize, stride: usize, y: usize, yStride: usize, add: bool): void {
  tile4(BF16, w, n, a, stride, y, yStride, add);
}
function f32x1Tile(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  tile1(F32, w, n, a, y, add);
}
function f16x1Tile(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  tile1(F16, w, n, a, y, add);
}
function bf16x1Tile(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  tile1(BF16, w, n, a, y, add);
}
function f32Pair(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  pair1(F32, w, n, a, y, add);
}
function f16Pair(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  pair1(F16, w, n, a, y, add);
}
function bf16Pair(w: usize, n: i32, a: usize, y: usize, add: bool): void {
  pair1(BF16, w, n, a, y, add);
}

/** 8 rows at `w` times `tokens` rows of f32 at `a`. */
export function floatRows(
  type: i32, w: usize, cols: i32, a: usize, stride: usize, y: usize, yStride: usize, tokens: i32, accumulate: bool,
): void {
  let token = 0;
  for (; token + 4 <= tokens; token += 4) {
    if (type == F32) f32x4Tile(w, cols, a, stride, y, yStride, accumulate);
    else if (type == F16) f16x4Tile(w, cols, a, stride, y, yStride, accumulate);
    else bf16x4Tile(w, cols, a, stride, y, yStride, accumulate);
    a += stride << 2;
    y += yStride << 2;
  }
  for (; token < tokens; token += 1) {
    if (type == F32) f32x1Tile(w, cols, a, y, accumulate);
    else if (type == F16) f16x1Tile(w, cols, a, y, accumulate);
    else bf16x1Tile(w, cols, a, y, accumulate);
    a += stride;
    y += yStride;
  }
}

/** 16 rows at `w` times one row of f32 at `a`. */
export function floatPair(type: i32, w: usize, cols: i32, a: usize, y: usize, accumulate: bool): void {
  if (type == F32) f32Pair(w, cols, a, y, accumulate);
  else if (type == F16) f16Pair(w, cols, a, y, accumulate);
  else bf16Pair(w, cols, a, y, accumulate);
}
