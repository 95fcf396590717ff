// RoPE factors (specs/exact-1.md §5.2 to §5.4 and §6.1), in f64, for the table that the kernels read.
import type { ModelConfig } from '../interfaces.ts';

const bits = new DataView(new ArrayBuffer(8));

/** 2^n for −1022 ≤ n ≤ 1023. */
function powerOfTwo(n: number): number {
  bits.setUint32(0, (n + 1023) * 0x100000);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** §5.2, for −708 ≤ x ≤ 0: no frequency of a base within f32 is smaller. */
function exp64(x: number): number {
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the contract fixes these digits, not the constant of a platform
  const n = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
  let p = 1;
  for (let k = 13; k >= 1; k -= 1) p = 1 + (p * r) / k;
  return p * powerOfTwo(n);
}

/** §5.3, for normal x > 0. */
function ln64(x: number): number {
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let e = (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the contract fixes these digits, not the constant of a platform
  if (m > 1.4142135623730951) {
    m /= 2;
    e += 1;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let p = 1 / 21;
  for (let k = 19; k >= 1; k -= 2) p = 1 / k + z * p;
  return e * 0.6931471803691238 + (e * 1.9082149292705877e-10 + 2 * s * p);
}

const SINE = [-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800, -1 / 1307674368000];
const COSINE = [-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600, -1 / 87178291200, 1 / 20922789888000];

function horner(coefficients: readonly number[], z: number): number {
  return coefficients.reduceRight((p, c, index) => (index === coefficients.length - 1 ? c : c + z * p), 0);
}

/** §5.4: `[sin a, cos a]` for 0 ≤ a < 2^22. */
function sincos64(a: number): readonly [number, number] {
  const n = Math.floor(a * 0.6366197723675814 + 0.5);
  const r = a - n * 1.5707963267341256 - n * 6.077100506303966e-11 - n * 2.0222662487959506e-21;
  const z = r * r;
  const s = r + r * z * horner(SINE, z);
  const c = 1 + z * horner(COSINE, z);
  if (n % 4 === 0) return [s, c];
  if (n % 4 === 1) return [c, -s];
  return n % 4 === 2 ? [-s, -c] : [-c, s];
}

/** Frequencies θ_i of §6.1, already divided by the file's factors. */
export function ropeFrequencies(rope: ModelConfig['rope']): Float64Array {
  const logarithm = ln64(rope.base);
  return Float64Array.from({ length: rope.dimension / 2 }, (_, index) => {
    const theta = exp64(-((2 * index) / rope.dimension) * logarithm);
    return rope.frequencyFactors === null ? theta : theta / (rope.frequencyFactors[index] ?? 1);
  });
}

/** Writes the row of `position`: the cosines of all pairs, then the sines. */
export function writeRopeRow(
  row: Float32Array,
  position: number,
  frequencies: Float64Array,
  { linearFactor, magnitude }: Pick<ModelConfig['rope'], 'linearFactor' | 'magnitude'>,
): void {
  const scaled = linearFactor === 1 ? position : position / linearFactor;
  for (let pair = 0; pair < frequencies.length; pair += 1) {
    const [sine, cosine] = sincos64(scaled * (frequencies[pair] ?? 0));
    row[pair] = cosine * magnitude;
    row[frequencies.length + pair] = sine * magnitude;
  }
}
