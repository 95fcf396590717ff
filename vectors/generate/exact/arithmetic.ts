// Vectors of specs/exact-1.md §1 to §6.1: sums, elementary functions, activation blocks, matrices, RoPE.

import { type ModelConfig, TENSOR_TYPES } from '@runproof/exact';
import { encodeTensor, SeededRandom } from '@runproof/exact/testing';
import { encodeHex } from '@runproof/protocol';
import { exp32, exp64, gelu32, ln64, sincos64, tanh32 } from '../../../packages/exact/src/oracle/elementary.ts';
import { encodeHalf } from '../../../packages/exact/src/oracle/half.ts';
import {
  decodeMatrix,
  dot,
  matrixRow,
  multiply,
  quantizeActivations,
  sum4,
} from '../../../packages/exact/src/oracle/linear.ts';
import { ropeFrequencies, ropeRotations } from '../../../packages/exact/src/oracle/rope.ts';
import { f32Hex, f32List, f64Hex } from './encoding.ts';

const { fround } = Math;

export function elementaryVectors(): object[] {
  const inputs32 = [
    -1000, -87.3, -87, -86.9, -20.5, -1, -0.34657, -1e-8, 0, 1e-8, 0.34657, 0.5, 1, 2.75, 16, 87.9, 88, 1000,
  ];
  const inputsExp = [-746, -745, -744.5, -720, -708.5, -100.25, -1, -1e-12, 0, 1e-12, 0.5, 1, 10, 700.5, 709];
  const inputsLn = [
    2.2250738585072014e-308,
    1e-300,
    2 ** -53,
    0.1,
    0.7071067811865475,
    0.7071067811865477,
    1 - 2 ** -53,
    1,
    1 + 2 ** -52,
    2,
    10_000,
    500_000,
    1e300,
  ];
  const inputsSin = [
    0,
    1e-9,
    0.5,
    0.7853981633974483,
    1,
    1.5707963267948966,
    2,
    Math.PI,
    4,
    6.283185307179586,
    100,
    2047,
    131_071.5,
    4_194_303.9,
  ];
  const inputsTanh = [-0, 0, 1e-20, -0.001, 0.3, -0.62499994, 0.625, -0.7, 1, -3, 9, -50, 1e30];
  const inputsGelu = [-0, 0, 1e-20, -0.001, 0.3, -0.7, 1, -1.7, 3, -4.5, 9, -12, 50, -50, 1e19, 3e38, -3e38];
  return [
    ...inputs32.map((x) => ({
      comment: `exp32(${x})`,
      function: 'exp32',
      input: f32Hex(fround(x)),
      output: f32Hex(exp32(fround(x))),
    })),
    ...inputsTanh.map((x) => ({
      comment: `tanh32(${x})`,
      function: 'tanh32',
      input: f32Hex(fround(x)),
      output: f32Hex(tanh32(fround(x))),
    })),
    ...inputsGelu.map((x) => ({
      comment: `gelu(${x})`,
      function: 'gelu',
      input: f32Hex(fround(x)),
      output: f32Hex(gelu32(fround(x))),
    })),
    ...inputsExp.map((x) => ({
      comment: `exp64(${x})`,
      function: 'exp64',
      input: f64Hex(x),
      output: f64Hex(exp64(x)),
    })),
    ...inputsLn.map((x) => ({ comment: `ln64(${x})`, function: 'ln64', input: f64Hex(x), output: f64Hex(ln64(x)) })),
    ...inputsSin.map((x) => {
      const { sin, cos } = sincos64(x);
      return { comment: `sincos64(${x})`, function: 'sincos64', input: f64Hex(x), sin: f64Hex(sin), cos: f64Hex(cos) };
    }),
  ];
}

export function halfVectors(): [object[], object[]] {
  const valid = [
    0,
    -0,
    1,
    -2,
    65_504,
    65_519.99609375,
    2 ** -24,
    2 ** -25,
    2 ** -25 * (1 + 2 ** -23),
    2 ** -14,
    2 ** -14 - 2 ** -26,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    0.1,
    -3.25,
  ];
  const invalid = [65_520, -65_520, 1e30, Number.POSITIVE_INFINITY];
  return [
    valid.map((x) => ({
      comment: `${x} to nearest even`,
      input: f32Hex(fround(x)),
      output: (encodeHalf(fround(x)) ?? -1).toString(16).padStart(4, '0'),
    })),
    invalid.map((x) => ({ comment: `${x} rounds above 65504`, input: f32Hex(fround(x)), code: 'ENGINE_NONFINITE' })),
  ];
}

/** Activations that reach the corners of §3. */
function activations(): (readonly [string, Float32Array])[] {
  const random = new SeededRandom(31);
  return [
    ['the example of the page: k / 32', Float32Array.from({ length: 32 }, (_, index) => (index + 1) / 32)],
    ['random, two blocks', random.values(64, 1.5)],
    ['zeros', new Float32Array(32)],
    ['just below 2^-96', new Float32Array(32).fill(2 ** -96 * (1 - 2 ** -24))],
    ['2^-96', new Float32Array(32).fill(-(2 ** -96))],
    [
      'the largest f32',
      Float32Array.from(
        { length: 32 },
        (_, index) => (index % 2 === 0 ? 1 : -1) * 3.4028234663852886e38 * (index / 31),
      ),
    ],
    ['ties: halves of a step', Float32Array.from({ length: 32 }, (_, index) => (index === 31 ? 63 : index + 0.5))],
  ];
}

export function activationVectors(): [object[], object[]] {
  const valid = activations().flatMap(([comment, x]) =>
    ([63, 127] as const).map((limit) => {
      const { codes, scales } = quantizeActivations(x, limit, 'vector');
      return {
        comment: `${comment}; A = ${limit}`,
        limit,
        input: f32List(x),
        codes: [...codes],
        scales: f32List(scales),
      };
    }),
  );
  const invalid = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map((value) => {
    const x = new Float32Array(32).fill(1);
    x[17] = value;
    return { comment: `${value} at 17`, limit: 63, input: f32List(x), code: 'ENGINE_NONFINITE' };
  });
  return [valid, invalid];
}

export function sumVectors(): object[] {
  const random = new SeededRandom(32);
  const lists: (readonly [string, Float32Array])[] = [
    ['2^24 and ones: the order shows', Float32Array.from([16_777_216, 1, 1, 1, 1])],
    ['random, 37 values', random.values(37, 100)],
    ['nothing', new Float32Array(0)],
  ];
  return lists.flatMap(([comment, values]) => [
    { comment: `sum4 of ${comment}`, function: 'sum4', input: f32List(values), output: f32Hex(sum4(values)) },
    {
      comment: `dot with itself of ${comment}`,
      function: 'dot',
      input: f32List(values),
      other: f32List(values),
      output: f32Hex(dot(values, 0, values, 0, values.length)),
    },
  ]);
}

/** The page's example: d = 0.5, codes 1 … 32. */
function exampleRow(): Uint8Array {
  const bytes = new Uint8Array(34);
  new DataView(bytes.buffer).setUint16(0, 0x3800, true);
  for (let k = 1; k <= 32; k += 1) bytes[1 + k] = k;
  return bytes;
}

/** Rows of Q8_0 or Q4_0 with every code at its limit and the largest or smallest scale. */
function extremeRows(type: 'Q8_0' | 'Q4_0'): Uint8Array {
  const size = type === 'Q8_0' ? 34 : 18;
  const fills = type === 'Q8_0' ? [0x7f, 0x80, 0x81, 0x7f] : [0x00, 0xff, 0x0f, 0xf0];
  const scales = [0x7bff, 0xfbff, 0x0001, 0x8000];
  const bytes = new Uint8Array(size * 4);
  fills.forEach((fill, row) => {
    bytes.fill(fill, row * size, (row + 1) * size);
    new DataView(bytes.buffer).setUint16(row * size, scales[row] ?? 0, true);
  });
  return bytes;
}

export function productVectors(): object[] {
  const random = new SeededRandom(33);
  const ramp = Float32Array.from({ length: 32 }, (_, index) => (index + 1) / 32);
  const cases: {
    comment: string;
    type: (typeof TENSOR_TYPES)[number];
    rows: number;
    cols: number;
    weights: Uint8Array;
    input: Float32Array;
  }[] = [
    { comment: 'the example of the page', type: 'Q8_0', rows: 1, cols: 32, weights: exampleRow(), input: ramp },
    {
      comment: 'limits of codes and scales',
      type: 'Q8_0',
      rows: 4,
      cols: 32,
      weights: extremeRows('Q8_0'),
      input: new Float32Array(32).fill(-1),
    },
    {
      comment: 'limits of codes and scales',
      type: 'Q4_0',
      rows: 4,
      cols: 32,
      weights: extremeRows('Q4_0'),
      input: new Float32Array(32).fill(-1),
    },
  ];
  for (const type of TENSOR_TYPES) {
    const [rows, cols] = type.endsWith('_K') ? [2, 512] : [3, 96];
    cases.push({
      comment: 'random',
      type,
      rows,
      cols,
      weights: encodeTensor(type, random.values(rows * cols, 0.7)),
      input: random.values(cols, 2),
    });
  }
  return cases.map(({ comment, type, rows, cols, weights, input }) => {
    const matrix = decodeMatrix(type, rows, cols, weights);
    return {
      comment: `${type}: ${comment}`,
      type,
      rows,
      cols,
      weights: encodeHex(weights),
      input: f32List(input),
      output: f32List(multiply(matrix, input, 'vector')),
      row_0: f32List(matrixRow(matrix, 0)),
    };
  });
}

export function ropeVectors(): object[] {
  const plain: ModelConfig['rope'] = {
    dimension: 16,
    base: 10_000,
    linearFactor: 1,
    magnitude: 1,
    layout: 'adjacent',
    frequencyFactors: null,
  };
  const cases: (readonly [string, ModelConfig['rope'], readonly number[]])[] = [
    ['plain', plain, [0, 1, 2, 511, 131_071]],
    ['base 500000', { ...plain, dimension: 8, base: 500_000 }, [1, 8191]],
    ['linear factor 4', { ...plain, dimension: 8, linearFactor: 4 }, [1, 3, 4095]],
    [
      'linear factor 2.5 and divisors',
      { ...plain, dimension: 8, linearFactor: 2.5, frequencyFactors: Float32Array.of(1, 1.5, 4.25, 8) },
      [7, 1000],
    ],
    [
      'longrope: divisors and magnitude 1.1902380714238083',
      { ...plain, dimension: 4, magnitude: 1.1902380714238083, frequencyFactors: Float32Array.of(1.5, 40) },
      [0, 5000],
    ],
    ['base 1', { ...plain, dimension: 4, base: 1 }, [3]],
  ];
  return cases.flatMap(([comment, rope, positions]) =>
    positions.map((position) => {
      const { cos, sin } = ropeRotations(rope, ropeFrequencies(rope), position);
      const divisors = rope.frequencyFactors === null ? null : f32List(rope.frequencyFactors);
      return {
        comment: `${comment}, position ${position}`,
        dimension: rope.dimension,
        base: rope.base,
        linear_factor: rope.linearFactor,
        magnitude: rope.magnitude,
        divisors,
        position,
        cos: f32List(cos),
        sin: f32List(sin),
      };
    }),
  );
}
