import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBfloat, decodeHalf, encodeHalf, roundEven } from './half.ts';

/** The finite value nearest to `x` by search over all of them, ties to the even mantissa: the definition, slowly. */
function nearestHalf(x: number): number {
  let best = 0;
  for (let bits = 0; bits < 0x7c00; bits += 1) {
    const here = Math.abs(decodeHalf(bits) - Math.abs(x));
    const there = Math.abs(decodeHalf(best) - Math.abs(x));
    if (here < there || (here === there && bits % 2 === 0)) best = bits;
  }
  return best;
}

describe('f16', () => {
  it('decodes and encodes each of its finite values', () => {
    for (let bits = 0; bits < 65_536; bits += 1) {
      if (((bits >>> 10) & 31) === 31) expect(encodeHalf(decodeHalf(bits))).toBeNull();
      else expect(encodeHalf(decodeHalf(bits))).toBe(bits);
    }
  });

  it('decodes known values', () => {
    expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555].map(decodeHalf)).toEqual([
      1,
      -2,
      65_504,
      2 ** -24,
      2 ** -14,
      0.333251953125,
    ]);
  });

  it('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.float({ min: -65_504, max: 65_504, noNaN: true }),
          fc.float({ min: Math.fround(-1e-4), max: Math.fround(1e-4), noNaN: true }),
        ),
        (x) => {
          expect((encodeHalf(x) ?? 0) & 0x7fff).toBe(nearestHalf(x));
        },
      ),
      { numRuns: 60 },
    );
    for (let bits = 0; bits < 0x7bff; bits += 97) {
      const middle = (decodeHalf(bits) + decodeHalf(bits + 1)) / 2;
      expect(encodeHalf(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    }
  });

  it('refuses what rounds above 65504, and only that', () => {
    expect(encodeHalf(65_519.99609375)).toBe(0x7bff);
    for (const x of [65_520, -65_520, 1e30, Number.POSITIVE_INFINITY, Number.NaN]) expect(encodeHalf(x)).toBeNull();
  });
});

describe('bf16', () => {
  it('is the upper half of an f32', () => {
    expect([0x3f80, 0xc000, 0x0001, 0x7f7f].map(decodeBfloat)).toEqual([1, -2, 2 ** -133, 3.3895313892515355e38]);
  });
});

describe('roundEven', () => {
  it('rounds ties to even and everything else to the nearest', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 62.5, 0.49999997, -2.4].map((value) => roundEven(value) + 0)).toEqual([
      0, 2, 2, 0, -2, 62, 0, -2,
    ]);
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        (value) => Math.abs(roundEven(value) - value) <= 0.5,
      ),
    );
  });
});
