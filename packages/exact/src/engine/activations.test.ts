// The elementwise operations of the tape against the oracle's functions, over every exponent of f32, as bits.
import { describe, expect, it } from 'vitest';
import { gelu32, silu32, softCap } from '../oracle/elementary.ts';
import { f32OfBits } from '../oracle/half.ts';
import { SeededRandom } from '../testing/index.ts';
import { bindKernels, KERNEL_VARIANTS } from './kernels.ts';

const HEADER = 1024;
const TAPE = 2048;
const STATUS = 4096;
const LEFT = 65_536;
const RIGHT = 2 * 65_536;
const COUNT = 8192;
const FINE = 0xffffffff;

const { fround } = Math;

/** Finite f32 of every sign and exponent, with the joints of the functions and their neighbours. */
const VALUES = Float32Array.from({ length: COUNT }, (_, index) => {
  const random = new SeededRandom(index);
  const mantissa = Math.floor(Math.abs(random.values(1, 1)[0] ?? 0) * 1e9) & 0x7fffff;
  const exponent = Math.floor(index / 2) % 255;
  return f32OfBits(((index % 2) * 0x80000000 + exponent * 0x800000 + mantissa) >>> 0);
});
[0, -0, 0.625, -0.625, f32OfBits(0x3f1fffff), f32OfBits(0x3f200001), 43.5, -43.5, 44, -44, 1.4e-45].forEach(
  (value, at) => {
    VALUES[at] = value;
  },
);

/** Runs one operation over `VALUES` as one row; the row after it, and whether it is fine. */
function run(
  variant: (typeof KERNEL_VARIANTS)[number],
  code: number,
  words: readonly number[],
): [Float32Array, boolean] {
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
  const kernels = bindKernels(variant, memory);
  const view = new DataView(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  floats.set(VALUES, LEFT / 4);
  floats.fill(1, RIGHT / 4, RIGHT / 4 + COUNT);
  view.setUint32(HEADER + 12, 1, true);
  view.setUint32(STATUS, FINE, true);
  view.setUint32(STATUS + 4, 0, true);
  [code, 0, ...words].forEach((word, place) => {
    view.setUint32(TAPE + place * 4, word, true);
  });
  kernels.execute(HEADER, TAPE, 0, 1, 0, 1);
  return [floats.slice(LEFT / 4, LEFT / 4 + COUNT), view.getUint32(STATUS, true) === FINE];
}

function bitsOf(values: Float32Array): number[] {
  return [...new Uint32Array(values.slice().buffer)];
}

function f32Bits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

describe.each(KERNEL_VARIANTS)('%s', (variant) => {
  it.each([
    ['silu', 0, silu32],
    ['gelu', 1, gelu32],
  ] as const)('%s', (_name, isGelu, want) => {
    const [got] = run(variant, 7, [LEFT, RIGHT, COUNT * 4, COUNT / 32, isGelu]);
    expect(bitsOf(got)).toEqual(bitsOf(VALUES.map(want)));
  });

  it.each([30, 50, 0.7])('scale and soft cap %d of the logits', (cap) => {
    const scale = fround(0.3);
    const [got, isFine] = run(variant, 8, [LEFT, 0, COUNT / 4, STATUS, 1, STATUS + 4, f32Bits(scale), f32Bits(cap)]);
    expect(bitsOf(got)).toEqual(bitsOf(VALUES.map((value) => softCap(fround(value * scale), fround(cap)))));
    expect(isFine).toBe(true);
  });

  it('notices a logit that its scale makes infinite, though the cap hides it', () => {
    const [got, isFine] = run(variant, 8, [LEFT, 0, COUNT / 4, STATUS, 1, STATUS + 4, f32Bits(4), f32Bits(30)]);
    expect(got.every((value) => Math.abs(value) <= 30)).toBe(true);
    expect(isFine).toBe(false);
  });

  it('adds a scaled row to the residual stream', () => {
    const scale = fround(0.22);
    const [got] = run(variant, 9, [LEFT, 0, RIGHT, 0, COUNT / 4, f32Bits(scale)]);
    expect(bitsOf(got)).toEqual(bitsOf(VALUES.map((value) => fround(value + fround(1 * scale)))));
  });
});
