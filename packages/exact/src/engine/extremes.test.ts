// Single operations at the edges of the formats, against the scalar oracle and against counted expectations, as bits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMatrix, multiply } from '../oracle/linear.ts';
import { SeededRandom } from '../testing/index.ts';
import { benches, compareWithOracle } from '../testing/kernel-bench.ts';
import { groupBytes } from './layout.ts';

/** Both variants give the oracle's bits, alone and as a row of a batch. */
function expectOracle(...matrix: Parameters<typeof compareWithOracle>): void {
  for (const { wanted, got } of compareWithOracle(...matrix)) expect(got).toEqual(wanted);
}

/** A tensor whose blocks all have the f16 code `scale` and the given code bytes. */
function blocksTensor(
  rows: number,
  cols: number,
  scale: number,
  codes: (index: number) => number,
  type: 'Q8_0' | 'Q4_0',
): Uint8Array {
  const codeBytes = type === 'Q8_0' ? 32 : 16;
  const count = (rows * cols) / 32;
  const bytes = new Uint8Array(count * (codeBytes + 2));
  for (let block = 0; block < count; block += 1) {
    const at = block * (codeBytes + 2);
    bytes.set([scale & 255, scale >>> 8], at);
    for (let index = 0; index < codeBytes; index += 1) bytes[at + 2 + index] = codes(block * codeBytes + index);
  }
  return bytes;
}

const SCALES = {
  one: 0x3c00,
  'minus one': 0xbc00,
  'least subnormal': 0x0001,
  'largest subnormal': 0x03ff,
  largest: 0x7bff,
  zero: 0,
  'minus zero': 0x8000,
};
const constant = (value: number, cols = 64): Float32Array => new Float32Array(cols).fill(value);
const alternating = Float32Array.from({ length: 64 }, (_, k) => (k % 2 === 0 ? 3 : -3));
const INPUTS = [
  constant(1),
  constant(-1),
  alternating,
  constant(0),
  constant(-0),
  constant(1e-30),
  constant(3e38),
  constant(1.4e-45),
  constant(2 ** -96),
];

describe('integer products at their bounds', () => {
  const codes: [string, 'Q8_0' | 'Q4_0', (index: number) => number][] = [
    ['all -128', 'Q8_0', () => 0x80],
    ['all 127', 'Q8_0', () => 0x7f],
    ['all -127', 'Q8_0', () => 0x81],
    ['127 and -128 in turn', 'Q8_0', (index) => (index % 2 === 0 ? 0x7f : 0x80)],
    ['all zero', 'Q8_0', () => 0],
    ['all 15', 'Q4_0', () => 0xff],
    ['all 0', 'Q4_0', () => 0],
    ['15 and 0 in turn', 'Q4_0', () => 0x0f],
    ['0 and 15 in turn', 'Q4_0', () => 0xf0],
  ];
  it.each(codes)('%s, %s', (_, type, code) => {
    for (const scale of Object.values(SCALES))
      expectOracle(type, 9, 64, blocksTensor(9, 64, scale, code, type), INPUTS);
  });

  it('the largest sum is the exact integer', () => {
    const [bench] = benches;
    bench?.load(
      'Q8_0',
      1,
      32,
      blocksTensor(1, 32, 0x3c00, () => 0x80, 'Q8_0'),
    );
    // 32 products of -128 and 63, times fround(1 / 63).
    const exact = Math.fround(-258_048 * Math.fround(1 / 63));
    expect(bench?.multiply('Q8_0', 1, 32, [constant(1, 32)])[0]?.[0]).toBe(exact);
  });

  it('the example of the specification', () => {
    const tensor = new Uint8Array(34);
    tensor.set([0x00, 0x38, ...Array.from({ length: 32 }, (_, index) => index + 1)]);
    expectOracle('Q8_0', 1, 32, tensor, [Float32Array.from({ length: 32 }, (_, index) => (index + 1) / 32)]);
  });
});

describe('random blocks and activations', () => {
  it.each(['Q8_0', 'Q4_0'] as const)('%s: any codes, scales and magnitudes', (type) => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 19 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (seed, rows, blocks, tokens) => {
          const random = new SeededRandom(seed);
          const cols = blocks * 32;
          const tensor = blocksTensor(rows, cols, 0, () => random.below(256), type);
          const size = type === 'Q8_0' ? 34 : 18;
          for (let at = 0; at < tensor.length; at += size)
            tensor.set([random.below(256), (random.below(2) << 7) | random.below(0x7c)], at);
          const inputs = Array.from({ length: tokens }, () => random.values(cols, 2 ** (random.below(200) - 110)));
          expectOracle(type, rows, cols, tensor, inputs);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(['F32', 'F16', 'BF16'] as const)('%s: any finite weights, any number of columns', (type) => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 35 }),
        fc.integer({ min: 1, max: 21 }),
        fc.integer({ min: 1, max: 9 }),
        (seed, rows, cols, tokens) => {
          const random = new SeededRandom(seed);
          const size = type === 'F32' ? 4 : 2;
          const tensor = Uint8Array.from({ length: rows * cols * size }, () => random.below(256));
          // The top exponent bit stays clear: no infinity, no NaN, and subnormals are frequent.
          for (let at = size - 1; at < tensor.length; at += size)
            tensor[at] = (tensor[at] ?? 0) & (random.below(4) === 0 ? 0x80 : 0xbf);
          expectOracle(
            type,
            rows,
            cols,
            tensor,
            Array.from({ length: tokens }, () => random.values(cols, 1)),
          );
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('what is not finite', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'an activation of %s fails its row, and no other',
    (bad) => {
      const tensor = blocksTensor(8, 64, 0x3c00, (index) => index & 255, 'Q8_0');
      const broken = constant(1);
      broken[40] = bad;
      for (const bench of benches) {
        bench.load('Q8_0', 8, 64, tensor);
        const [first, second, third] = bench.multiply('Q8_0', 8, 64, [constant(1), broken, alternating]);
        expect(second).toBeNull();
        expect(first).toEqual(multiply(decodeMatrix('Q8_0', 8, 64, tensor), constant(1), 'test'));
        expect(third).toEqual(multiply(decodeMatrix('Q8_0', 8, 64, tensor), alternating, 'test'));
      }
    },
  );

  it('weights and scales are refused while loading', () => {
    for (const bench of benches) {
      for (const scale of [0x7c00, 0xfc00, 0x7e00]) {
        expect(
          bench.load(
            'Q8_0',
            8,
            64,
            blocksTensor(8, 64, scale, () => 1, 'Q8_0'),
          ),
        ).toBe(false);
        expect(
          bench.load(
            'Q4_0',
            8,
            64,
            blocksTensor(8, 64, scale, () => 1, 'Q4_0'),
          ),
        ).toBe(false);
        expect(bench.load('F16', 1, 1, Uint8Array.of(scale & 255, scale >>> 8))).toBe(false);
      }
      expect(bench.load('BF16', 1, 1, Uint8Array.of(0x80, 0x7f))).toBe(false);
      expect(bench.load('F32', 1, 1, Uint8Array.of(0, 0, 0x80, 0xff))).toBe(false);
      expect(bench.load('F32', 1, 1, Uint8Array.of(0xff, 0xff, 0x7f, 0x7f))).toBe(true);
    }
  });

  it('a group is as long as the layout says', () => {
    expect((['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const).map((type) => groupBytes(type, 64))).toEqual([
      2048, 1024, 1024, 576, 288,
    ]);
  });
});
