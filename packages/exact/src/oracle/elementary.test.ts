import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp32, exp64, gelu32, ln64, sincos64, softCap, tanh32 } from './elementary.ts';
import { bitsOfF32 } from './half.ts';

/** Error in units of the last place of an f64. */
function ulps64(got: number, want: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(want))) - 52);
  return Math.abs(got - want) / unit;
}

describe('exp32', () => {
  it('is within 1.5 units of the last place, over its whole range', () => {
    for (let x = -87; x <= 88; x = Math.fround(x + 0.0137)) {
      const want = Math.exp(x);
      const unit = 2 ** (Math.floor(Math.log2(want)) - 23);
      expect(Math.abs(exp32(x) - want) / unit).toBeLessThan(1.5);
    }
  });

  it('gives an f32, exactly 1 at both zeros', () => {
    fc.assert(fc.property(fc.float({ noNaN: true }), (x) => Object.is(exp32(x), Math.fround(exp32(x)))));
    expect(exp32(0)).toBe(1);
    expect(exp32(-0)).toBe(1);
  });

  it('does not fall at neighbours', () => {
    for (const start of [-86.9, -20, -1, -0.35, 0.34, 1, 5, 87]) {
      let x = Math.fround(start);
      for (let step = 0; step < 200; step += 1) {
        const next = Math.fround(x + Math.abs(x) * 2 ** -23);
        expect(exp32(next)).toBeGreaterThanOrEqual(exp32(x) * (1 - 2 ** -23));
        x = next;
      }
    }
  });

  it('clamps beyond its range, infinities included', () => {
    expect(exp32(-1000)).toBe(exp32(-87));
    expect(exp32(Number.NEGATIVE_INFINITY)).toBe(exp32(-87));
    expect(exp32(1000)).toBe(exp32(88));
    expect(Number.isFinite(exp32(Number.POSITIVE_INFINITY))).toBe(true);
  });
});

describe('tanh32 and the soft cap', () => {
  it('is within 4 units of the last place, and odd', () => {
    for (let x = 1e-6; x < 12; x *= 1.0037) {
      const single = Math.fround(x);
      const want = Math.tanh(single);
      const unit = 2 ** (Math.floor(Math.log2(want)) - 23);
      expect(Math.abs(tanh32(single) - want) / unit).toBeLessThan(4);
      expect(tanh32(-single)).toBe(-tanh32(single));
    }
  });

  it('is +0 at both zeros, and ends at one', () => {
    expect([tanh32(0), tanh32(-0)]).toEqual([0, 0]);
    expect([tanh32(3e38), tanh32(-3e38), softCap(3e38, 30), softCap(-1e5, 50)]).toEqual([1, -1, 30, -50]);
  });

  it('meets itself where its two halves join', () => {
    const below = Math.fround(0.625 - 2 ** -24);
    expect(Math.abs(tanh32(0.625) - tanh32(below))).toBeLessThan(2 ** -22);
  });
});

describe('gelu32', () => {
  it('is the tanh form', () => {
    for (let x = -12; x < 12; x += 0.0173) {
      const single = Math.fround(x);
      const u = Math.sqrt(2 / Math.PI) * (single + 0.044715 * single ** 3);
      const want = (single / 2) * (1 + Math.tanh(u));
      expect(Math.abs(gelu32(single) - want)).toBeLessThan(2e-6 * Math.abs(want) + 1e-6);
    }
  });

  it('has limits, and no NaN, where squares overflow', () => {
    expect([gelu32(3e38), gelu32(1e20), gelu32(0)]).toEqual([Math.fround(3e38), Math.fround(1e20), 0]);
    // 2^-127 is about the reciprocal of the greatest exp32; f32 has magnitudes below it.
    for (const x of [-10, -1e20, -3e38]) expect(Math.abs(gelu32(x))).toBeLessThan(3);
    expect(gelu32(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('exp64', () => {
  it('is within 2 units of the last place', () => {
    for (let x = -707; x <= 709; x += 0.0731) expect(ulps64(exp64(x), Math.exp(x))).toBeLessThan(2);
    expect(exp64(0)).toBe(1);
  });

  it('passes through the subnormals to 0', () => {
    expect(exp64(-745)).toBe(Number.MIN_VALUE);
    expect(exp64(-745.0001)).toBe(0);
    expect(exp64(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(Math.abs(exp64(-720) / Math.exp(-720) - 1)).toBeLessThan(1e-9);
  });

  it('refuses what overflows, and NaN', () => {
    expect(Number.isFinite(exp64(709))).toBe(true);
    for (const x of [709.1, Number.POSITIVE_INFINITY, Number.NaN])
      expect(() => exp64(x)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('ln64', () => {
  it('is close to Math.log for normal numbers of every size', () => {
    fc.assert(
      fc.property(fc.double({ min: 2.2250738585072014e-308, max: Number.MAX_VALUE, noNaN: true }), (x) => {
        const want = Math.log(x);
        expect(Math.abs(ln64(x) - want)).toBeLessThanOrEqual(Math.abs(want) * 4e-16 + 1e-300);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps the small logarithms next to 1, which Gumbel noise needs', () => {
    expect(ln64(1)).toBe(0);
    expect(ln64(1 - 2 ** -53)).toBe(-(2 ** -53));
    expect(ulps64(ln64(1 + 2 ** -52), 2 ** -52)).toBeLessThan(2);
    expect(-ln64(-ln64(1 - 2 ** -53))).toBeCloseTo(36.7368, 3);
    expect(-ln64(-ln64(2 ** -53))).toBeCloseTo(-3.6036, 3);
  });

  it('refuses what has no logarithm here', () => {
    for (const x of [0, -1, 1e-310, Number.POSITIVE_INFINITY, Number.NaN])
      expect(() => ln64(x)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('sincos64', () => {
  it('is within 2^-52 of Math.sin and Math.cos over its whole domain', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.double({ min: 0, max: 4_194_303, noNaN: true })),
        (a) => {
          const { sin, cos } = sincos64(a);
          expect(Math.abs(sin - Math.sin(a))).toBeLessThanOrEqual(2 ** -52);
          expect(Math.abs(cos - Math.cos(a))).toBeLessThanOrEqual(2 ** -52);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('is exact at 0 and has the right signs in each quadrant', () => {
    expect(sincos64(0)).toEqual({ sin: 0, cos: 1 });
    const signs = [0.5, 2, 3.5, 5.5].map((a) => [Math.sign(sincos64(a).sin), Math.sign(sincos64(a).cos)]);
    expect(signs).toEqual([
      [1, 1],
      [1, -1],
      [-1, -1],
      [-1, 1],
    ]);
  });

  it('refuses angles outside of its domain', () => {
    for (const a of [-1, 4_194_304, Number.NaN])
      expect(() => sincos64(a)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('golden bits', () => {
  it('exp32', () => {
    const inputs = [-87, -10, -1, -0.5, 1e-8, 0.25, 1, 10, 88];
    expect(inputs.map((x) => bitsOfF32(exp32(Math.fround(x))).toString(16))).toMatchInlineSnapshot(`
      [
        "b33687",
        "383e6bce",
        "3ebc5ab2",
        "3f1b4598",
        "3f800000",
        "3fa45af2",
        "402df854",
        "46ac14ee",
        "7ef882b7",
      ]
    `);
  });
});
