// The block types beyond Q8_0 and Q4_0: kernels against the oracle, as bits, on random blocks and at the ends of every range.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HALVES_AT, TENSOR_LAYOUT } from '../gguf/types.ts';
import { TENSOR_TYPES, type TensorType } from '../interfaces.ts';
import { decodeMatrix, matrixRow, multiply } from '../oracle/linear.ts';
import { SeededRandom } from '../testing/index.ts';
import { benches, compareWithOracle } from '../testing/kernel-bench.ts';
import { groupBytes } from './layout.ts';

const TYPES = TENSOR_TYPES.filter((type) => !['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'].includes(type));

/** Both variants give the oracle's bits, alone and as a row of a batch. */
function expectOracle(...matrix: Parameters<typeof compareWithOracle>): void {
  for (const { wanted, got } of compareWithOracle(...matrix)) expect(got).toEqual(wanted);
}

/** Whole blocks of bytes from `byte`, with f16 scales and minima from `half`. */
function blocksOf(type: TensorType, count: number, byte: () => number, half: () => number): Uint8Array {
  const { blockBytes } = TENSOR_LAYOUT[type];
  const bytes = Uint8Array.from({ length: count * blockBytes }, byte);
  for (let block = 0; block < count; block += 1) {
    for (const place of HALVES_AT[type] ?? []) {
      const bits = half();
      bytes.set([bits & 255, bits >>> 8], block * blockBytes + place);
    }
  }
  return bytes;
}

describe.each(TYPES)('%s', (type) => {
  const { blockValues } = TENSOR_LAYOUT[type];

  it('random codes, scales and magnitudes', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 17 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 7 }),
        (seed, rows, blocks, tokens) => {
          const random = new SeededRandom(seed);
          const half = (): number => (random.below(2) << 15) | random.below(0x7c00);
          const tensor = blocksOf(type, rows * blocks, () => random.below(256), half);
          const cols = blocks * blockValues;
          const inputs = Array.from({ length: tokens }, () => random.values(cols, 2 ** (random.below(200) - 110)));
          expectOracle(type, rows, cols, tensor, inputs);
        },
      ),
      { numRuns: 15 },
    );
  });

  it.each([0x00, 0xff, 0x80, 0x7f, 0x0f, 0xf0, 0x55, 0xaa])('every byte %i: sums at their bounds', (byte) => {
    const signs = Float32Array.from({ length: blockValues }, (_, k) => (k % 2 === 0 ? 3 : -3));
    const inputs = [1, -1, 0, -0, 1e-30, 3e38, 2 ** -96].map((value) => new Float32Array(blockValues).fill(value));
    for (const scale of [0x3c00, 0xbc00, 0x0001, 0x7bff, 0x8000])
      expectOracle(
        type,
        9,
        blockValues,
        blocksOf(
          type,
          9,
          () => byte,
          () => scale,
        ),
        [...inputs, signs],
      );
  });

  it('an activation that is not finite fails its row, and no other', () => {
    const tensor = blocksOf(
      type,
      8,
      () => 0x37,
      () => 0x3c00,
    );
    const good = new Float32Array(blockValues).fill(1);
    const broken = good.slice();
    broken[blockValues - 1] = Number.NaN;
    const want = multiply(decodeMatrix(type, 8, blockValues, tensor), good, 'test');
    for (const bench of benches) {
      bench.load(type, 8, blockValues, tensor);
      expect(bench.multiply(type, 8, blockValues, [good, broken, good])).toEqual([want, null, want]);
    }
  });

  it('scales and minima that are not finite are refused', () => {
    const { blockBytes } = TENSOR_LAYOUT[type];
    for (const place of HALVES_AT[type] ?? []) {
      for (const bits of [0x7c00, 0xfc00, 0x7e00]) {
        const tensor = blocksOf(
          type,
          3,
          () => 1,
          () => 0x3c00,
        );
        for (const bench of benches) expect(bench.load(type, 3, blockValues, tensor)).toBe(true);
        tensor.set([bits & 255, bits >>> 8], blockBytes + place);
        for (const bench of benches) expect(bench.load(type, 3, blockValues, tensor)).toBe(false);
      }
    }
  });

  it('a row is the table of the specification, weight by weight', () => {
    const random = new SeededRandom(3);
    const tensor = blocksOf(
      type,
      2,
      () => random.below(256),
      () => 0x2c00 + random.below(0x800),
    );
    const matrix = decodeMatrix(type, 1, 2 * blockValues, tensor);
    const row = matrixRow(matrix, 0);
    const inputs = [0, 5, 17, 31, blockValues - 1].map((at) => {
      const x = new Float32Array(2 * blockValues);
      x[at] = 1;
      return x;
    });
    // A single activation of 1 has the code A and the scale fround(1 / A): the product is the weight, up to its roundings.
    for (const input of inputs) {
      const at = input.indexOf(1);
      const weight = row[at] as number;
      expect(Math.abs((multiply(matrix, input, 'test')[0] as number) - weight)).toBeLessThanOrEqual(
        1e-5 * Math.max(1, Math.abs(weight)),
      );
    }
  });
});

it('integers stay below 2^24, where f32 is exact: the largest of each type', () => {
  // §10: half sums of 16 products of a code and 127, times the largest integer scale, twice per 32 columns.
  const largest = { Q4_K: 63 * 32 * 15, Q5_K: 63 * 32 * 31, Q6_K: 128 * 32 * 32, Q3_K: 32 * 32 * 4, Q2_K: 15 * 32 * 3 };
  for (const bound of Object.values(largest)) expect(bound * 127).toBeLessThan(2 ** 24);
});

it('a group is as long as the layout says', () => {
  expect(TYPES.map((type) => [type, groupBytes(type, 512)])).toEqual([
    ['Q4_1', 2560],
    ['Q5_0', 2816],
    ['Q5_1', 3072],
    ['IQ4_NL', 4608],
    ['Q2_K', 2624],
    ['Q3_K', 2336],
    ['Q4_K', 2368],
    ['Q5_K', 2880],
    ['Q6_K', 3360],
  ]);
});
