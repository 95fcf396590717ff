// Rounding and the 16-bit float formats (specs/exact-1.md §0, §4, §5.5).

/** 1.5 · 2^52: adding and subtracting it rounds an f64 of magnitude below 2^51 to the nearest integer, ties to even. */
const ROUNDER = 6_755_399_441_055_744;

/** Nearest integer, ties to even (specs/exact-1.md §0); `|value| < 2^51`. */
export function roundEven(value: number): number {
  return value + ROUNDER - ROUNDER;
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** Bits of an f32. */
export function bitsOfF32(value: number): number {
  f32[0] = value;
  return u32[0] ?? 0;
}

/** The f32 with these bits. */
export function f32OfBits(bits: number): number {
  u32[0] = bits;
  return f32[0] ?? 0;
}

const HALF_VALUES = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits >>> 15 === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Subnormal: mantissa · 2^-24. Normal: (1024 + mantissa) · 2^(exponent - 25), built as bits, which is exact.
  if (exponent === 0) return sign * mantissa * f32OfBits((127 - 24) << 23);
  return sign * (1024 + mantissa) * f32OfBits((127 + exponent - 25) << 23);
});

/** Exact value of f16 bits. */
export function decodeHalf(bits: number): number {
  return HALF_VALUES[bits] ?? Number.NaN;
}

/** Exact value of bf16 bits: the upper half of an f32. */
export function decodeBfloat(bits: number): number {
  return f32OfBits((bits << 16) >>> 0);
}

/** f16 bits of an f32, to nearest even (specs/exact-1.md §5.5); null for NaN and what would round above 65504. */
export function encodeHalf(value: number): number | null {
  const magnitude = Math.abs(value);
  // 65520 lies half way between 65504 and 65536, and ties to the even 65536, which f16 does not have.
  if (!(magnitude < 65_520)) return null;
  const sign = bitsOfF32(value) >>> 31 === 0 ? 0 : 0x8000;
  const exponent = (bitsOfF32(magnitude) >>> 23) - 127;
  if (exponent < -14) return sign | roundEven(magnitude * 16_777_216);
  // 1024 … 2048 units of 2^(exponent - 10); 2048 carries into the exponent, as it should.
  const units = roundEven(magnitude * f32OfBits((127 + 10 - exponent) << 23));
  return sign | (((exponent + 14) << 10) + units);
}
