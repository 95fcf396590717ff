// Elementary functions of the contract (specs/exact-1.md §5). Every line is one correctly rounded operation, or a few of them in the
// order that the page gives; nothing may be folded, reordered or fused. JavaScript guarantees that for f64 (ECMA-262, IEEE 754-2019).
import { RunproofError } from '@runproof/protocol';
import { f32OfBits, roundEven } from './half.ts';

const { fround } = Math;

// The page spells out all digits of this f32; these are the shortest that give it.
const INV_LN2_F32 = fround(1.4426950216293335);
const LN2_HIGH_F32 = fround(0.693359375);
const LN2_LOW_F32 = fround(-2.1219444e-4);
const EXP32_FIRST = fround(1.98756915e-4);
const EXP32_REST = [1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1].map(fround);

/** e^x in f32 (specs/exact-1.md §5.1). `x` is an f32 and not NaN; it is clamped to -87 … 88. */
export function exp32(x: number): number {
  const clamped = Math.min(Math.max(x, -87), 88);
  const n = roundEven(fround(clamped * INV_LN2_F32));
  const r = fround(fround(clamped - fround(n * LN2_HIGH_F32)) - fround(n * LN2_LOW_F32));
  let p = EXP32_FIRST;
  for (const c of EXP32_REST) p = fround(fround(p * r) + c);
  const y = fround(fround(fround(p * fround(r * r)) + r) + 1);
  // 2^n from its exponent bits; -126 <= n <= 127.
  return fround(y * f32OfBits((n + 127) << 23));
}

const TANH32_LIMIT = 0.625;
const TANH32_FIRST = fround(-5.70498872745e-3);
const TANH32_REST = [2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1].map(fround);

/** tanh in f32 (specs/exact-1.md §5.6). `x` is a finite f32. */
export function tanh32(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < TANH32_LIMIT) {
    const z = fround(x * x);
    let p = TANH32_FIRST;
    for (const c of TANH32_REST) p = fround(fround(p * z) + c);
    return fround(fround(fround(p * z) * x) + x);
  }
  const e = exp32(fround(-2 * magnitude));
  const t = fround(fround(1 - e) / fround(1 + e));
  return x < 0 ? -t : t;
}

/** `cap · tanh(x / cap)` (specs/exact-1.md §5.6). */
export function softCap(x: number, cap: number): number {
  return fround(tanh32(fround(x / cap)) * cap);
}

const GELU_LINEAR = fround(1.5957691216057308);
const GELU_CUBIC = fround(0.07135481282615662);

/** GELU in its tanh form (specs/exact-1.md §5.7). */
export function gelu32(x: number): number {
  const w = fround(x * fround(fround(fround(x * x) * GELU_CUBIC) + GELU_LINEAR));
  return fround(x / fround(1 + exp32(-w)));
}

/** SiLU (specs/exact-1.md §6 step 7). */
export function silu32(x: number): number {
  return fround(x / fround(1 + exp32(-x)));
}

const f64 = new Float64Array(1);
const words = new Uint32Array(f64.buffer);
// The word that holds sign and exponent, whatever the byte order of the machine.
f64[0] = 1;
const HIGH = words[1] === 0x3ff00000 ? 1 : 0;

/** 2^n for -1022 <= n <= 1023, from its exponent bits. */
function powerOfTwo(n: number): number {
  f64[0] = 0;
  words[HIGH] = (n + 1023) << 20;
  return f64[0] ?? 0;
}

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** e^x in f64 (specs/exact-1.md §5.2); 0 below -745. `x > 709` and NaN break the contract of the caller (`INTERNAL`). */
export function exp64(x: number): number {
  if (x < -745) return 0;
  if (!(x <= 709)) throw new RunproofError('INTERNAL', `exp64(${x}) is outside of its domain`);
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the contract fixes these digits, not the constant of a platform
  const n = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  let p = 1;
  for (let k = 13; k >= 1; k -= 1) p = 1 + (p * r) / k;
  return n < -1022 ? p * powerOfTwo(-1022) * powerOfTwo(n + 1022) : p * powerOfTwo(n);
}

/** Natural logarithm in f64 of a positive normal number (specs/exact-1.md §5.3); anything else is `INTERNAL`. */
export function ln64(x: number): number {
  if (!(x >= 2.2250738585072014e-308 && x < Number.POSITIVE_INFINITY))
    throw new RunproofError('INTERNAL', `ln64(${x}) is outside of its domain`);
  f64[0] = x;
  const high = words[HIGH] ?? 0;
  let e = (high >>> 20) - 1023;
  // The same mantissa with exponent 0: 1 <= m < 2.
  words[HIGH] = (high & 0xfffff) | 0x3ff00000;
  let m = f64[0] ?? 0;
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the contract fixes these digits, not the constant of a platform
  if (m > 1.4142135623730951) {
    m /= 2;
    e += 1;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let p = 1 / 21;
  for (let k = 19; k >= 1; k -= 2) p = 1 / k + z * p;
  return e * LN2_HIGH + (e * LN2_LOW + 2 * s * p);
}

function factorial(n: number): number {
  let product = 1;
  for (let k = 2; k <= n; k += 1) product *= k;
  return product;
}

// Every factorial up to 16! is exact in f64, so each coefficient is one rounding of the exact quotient.
const SIN_COEFFICIENTS = [3, 5, 7, 9, 11, 13, 15].map((n, index) => (index % 2 === 0 ? -1 : 1) / factorial(n));
const COS_COEFFICIENTS = [2, 4, 6, 8, 10, 12, 14, 16].map((n, index) => (index % 2 === 0 ? -1 : 1) / factorial(n));

function horner(coefficients: readonly number[], z: number): number {
  let p = coefficients.at(-1) ?? 0;
  for (let index = coefficients.length - 2; index >= 0; index -= 1) p = (coefficients[index] ?? 0) + z * p;
  return p;
}

/** Sine and cosine in f64 for 0 <= a < 2^22 (specs/exact-1.md §5.4); anything else is `INTERNAL`. */
export function sincos64(a: number): { readonly sin: number; readonly cos: number } {
  if (!(a >= 0 && a < 4_194_304)) throw new RunproofError('INTERNAL', `sincos64(${a}) is outside of its domain`);
  const n = Math.floor(a * 0.6366197723675814 + 0.5);
  const r = a - n * 1.5707963267341256 - n * 6.077100506303966e-11 - n * 2.0222662487959506e-21;
  const z = r * r;
  const sine = r + r * z * horner(SIN_COEFFICIENTS, z);
  const cosine = 1 + z * horner(COS_COEFFICIENTS, z);
  switch (n % 4) {
    case 0:
      return { sin: sine, cos: cosine };
    case 1:
      return { sin: cosine, cos: -sine };
    case 2:
      return { sin: -sine, cos: -cosine };
    default:
      return { sin: -cosine, cos: sine };
  }
}
