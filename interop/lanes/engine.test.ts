// The exact engine against llama.cpp on random models of every supported type and layout: the same GGUF, the same tokens, the logits behind
// every position. The arithmetic differs on purpose (llama.cpp rounds activations to 8 bits, f16 or bf16 and sums in another order), so the
// bound is statistical: root mean square of the difference over root mean square of the logits, per position.
import { type Architecture, loadExactModel, loadOracle } from '@runproof/exact';
import { memorySource, type RandomModelOptions, randomModel } from '@runproof/exact/testing';
import { describe, expect, it } from 'vitest';
import { loadPeerModel, peerLogits, writeModelFile } from '../peer.ts';

const POSITIONS = 40;
const SHAPE = { width: 64, layers: 2, heads: 4, kvHeads: 2, ffnWidth: 96, vocabSize: 300 } as const;

/** About twice what was measured. `agree`: positions out of 40 with the same greatest logit. */
const BOUNDS = {
  F32: { mean: 1.5e-3, worst: 4e-3, agree: 39 },
  F16: { mean: 3e-3, worst: 8e-3, agree: 39 },
  BF16: { mean: 1.5e-2, worst: 4e-2, agree: 37 },
  Q8_0: { mean: 8e-2, worst: 1.6e-1, agree: 32 },
  Q4_0: { mean: 3.5e-2, worst: 7e-2, agree: 35 },
  Q4_1: { mean: 2.8e-2, worst: 4.5e-2, agree: 36 },
  Q5_0: { mean: 2.8e-2, worst: 4.5e-2, agree: 36 },
  Q5_1: { mean: 2.8e-2, worst: 4.5e-2, agree: 36 },
  IQ4_NL: { mean: 5.5e-2, worst: 9e-2, agree: 35 },
  Q2_K: { mean: 4.5e-2, worst: 7e-2, agree: 35 },
  Q3_K: { mean: 4.5e-2, worst: 7e-2, agree: 35 },
  Q4_K: { mean: 4.5e-2, worst: 7e-2, agree: 35 },
  Q5_K: { mean: 4.5e-2, worst: 7e-2, agree: 35 },
  Q6_K: { mean: 4.5e-2, worst: 7e-2, agree: 35 },
} as const;

/** What differs from the base layout in each architecture: what its own rules need to show. */
const FAMILIES: readonly (readonly [Architecture, string, Partial<RandomModelOptions>])[] = [
  ['llama', 'as mistral: narrow heads, shared keys', { heads: 8, kvHeads: 2, headDim: 16, ropeBase: 1_000_000 }],
  ['qwen3', 'head norms, heads wider than the residual', { headDim: 32, ropeBase: 1_000_000 }],
  ['qwen3', 'tied', { tied: true }],
  ['smollm3', 'every fourth layer without RoPE', { layers: 4, tied: true }],
  ['granite', 'four multipliers', {}],
  ['granite', 'tied, linear RoPE scaling', { tied: true, ropeLinear: 4 }],
  ['phi3', 'fused matrices', {}],
  ['phi3', 'partial RoPE', { ropeDimension: 12 }],
  ['phi3', 'longrope, beyond the original context', { originalContext: 16 }],
  ['phi3', 'longrope, within the original context', { originalContext: 512, ropeDimension: 12 }],
  ['gemma2', 'a window in every second layer', { tied: true, headDim: 32 }],
  ['gemma2', 'all in the window', { tied: true, window: 64 }],
  ['gemma3', 'two RoPE bases', { tied: true, layers: 6, ropeBase: 1_000_000 }],
  ['gemma3', 'linear RoPE scaling in the global layer', { tied: true, layers: 6, headDim: 32, ropeLinear: 8 }],
];

const LAYOUTS: readonly (readonly [string, Partial<RandomModelOptions>])[] = [
  ['grouped queries', {}],
  ['all heads', { kvHeads: 4 }],
  ['tied embeddings', { tied: true }],
  ['linear RoPE scaling', { ropeLinear: 4 }],
  ['RoPE base 500000', { ropeBase: 500_000 }],
];
/** The peer refuses these for qwen2, and partial RoPE for both. */
const LLAMA_ONLY: typeof LAYOUTS = [
  ['heads wider than the residual', { headDim: 32 }],
  ['llama3 RoPE scaling', { ropeFreqs: true }],
];

function options(
  architecture: Architecture,
  type: keyof typeof BOUNDS,
  layout: Partial<RandomModelOptions>,
): RandomModelOptions {
  // Rows of K types are whole super-blocks of 256.
  const shape = type.endsWith('_K') ? { ...SHAPE, width: 256, ffnWidth: 256 } : SHAPE;
  return { seed: 7, architecture, type, ...shape, ...layout };
}

const IDS = Array.from({ length: POSITIONS }, (_, index) => (index * 37 + 11) % SHAPE.vocabSize);

function argmax(row: Float32Array): number {
  return row.reduce((best, value, index) => (value > (row[best] ?? 0) ? index : best), 0);
}

function difference(
  ours: readonly Float32Array[],
  theirs: readonly Float32Array[],
): { mean: number; worst: number; agree: number } {
  const errors = ours.map((row, position) => {
    const other = theirs[position] ?? new Float32Array(row.length);
    let square = 0;
    let power = 0;
    row.forEach((value, index) => {
      square += (value - (other[index] ?? 0)) ** 2;
      power += (other[index] ?? 0) ** 2;
    });
    return Math.sqrt(square / power);
  });
  return {
    mean: errors.reduce((total, error) => total + error, 0) / errors.length,
    worst: Math.max(...errors),
    agree: ours.filter((row, position) => argmax(row) === argmax(theirs[position] ?? row)).length,
  };
}

let files = 0;

async function logitsOfPeer(model: Uint8Array): Promise<Float32Array[]> {
  files += 1;
  const peer = await loadPeerModel(writeModelFile(`random-${files}.gguf`, model));
  try {
    return await peerLogits(peer, IDS);
  } finally {
    await peer.dispose();
  }
}

async function logitsOfEngine(model: Uint8Array): Promise<Float32Array[]> {
  const engine = await loadExactModel(memorySource(model));
  return engine.createSequence(POSITIONS).extend(IDS, 0);
}

describe.each(['llama', 'qwen2'] as const)('%s', (architecture) => {
  describe.each(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const)('%s', (type) => {
    it.each([...LAYOUTS, ...(architecture === 'llama' ? LLAMA_ONLY : [])])(
      '%s: logits within the bound',
      async (_name, layout) => {
        const model = randomModel(options(architecture, type, layout));
        const measured = difference(await logitsOfEngine(model), await logitsOfPeer(model));
        const bound = BOUNDS[type];
        expect(measured.mean).toBeLessThan(bound.mean);
        expect(measured.worst).toBeLessThan(bound.worst);
        expect(measured.agree).toBeGreaterThanOrEqual(bound.agree);
      },
    );
  });
});

describe.each(['llama', 'qwen2'] as const)('%s', (architecture) => {
  it.each(['Q4_1', 'Q5_0', 'Q5_1', 'IQ4_NL', 'Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'] as const)(
    '%s: logits within the bound',
    async (type) => {
      const model = randomModel(options(architecture, type, {}));
      const measured = difference(await logitsOfEngine(model), await logitsOfPeer(model));
      expect(measured.mean).toBeLessThan(BOUNDS[type].mean);
      expect(measured.worst).toBeLessThan(BOUNDS[type].worst);
      expect(measured.agree).toBeGreaterThanOrEqual(BOUNDS[type].agree);
    },
  );
  it('types mixed within layers, as in Q4_K_M: logits within the bound', async () => {
    const types = { attn_v: 'Q6_K', ffn_down: 'Q6_K', token_embd: 'Q6_K', attn_k: 'Q5_K' } as const;
    const model = randomModel(options(architecture, 'Q4_K', { types }));
    const measured = difference(await logitsOfEngine(model), await logitsOfPeer(model));
    expect(measured.mean).toBeLessThan(BOUNDS.Q4_K.mean);
    expect(measured.worst).toBeLessThan(BOUNDS.Q4_K.worst);
    expect(measured.agree).toBeGreaterThanOrEqual(BOUNDS.Q4_K.agree);
  });
});

describe.each(['F32', 'Q8_0', 'Q4_0'] as const)('%s', (type) => {
  it.each(FAMILIES)('%s, %s: logits within the bound', async (architecture, _name, layout) => {
    const model = randomModel(options(architecture, type, layout));
    const measured = difference(await logitsOfEngine(model), await logitsOfPeer(model));
    const bound = BOUNDS[type];
    expect(measured.mean).toBeLessThan(bound.mean);
    expect(measured.worst).toBeLessThan(bound.worst);
    expect(measured.agree).toBeGreaterThanOrEqual(bound.agree);
  });
});

it('the oracle gives the same bits as the engine, so the bound holds for both', async () => {
  const model = randomModel(options('llama', 'Q8_0', {}));
  const oracle = await loadOracle(memorySource(model));
  expect(oracle.createSequence(POSITIONS).extend(IDS, 0)).toEqual(await logitsOfEngine(model));
});

describe('the bound catches', () => {
  const GEMMA2 = { architecture: 'gemma2', tied: true } as const;
  it.each<[string, Partial<RandomModelOptions>, Partial<RandomModelOptions>]>([
    ['head norms', { architecture: 'qwen2' }, { architecture: 'qwen3' }],
    ['layers without RoPE', { architecture: 'llama', layers: 4 }, { architecture: 'smollm3', layers: 4 }],
    ['multipliers', { architecture: 'llama' }, { architecture: 'granite' }],
    ['partial RoPE', { architecture: 'phi3' }, { architecture: 'phi3', ropeDimension: 12 }],
    ['a window', { ...GEMMA2, window: 64 }, { ...GEMMA2, window: 16 }],
    ['a window one position off', { ...GEMMA2, window: 5 }, { ...GEMMA2, window: 4 }],
    ['a global layer', { architecture: 'gemma3', layers: 6, ropeLinear: 8 }, { architecture: 'gemma3', layers: 6 }],
  ])('an engine that ignores %s', async (_name, without, withIt) => {
    const plain = await logitsOfEngine(randomModel({ ...options('llama', 'F32', {}), ...without }));
    const measured = difference(plain, await logitsOfPeer(randomModel({ ...options('llama', 'F32', {}), ...withIt })));
    expect(measured.mean).toBeGreaterThan(BOUNDS.F32.mean * 10);
  });

  it.each([...LAYOUTS.slice(2), ...LLAMA_ONLY.slice(1)])('an engine that ignores %s', async (_name, layout) => {
    const plain = await logitsOfEngine(randomModel(options('llama', 'F32', {})));
    const measured = difference(plain, await logitsOfPeer(randomModel(options('llama', 'F32', layout))));
    expect(measured.mean).toBeGreaterThan(BOUNDS.Q8_0.mean);
  });
});
