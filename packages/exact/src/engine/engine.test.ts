// The Wasm engine against the scalar oracle, and against itself in every schedule: all comparisons are of bits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARCHITECTURES, type ExactModel, TENSOR_TYPES } from '../interfaces.ts';
import { loadOracle } from '../oracle/model.ts';
import { memorySource, type RandomModelOptions, randomModel } from '../testing/index.ts';
import { KERNEL_VARIANTS } from './kernels.ts';
import { loadExactModel } from './load.ts';
import type { BatchModel } from './wasm-model.ts';

const BASE = { width: 64, layers: 2, heads: 4, kvHeads: 2, ffnWidth: 96, vocabSize: 67, contextLength: 128 };

/** Matrices of a layer in types of both block sizes; rows of `attn_output` and `ffn_down` need no 256 columns. */
const MIXED = { attn_k: 'Q5_K', attn_v: 'Q6_K', attn_output: 'Q5_1', ffn_down: 'IQ4_NL' } as const;

function bits(rows: readonly Float32Array[]): string[] {
  return rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('base64'));
}

function idsOf(count: number, vocabSize: number, seed: number): number[] {
  return Array.from({ length: count }, (_, index) => (seed * 7919 + index * index * 31 + index * 17) % vocabSize);
}

/** Logits of every position in one call on a fresh sequence. */
function prefill(model: ExactModel, ids: readonly number[]): string[] {
  const sequence = model.createSequence(ids.length);
  const logits = bits(sequence.extend(ids, 0));
  sequence.release();
  return logits;
}

describe('oracle = plain = relaxed', () => {
  const cases: [string, RandomModelOptions, number][] = [];
  let seed = 0;
  for (const architecture of ARCHITECTURES) {
    for (const type of TENSOR_TYPES) {
      for (const tied of [false, true]) {
        seed += 1;
        const isSuper = type.endsWith('_K');
        const shape = isSuper ? { ...BASE, width: 256, ffnWidth: 256, heads: 8, kvHeads: 1, layers: 1 } : BASE;
        const options = { seed, architecture, type, tied, ...shape, vocabSize: 61 + seed };
        cases.push([`${architecture} ${type} ${tied ? 'tied' : 'untied'}`, options, isSuper ? 9 : 37]);
      }
    }
  }
  const llama = { seed: 90, architecture: 'llama', ...BASE } as const;
  const qwen2 = { seed: 91, architecture: 'qwen2', ...BASE } as const;
  cases.push(
    ['one KV head for all twelve heads', { ...llama, type: 'Q8_0', heads: 12, kvHeads: 1, headDim: 8 }, 40],
    ['as many KV heads as heads', { ...qwen2, type: 'Q4_0', heads: 4, kvHeads: 4 }, 35],
    [
      'three heads per KV head, odd head size',
      { ...llama, type: 'F32', width: 36, heads: 6, kvHeads: 2, headDim: 6, ffnWidth: 50 },
      33,
    ],
    [
      'head size 22, odd widths',
      { ...qwen2, type: 'F16', width: 46, heads: 3, kvHeads: 1, headDim: 22, ffnWidth: 39, vocabSize: 5 },
      34,
    ],
    [
      'head size 72, partial RoPE',
      { ...llama, type: 'Q8_0', heads: 4, kvHeads: 2, headDim: 72, ropeDimension: 20, width: 96 },
      34,
    ],
    ['head size 32 in pairs of halves, partial RoPE', { ...qwen2, type: 'BF16', headDim: 32, ropeDimension: 18 }, 33],
    ['linear RoPE scaling', { ...llama, type: 'Q8_0', ropeLinear: 2.5 }, 33],
    ['llama3 RoPE divisors, base 500000', { ...llama, type: 'Q4_0', ropeFreqs: true, ropeBase: 500_000 }, 33],
    ['mixed types, three pages', { ...llama, type: 'Q4_0', embeddingType: 'Q8_0', layers: 1 }, 70],
    ['quantised layers under a float embedding', { ...qwen2, type: 'Q8_0', embeddingType: 'F16', tied: true }, 33],
    [
      'types mixed within a layer, as in files of Q4_K_M and beyond',
      {
        ...llama,
        type: 'Q4_K',
        width: 256,
        ffnWidth: 64,
        kvHeads: 1,
        headDim: 16,
        types: { ...MIXED, ffn_gate: 'Q3_K', ffn_up: 'Q2_K', token_embd: 'Q4_1', output: 'Q5_0' },
      },
      35,
    ],
    [
      'qwen3, head size 22 with a tail in its norms',
      { ...qwen2, architecture: 'qwen3', type: 'F16', heads: 3, kvHeads: 1, headDim: 22, ropeDimension: 12 },
      34,
    ],
    ['smollm3, a layer without RoPE', { ...llama, architecture: 'smollm3', type: 'Q4_0', layers: 5 }, 35],
    [
      'granite, odd widths',
      { ...llama, architecture: 'granite', type: 'F16', width: 46, heads: 2, kvHeads: 1, headDim: 22, ffnWidth: 39 },
      33,
    ],
    [
      'phi3, odd widths and partial RoPE',
      {
        ...llama,
        architecture: 'phi3',
        type: 'F32',
        width: 36,
        heads: 3,
        kvHeads: 1,
        headDim: 14,
        ffnWidth: 41,
        ropeDimension: 6,
      },
      33,
    ],
    [
      'gemma2, the window crosses pages',
      { ...qwen2, architecture: 'gemma2', type: 'Q8_0', window: 37, layers: 3 },
      110,
    ],
    ['phi3, longrope: long', { ...llama, architecture: 'phi3', type: 'Q8_0', originalContext: 16 }, 40],
    ['phi3, longrope: short', { ...llama, architecture: 'phi3', type: 'F16', originalContext: 128 }, 40],
    ['gemma2, a window of one', { ...qwen2, architecture: 'gemma2', type: 'F32', window: 1, layers: 1 }, 40],
    [
      'gemma3, a global layer among local ones',
      { ...qwen2, architecture: 'gemma3', type: 'Q4_0', window: 7, layers: 7 },
      71,
    ],
    [
      'gemma3, odd widths, linear RoPE in the global layer',
      {
        ...llama,
        architecture: 'gemma3',
        type: 'BF16',
        width: 46,
        heads: 3,
        headDim: 18,
        kvHeads: 3,
        ffnWidth: 39,
        layers: 6,
        window: 33,
        ropeLinear: 8,
      },
      70,
    ],
    ['one layer, one token', { ...llama, type: 'BF16', layers: 1 }, 1],
  );

  it.each(cases)('%s', async (_, options, count) => {
    const file = randomModel(options);
    const ids = idsOf(count, options.vocabSize, options.seed);
    const expected = prefill(await loadOracle(memorySource(file)), ids);
    for (const variant of KERNEL_VARIANTS) {
      const model = await loadExactModel(memorySource(file), { variant });
      expect(model.variant).toBe(variant);
      expect(prefill(model, ids), variant).toEqual(expected);
    }
  });
});

describe.each([
  { seed: 5, architecture: 'llama', type: 'Q8_0', ...BASE },
  { seed: 6, architecture: 'gemma3', type: 'Q8_0', ...BASE, layers: 6, window: 21 },
] as const)('rows never mix: $architecture', (options) => {
  const file = randomModel(options);
  const load = (batchRows: number): Promise<BatchModel> => loadExactModel(memorySource(file), { batchRows });

  it('decode = prefill in any chunking and any batch size', async () => {
    const small = await load(3);
    const large = await load(128);
    const ids = idsOf(100, options.vocabSize, 3);
    const expected = prefill(large, ids);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        (chunks, isSmall) => {
          const sequence = (isSmall ? small : large).createSequence(ids.length);
          let at = 0;
          for (const chunk of [...chunks, ids.length]) {
            const piece = ids.slice(at, at + chunk);
            expect(bits(sequence.extend(piece, 0))).toEqual(expected.slice(at, at + piece.length));
            at += piece.length;
          }
          sequence.release();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('logits begin where they are asked for', async () => {
    const model = await load(7);
    const ids = idsOf(20, options.vocabSize, 8);
    const expected = prefill(model, ids);
    for (const from of [0, 1, 6, 7, 8, 19, 20, 21]) {
      const sequence = model.createSequence(20);
      expect(bits(sequence.extend(ids, from))).toEqual(expected.slice(from));
      expect(sequence.length).toBe(20);
      sequence.release();
    }
  });

  it('sequences in one batch, in any order and interleaving, are as alone', async () => {
    const model = await load(16);
    const all = [1, 2, 3, 4].map((seed) => idsOf(60, options.vocabSize, seed));
    const expected = all.map((ids) => prefill(model, ids));
    const batch = fc.array(fc.record({ which: fc.nat(3), count: fc.integer({ min: 1, max: 20 }) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 12 }), (schedule) => {
        const sequences = all.map(() => model.createSequence(60));
        for (const step of schedule) {
          const chosen = [...new Map(step.map(({ which, count }) => [which, count]))];
          const jobs = chosen.map(([which, count]) => {
            const sequence = sequences[which];
            if (sequence === undefined) throw new Error('no such sequence');
            return { sequence, ids: (all[which] ?? []).slice(sequence.length, sequence.length + count), logitsFrom: 0 };
          });
          const before = jobs.map(({ sequence }) => sequence.length);
          model.extendBatch(jobs).forEach((result, index) => {
            const [which] = chosen[index] ?? [0];
            const from = before[index] ?? 0;
            const wanted = (expected[which] ?? []).slice(from, from + (jobs[index]?.ids.length ?? 0));
            expect('logits' in result && bits(result.logits)).toEqual(wanted);
          });
        }
        for (const sequence of sequences) sequence.release();
      }),
      { numRuns: 20 },
    );
  });

  it('truncating forgets: another continuation is as if it had come first', async () => {
    const model = await load(128);
    const ids = idsOf(50, options.vocabSize, 1);
    const other = [...ids.slice(0, 33), ...idsOf(17, options.vocabSize, 2)];
    const sequence = model.createSequence(50);
    sequence.extend(ids, 50);
    sequence.truncate(33);
    expect(bits(sequence.extend(other.slice(33), 0))).toEqual(prefill(model, other).slice(33));
    sequence.truncate(0);
    expect(bits(sequence.extend(ids, 0))).toEqual(prefill(model, ids));
  });
});
