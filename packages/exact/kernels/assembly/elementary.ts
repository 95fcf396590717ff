// Elementary functions of specs/exact-1.md §5 and conversions, four lanes at a time.

/** §5.1. A NaN lane stays NaN. */
@inline
export function exp32(value: v128): v128 {
  // pmax and pmin are compare-and-select: no lane depends on NaN payloads or on the sign of zero.
  const x = f32x4.pmin(f32x4.pmax(value, f32x4.splat(-87)), f32x4.splat(88));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269502162933349609375)));
  const high = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  const y = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  // The clamp bounds n to -126 ... 127, so the power of two is a normal number.
  const exponent = i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127));
  return f32x4.mul(y, i32x4.shl(exponent, 23));
}

/** §5.6, before the cap. */
function tanh32(x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff)), z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(2.06390887954e-2));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-5.37397155531e-2));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.33314422036e-1));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-3.33332819422e-1));
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x);
  const e = exp32(f32x4.mul(magnitude, f32x4.splat(-2)));
  const far = f32x4.div(f32x4.sub(f32x4.splat(1), e), f32x4.add(f32x4.splat(1), e));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, i32x4.lt_s(magnitude, i32x4.splat(0x3f200000))); // 0.625
}

/** §5.6: cap · tanh(x / cap). */
export function softCap(x: v128, cap: v128): v128 {
  return f32x4.mul(tanh32(f32x4.div(x, cap)), cap);
}

/** SiLU of §6 step 7. */
@inline
export function silu32(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp32(f32x4.neg(x))));
}

/** §5.7. */
@inline
export function gelu32(x: v128): v128 {
  const slope = f32x4.add(f32x4.mul(f32x4.mul(x, x), f32x4.splat(0.07135481282615662)), f32x4.splat(1.5957691216057308));
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp32(f32x4.neg(f32x4.mul(x, slope)))));
}

/** Four f16 values, sign-extended to 32 bits, as f32: exact (§5.5); infinite and NaN codes are refused when loading. */
@inline
export function f16ToF32(halves: v128): v128 {
  const bits = v128.and(i32x4.shl(halves, 13), i32x4.splat(0x8fffe000));
  return f32x4.mul(bits, f32x4.splat(5.192296858534828e33)); // 2^112 rebiases the exponent; subnormals become exact too
}

/** One f16 value as f32. */
@inline
export function f16ScalarToF32(half: i32): f32 {
  return reinterpret<f32>((half << 13) & 0x8fffe000) * <f32>5.192296858534828e33;
}

/** Nearest f16 value, ties to even, as f32. Magnitudes that round above 65504 come out above 65504; NaN stays NaN. */
@inline
export function roundToF16(value: v128): v128 {
  const bits = v128.and(value, i32x4.splat(0x7fffffff));
  const sign = v128.and(value, i32x4.splat(0x80000000));
  const odd = v128.and(i32x4.shr_u(bits, 13), i32x4.splat(1));
  const normal = v128.and(i32x4.add(i32x4.add(bits, i32x4.splat(0xfff)), odd), i32x4.splat(0xffffe000));
  // Below 2^-14 the step is 2^-24, the unit in the last place of 0.5: adding 0.5 rounds, subtracting it is exact.
  const tiny = f32x4.sub(f32x4.add(bits, f32x4.splat(0.5)), f32x4.splat(0.5));
  const rounded = v128.bitselect(tiny, normal, i32x4.lt_s(bits, i32x4.splat(0x38800000)));
  // Rounding the bits of an infinity or a NaN may carry into the sign; they are kept as they are.
  const finite = i32x4.lt_s(bits, i32x4.splat(0x7f800000));
  return v128.or(v128.bitselect(rounded, bits, finite), sign);
}

/** Lanes that are above 65504 in magnitude, infinite or NaN. */
@inline
export function beyondF16(value: v128): v128 {
  return i32x4.gt_s(v128.and(value, i32x4.splat(0x7fffffff)), i32x4.splat(0x477fe000));
}

/** Lanes that are infinite or NaN. */
@inline
export function nonFinite(value: v128): v128 {
  return i32x4.ge_s(v128.and(value, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000));
}

/** The end of a lane sum (§2). */
@inline
export function laneSum(sums: v128): f32 {
  return (
    f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3))
  );
}
