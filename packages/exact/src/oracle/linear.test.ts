import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TENSOR_TYPES } from '../interfaces.ts';
import { decodeTensor, encodeTensor } from '../testing/quantize.ts';
import { SeededRandom } from '../testing/random.ts';
import { encodeHalf } from './half.ts';
import { decodeMatrix, dot, matrixRow, multiply, quantizeActivations, sum4 } from './linear.ts';

const { fround } = Math;

describe('dot and sum4', () => {
  it('add in the order of the page, which another order would not match', () => {
    const big = Float32Array.from([16_777_216, 1, 1, 1, 1]);
    expect(dot(big, 0, new Float32Array(5).fill(1), 0, 5)).toBe(16_777_216);
    // Lane 0 has 2^24 and 1, lanes 1 to 3 have 1 each: (2^24 + 1) + (1 + 1), where the first sum rounds down.
    expect(sum4(big)).toBe(16_777_218);
    expect(sum4(Float32Array.from([1, 2, 3, 4, 5, 6]))).toBe(21);
    expect(Object.is(sum4(new Float32Array(0)), 0)).toBe(true);
  });
});

describe('quantizeActivations', () => {
  it('keeps every code within its limit and every value within half a step', () => {
    const f32 = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(
        fc.array(f32, { minLength: 32, maxLength: 32 }),
        fc.constantFrom(63 as const, 127 as const),
        (values, limit) => {
          const { codes, scales } = quantizeActivations(Float32Array.from(values), limit, 'test');
          const amax = Math.max(...values.map(Math.abs));
          values.forEach((value, k) => {
            expect(Math.abs(codes[k] ?? 0)).toBeLessThanOrEqual(limit);
            if (amax >= 2 ** -96)
              expect(Math.abs(value - (codes[k] ?? 0) * (scales[0] ?? 0))).toBeLessThanOrEqual((amax / limit) * 0.5001);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives zero below 2^-96, and a scale from there on', () => {
    const at = (value: number) => quantizeActivations(new Float32Array(32).fill(value), 63, 'test');
    expect(at(2 ** -96 * (1 - 2 ** -24)).scales[0]).toBe(0);
    expect(at(2 ** -96 * (1 - 2 ** -24)).codes[0]).toBe(0);
    expect(at(2 ** -96)).toMatchObject({ scales: Float32Array.of(2 ** -96 / 63) });
    expect(at(-(2 ** -96)).codes[31]).toBe(-63);
  });

  it('names the place of a value that is not finite', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const x = new Float32Array(64);
      x[40] = bad;
      expect(() => quantizeActivations(x, 127, 'layer 3, ffn_down')).toThrow(
        expect.objectContaining({
          code: 'ENGINE_NONFINITE',
          evidence: { where: 'layer 3, ffn_down', what: 'activation', index: 40 },
        }),
      );
    }
  });
});

describe('matrices', () => {
  it('gives the example of the page', () => {
    const bytes = new Uint8Array(34);
    new DataView(bytes.buffer).setUint16(0, encodeHalf(0.5) ?? 0, true);
    for (let k = 1; k <= 32; k += 1) bytes[1 + k] = k;
    const x = Float32Array.from({ length: 32 }, (_, index) => (index + 1) / 32);
    const codes = [
      2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57,
      59, 61, 63,
    ];
    expect([...quantizeActivations(x, 63, 'example').codes]).toEqual(codes);
    const integer = codes.reduce((sum, code, index) => sum + code * (index + 1), 0);
    const y = multiply(decodeMatrix('Q8_0', 1, 32, bytes), x, 'example');
    expect(y).toEqual(Float32Array.of(fround(integer * fround(0.5 * fround(1 / 63)))));
  });

  it('reads the nibbles of Q4_0 in their places', () => {
    const bytes = new Uint8Array(18);
    new DataView(bytes.buffer).setUint16(0, encodeHalf(1) ?? 0, true);
    for (let k = 0; k < 16; k += 1) bytes[2 + k] = k | ((15 - k) << 4);
    const want = Array.from({ length: 32 }, (_, k) => (k < 16 ? k : 31 - k) - 8);
    expect([...matrixRow(decodeMatrix('Q4_0', 1, 32, bytes), 0)].map((value) => value + 0)).toEqual(want);
  });

  it.each(TENSOR_TYPES)('%s: rows are what the encoder meant, products are close to exact ones', (type) => {
    const random = new SeededRandom(11);
    const [rows, cols] = [7, 256];
    const bytes = encodeTensor(type, random.values(rows * cols, 1));
    const weights = decodeTensor(type, bytes);
    const matrix = decodeMatrix(type, rows, cols, bytes);
    const x = random.values(cols, 2);
    const y = multiply(matrix, x, 'test');
    for (let row = 0; row < rows; row += 1) {
      const decoded = weights.subarray(row * cols, (row + 1) * cols);
      expect(matrixRow(matrix, row)).toEqual(decoded);
      const exact = decoded.reduce((sum, weight, k) => sum + weight * (x[k] as number), 0);
      // Codes of 7 bits are off by at most half of 1/63 of the largest activation.
      expect(Math.abs((y[row] as number) - exact)).toBeLessThan(matrix.kind === 'blocks' ? 1.5 : 2e-4);
    }
  });

  it('takes the extremes: all codes at their limits, scales at theirs', () => {
    for (const [code, scale] of [
      [127, 65_504],
      [-128, 65_504],
      [-128, 2 ** -24],
      [127, -1],
    ] as const) {
      const bytes = new Uint8Array(68).fill(code & 255);
      for (const at of [0, 34]) new DataView(bytes.buffer).setUint16(at, encodeHalf(scale) ?? 0, true);
      const y = multiply(decodeMatrix('Q8_0', 1, 64, bytes), new Float32Array(64).fill(-1), 'test')[0];
      const block = fround(32 * code * -63 * fround(scale * fround(1 / 63)));
      expect(y).toBe(fround(block + block));
    }
  });
});
