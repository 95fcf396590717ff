import { describe, expect, it } from 'vitest';
import { readGguf } from '../gguf/reader.ts';
import { TENSOR_TYPES } from '../interfaces.ts';
import { createTokenizer } from '../tokenizer/tokenizer.ts';
import { BYTE_VOCABULARY } from './byte-vocabulary.ts';
import { memorySource } from './memory-source.ts';
import { decodeTensor, encodeTensor } from './quantize.ts';
import { SeededRandom } from './random.ts';
import { type RandomModelOptions, randomModel } from './random-model.ts';

const OPTIONS: RandomModelOptions = {
  seed: 9,
  architecture: 'llama',
  type: 'Q8_0',
  width: 32,
  layers: 1,
  heads: 2,
  kvHeads: 1,
  ffnWidth: 32,
  vocabSize: 300,
};

describe('encodeTensor', () => {
  // Half a step of the coarsest grid, relative to the largest value of a block, with the rounding of scales to f16; Q4_0 reaches 7/8 of one sign.
  it.each([
    ['F32', 0],
    ['F16', 2 ** -11],
    ['BF16', 2 ** -8],
    ['Q8_0', 0.5 / 127 + 2 ** -11],
    ['Q4_0', 0.126],
    ['Q4_1', 1 / 15],
    ['Q5_0', 0.063],
    ['Q5_1', 1 / 31 + 2 ** -10],
    ['IQ4_NL', 0.12],
    ['Q4_K', 0.1],
    ['Q5_K', 0.06],
    ['Q6_K', 0.035],
    ['Q3_K', 0.3],
    ['Q2_K', 0.5],
  ] as const)('%s is within its step', (type, step) => {
    const values = new SeededRandom(2).values(512, 3);
    const decoded = decodeTensor(type, encodeTensor(type, values));
    for (let block = 0; block < 16; block += 1) {
      const largest = values
        .subarray(block * 32, block * 32 + 32)
        .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (let k = block * 32; k < block * 32 + 32; k += 1) {
        expect(Math.abs((decoded[k] as number) - (values[k] as number))).toBeLessThanOrEqual(step * largest * 1.001);
      }
    }
  });

  it('encodes known blocks as ggml does', () => {
    const ramp = Float32Array.from({ length: 32 }, (_, k) => k - 16);
    const q4 = encodeTensor('Q4_0', ramp);
    // The extreme is -16: scale 2, codes trunc((k - 16) / 2 + 8.5).
    expect([...q4]).toEqual([
      0,
      0x40,
      ...Array.from(
        { length: 16 },
        (_, k) => Math.trunc(k / 2 + 0.5) | (Math.min(15, Math.trunc((k + 16) / 2 + 0.5)) << 4),
      ),
    ]);
    const q8 = encodeTensor(
      'Q8_0',
      ramp.map((value) => (value * 127) / 16),
    );
    expect([...new Int8Array(q8.buffer, 2)]).toEqual(
      [...ramp].map((value) => (value < 0 ? -1 : 1) * Math.floor((Math.abs(value) * 127) / 16 + 0.5)),
    );
    expect([...encodeTensor('BF16', Float32Array.of(1, -2, 1.00390625, 1.01171875))]).toEqual([
      0x80, 0x3f, 0, 0xc0, 0x80, 0x3f, 0x82, 0x3f,
    ]);
  });

  it('keeps blocks of zeros', () => {
    for (const type of TENSOR_TYPES)
      expect(decodeTensor(type, encodeTensor(type, new Float32Array(256))).every((value) => value === 0)).toBe(true);
  });
});

describe('randomModel', () => {
  it('gives the same bytes for the same options, others for another seed', () => {
    expect(randomModel(OPTIONS)).toEqual(randomModel(OPTIONS));
    expect(randomModel(OPTIONS)).not.toEqual(randomModel({ ...OPTIONS, seed: 10 }));
  });

  it('has a vocabulary that a tokenizer can be built from', async () => {
    const { metadata } = await readGguf(memorySource(randomModel({ ...OPTIONS, vocabSize: 1000 })));
    const tokenizer = createTokenizer(metadata);
    expect(tokenizer.vocabSize).toBe(1000);
    expect([...tokenizer.endOfGeneration]).toContain(BYTE_VOCABULARY.messageEnd);
    const text = 'The rest \u{1f600}\n\u0000é';
    expect(new TextDecoder().decode(tokenizer.decode(tokenizer.encode(text)))).toBe(text);
  });
});

describe('SeededRandom', () => {
  it('spreads as it says', () => {
    const values = new SeededRandom(4).values(20_000, 2, 5);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(5, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(2, 1);
    const random = new SeededRandom(1);
    expect(Array.from({ length: 1000 }, () => random.below(3)).filter((value) => value === 2).length).toBeGreaterThan(
      250,
    );
  });
});
