// Rotary position embedding (specs/exact-1.md §6.1).
import type { ModelConfig } from '../interfaces.ts';
import { exp64, ln64, sincos64 } from './elementary.ts';

const { fround } = Math;

/** θ_i for i = 0 … dimension/2 - 1, in f64. */
export function ropeFrequencies(rope: ModelConfig['rope']): Float64Array {
  const logarithm = ln64(rope.base);
  return Float64Array.from({ length: rope.dimension / 2 }, (_, i) => {
    const theta = exp64(-((2 * i) / rope.dimension) * logarithm);
    return rope.frequencyFactors === null ? theta : theta / (rope.frequencyFactors[i] as number);
  });
}

/** Cosine and sine of every pair at one position, rounded to f32. */
export interface Rotations {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Rotations at `position` for frequencies of `ropeFrequencies`. */
export function ropeRotations(rope: ModelConfig['rope'], frequencies: Float64Array, position: number): Rotations {
  const place = rope.linearFactor === 1 ? position : position / rope.linearFactor;
  const cos = new Float32Array(frequencies.length);
  const sin = new Float32Array(frequencies.length);
  frequencies.forEach((theta, i) => {
    const turned = sincos64(place * theta);
    cos[i] = turned.cos * rope.magnitude;
    sin[i] = turned.sin * rope.magnitude;
  });
  return { cos, sin };
}

/** Rotates one head in place, from `start`. */
export function rotate(
  head: Float32Array,
  start: number,
  { cos, sin }: Rotations,
  layout: ModelConfig['rope']['layout'],
): void {
  const pairs = cos.length;
  for (let i = 0; i < pairs; i += 1) {
    const first = start + (layout === 'adjacent' ? 2 * i : i);
    const second = layout === 'adjacent' ? first + 1 : first + pairs;
    const a = head[first] as number;
    const b = head[second] as number;
    const c = cos[i] as number;
    const s = sin[i] as number;
    head[first] = fround(fround(a * c) - fround(b * s));
    head[second] = fround(fround(a * s) + fround(b * c));
  }
}
