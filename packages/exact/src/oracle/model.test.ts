import { RunproofError } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGguf } from '../gguf/reader.ts';
import { readTensor } from '../gguf/tensor-data.ts';
import type { ExactModel, ModelConfig } from '../interfaces.ts';
import { readModelConfig } from '../model/config.ts';
import { tensorPlan } from '../model/plan.ts';
import { memorySource } from '../testing/memory-source.ts';
import { decodeTensor } from '../testing/quantize.ts';
import { type RandomModelOptions, randomModel } from '../testing/random-model.ts';
import { loadOracle } from './model.ts';

const BASE: RandomModelOptions = {
  seed: 1,
  architecture: 'llama',
  type: 'F32',
  width: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  ffnWidth: 96,
  vocabSize: 61,
  contextLength: 48,
};
const VARIANTS: readonly Partial<RandomModelOptions>[] = [
  {},
  { type: 'F16', tied: true },
  { type: 'BF16', kvHeads: 1 },
  { type: 'Q8_0', ropeFreqs: true, ropeBase: 500_000 },
  { type: 'Q4_0', kvHeads: 4 },
  { architecture: 'qwen2', type: 'F32' },
  { architecture: 'qwen2', type: 'Q8_0', ropeLinear: 2.5, tied: true },
  { architecture: 'qwen2', type: 'Q4_0', headDim: 32, ropeDimension: 24 },
  { architecture: 'qwen3', type: 'F32', headDim: 32 },
  { architecture: 'smollm3', type: 'F16', layers: 4, tied: true },
  { architecture: 'granite', type: 'F32' },
  { architecture: 'phi3', type: 'F32', ropeDimension: 12 },
  { architecture: 'phi3', type: 'Q4_0' },
  { architecture: 'phi3', type: 'F32', originalContext: 16 },
  { architecture: 'gemma2', type: 'F32', window: 4 },
  { architecture: 'gemma3', type: 'F32', layers: 6, window: 3, ropeBase: 1_000_000, ropeLinear: 8 },
  { architecture: 'gemma3', type: 'Q8_0', window: 5, tied: true },
];

function open(options: Partial<RandomModelOptions>): Promise<ExactModel> {
  return loadOracle(memorySource(randomModel({ ...BASE, ...options })));
}

/** The bits of rows of logits. */
const bits = (rows: readonly Float32Array[]): number[][] => rows.map((row) => [...new Uint32Array(row.slice().buffer)]);

/** The same model in f64 by the textbook, with the platform's functions: it judges meaning, not bits. */
async function textbook(bytes: Uint8Array, ids: readonly number[]): Promise<number[]> {
  const source = memorySource(bytes);
  const file = await readGguf(source);
  const config = await readModelConfig(source, file);
  const weights = new Map<string, Float32Array>();
  for (const { role, layer, info } of tensorPlan(config, file))
    weights.set(`${role}/${layer}`, decodeTensor(info.type, await readTensor(source, info)));
  const of = (role: string, layer: number | null): Float32Array =>
    weights.get(`${role}/${layer}`) ?? new Float32Array(0);
  const times = (w: Float32Array, x: number[]): number[] =>
    Array.from({ length: w.length / x.length }, (_, row) =>
      x.reduce((sum, value, k) => sum + value * (w[row * x.length + k] as number), 0),
    );
  const norm = (x: number[], w: Float32Array): number[] => {
    const r = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + config.rmsEpsilon);
    return x.map((value, k) => value * r * (w[k] as number));
  };
  const { scales } = config;
  const normHeads = (y: number[], w: Float32Array): number[] =>
    w.length === 0
      ? y
      : Array.from({ length: y.length / w.length }, (_, head) =>
          norm(y.slice(head * w.length, (head + 1) * w.length), w),
        ).flat();
  const half = (y: number[], w: Float32Array): number[] =>
    (w.length === 0 ? y : norm(y, w)).map((value) => value * scales.residual);
  const plus = (x: number[], y: ArrayLike<number>): number[] => x.map((value, k) => value + (y[k] ?? 0));
  const cache = Array.from({ length: config.layers }, () => ({ k: [] as number[][], v: [] as number[][] }));
  let x: number[] = [];
  ids.forEach((id, position) => {
    x = [...of('token_embd', null).subarray(id * config.width, (id + 1) * config.width)].map(
      (e) => e * scales.embedding,
    );
    cache.forEach(({ k, v }, layer) => {
      const h = norm(x, of('attn_norm', layer));
      const headsOf = (role: string): number[] => {
        const y = plus(times(of(role, layer), h), of(`${role}_bias`, layer));
        return spin(normHeads(y, of(`${role}_norm`, layer)), position, config, layer);
      };
      const q = headsOf('attn_q');
      k.push(headsOf('attn_k'));
      v.push(plus(times(of('attn_v', layer), h), of('attn_v_bias', layer)));
      x = plus(x, half(times(of('attn_output', layer), attend(q, k, v, config, layer)), of('attn_post_norm', layer)));
      const f = norm(x, of('ffn_norm', layer));
      const up = times(of('ffn_up', layer), f);
      const product = times(of('ffn_gate', layer), f).map((g, i) => activate(g, config) * (up[i] as number));
      x = plus(x, half(times(of('ffn_down', layer), product), of('ffn_post_norm', layer)));
    });
  });
  const logits = times(of(config.tiedOutput ? 'token_embd' : 'output', null), norm(x, of('output_norm', null)));
  return logits.map((value) => capped(value * scales.logits, config.caps.logits));
}

function capped(value: number, cap: number | null): number {
  return cap === null ? value : cap * Math.tanh(value / cap);
}

function activate(g: number, { activation }: ModelConfig): number {
  if (activation === 'silu') return g / (1 + Math.exp(-g));
  return (g / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g ** 3)));
}

function spin(heads: number[], position: number, config: ModelConfig, layer: number): number[] {
  const { headDim } = config;
  const kind = config.layerKinds[layer]?.rope;
  const rope = (kind === 'local' ? config.localRope : config.rope) ?? config.rope;
  if (kind === 'none') return heads;
  const turned = [...heads];
  for (let start = 0; start < heads.length; start += headDim) {
    for (let i = 0; i < rope.dimension / 2; i += 1) {
      const [first, second] =
        rope.layout === 'adjacent' ? [start + 2 * i, start + 2 * i + 1] : [start + i, start + i + rope.dimension / 2];
      const angle =
        ((position / rope.linearFactor) * rope.base ** ((-2 * i) / rope.dimension)) / (rope.frequencyFactors?.[i] ?? 1);
      const [a, b] = [heads[first] as number, heads[second] as number];
      turned[first] = rope.magnitude * (a * Math.cos(angle) - b * Math.sin(angle));
      turned[second] = rope.magnitude * (a * Math.sin(angle) + b * Math.cos(angle));
    }
  }
  return turned;
}

function attend(q: number[], k: number[][], v: number[][], config: ModelConfig, layer: number): number[] {
  const { heads, kvHeads, headDim, scales, caps } = config;
  const first = k.length - (config.layerKinds[layer]?.window ?? k.length);
  return q.map((_, place) => {
    const head = Math.floor(place / headDim);
    const kv = Math.floor(head / (heads / kvHeads)) * headDim;
    const score = (row: number[]): number =>
      row.slice(kv, kv + headDim).reduce((sum, value, i) => sum + value * (q[head * headDim + i] as number), 0);
    const e = k.map((row, t) => (t < first ? 0 : Math.exp(capped(score(row) * scales.score, caps.score))));
    const total = e.reduce((sum, value) => sum + value, 0);
    return v.reduce((sum, row, t) => sum + ((e[t] as number) / total) * (row[kv + (place % headDim)] as number), 0);
  });
}

describe('scalar oracle', () => {
  it.each(VARIANTS)('means what the textbook means: %j', async (variant) => {
    const ids = [5, 17, 2, 60, 33, 8, 8, 1, 44];
    const model = await open(variant);
    const [logits] = model.createSequence(16).extend(ids, ids.length - 1);
    const want = await textbook(randomModel({ ...BASE, ...variant }), ids);
    const spread = Math.sqrt(want.reduce((sum, value) => sum + value * value, 0) / want.length);
    const error = Math.sqrt(want.reduce((sum, value, id) => sum + (value - (logits?.[id] ?? 0)) ** 2, 0) / want.length);
    // f16 in K and V, and activation codes of 7 or 8 bits, are part of the contract; a wrong layout would be off by more than 0.5.
    expect(error / spread).toBeLessThan(variant.type === 'Q8_0' || variant.type === 'Q4_0' ? 0.08 : 0.002);
  });

  it.each(VARIANTS)('gives the same bits in any chunking, and after truncation: %j', async (variant) => {
    const model = await open(variant);
    const ids = Array.from({ length: 20 }, (_, index) => (index * 37 + 11) % 61);
    const whole = bits(model.createSequence(20).extend(ids, 0));
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 20, maxLength: 20 }),
        fc.nat(19),
        (sizes, cut) => {
          const sequence = model.createSequence(48);
          sequence.extend([3, 1, 4, 1, 5], 5);
          sequence.truncate(0);
          sequence.extend(ids.slice(0, cut), cut);
          sequence.extend(ids.slice(0, 9), 9);
          sequence.truncate(cut);
          const rows: Float32Array[] = [];
          for (const size of sizes)
            rows.push(...sequence.extend(ids.slice(sequence.length, sequence.length + size), 0));
          expect(bits(rows)).toEqual(whole.slice(cut));
          sequence.release();
        },
      ),
      { numRuns: 4 },
    );
  });

  it('keeps sequences apart', async () => {
    const model = await open({ type: 'Q8_0' });
    const alone = bits(model.createSequence(8).extend([1, 2, 3, 4], 0));
    const [left, right] = [model.createSequence(8), model.createSequence(8)];
    const rows: Float32Array[] = [];
    for (const id of [1, 2, 3, 4]) {
      right.extend([60 - id], 0);
      rows.push(...left.extend([id], 0));
    }
    expect(bits(rows)).toEqual(alone);
  });

  it('returns logits from where they are wanted', async () => {
    const sequence = (await open({})).createSequence(8);
    expect(sequence.extend([1, 2, 3], 1)).toHaveLength(2);
    expect(sequence.extend([1, 2], 2)).toHaveLength(0);
    expect(sequence.extend([], 0)).toHaveLength(0);
    expect(sequence.length).toBe(5);
  });

  it('refuses ids and lengths that do not fit, and stays as it was', async () => {
    const model = await open({});
    const sequence = model.createSequence(4);
    sequence.extend([1, 2], 2);
    for (const id of [-1, 61, 1.5, Number.NaN])
      expect(() => sequence.extend([3, id], 0)).toThrow(expect.objectContaining({ code: 'PARAMETER_INVALID' }));
    expect(() => sequence.extend([1, 2, 3], 0)).toThrow(expect.objectContaining({ code: 'MODEL_CONTEXT' }));
    expect(() => sequence.truncate(3)).toThrow(RunproofError);
    expect(sequence.length).toBe(2);
    for (const capacity of [0, 49, 2.5])
      expect(() => model.createSequence(capacity)).toThrow(expect.objectContaining({ code: 'MODEL_CONTEXT' }));
    sequence.release();
    expect(() => sequence.extend([1], 0)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('values that are not finite', () => {
  /** The model with every weight of one F32 tensor set to `value`. */
  async function blown(name: string, value: number, type: RandomModelOptions['type'] = 'F32'): Promise<ExactModel> {
    const bytes = randomModel({ ...BASE, type, embeddingType: 'F32' });
    const info = (await readGguf(memorySource(bytes))).tensors.get(name);
    if (info?.type !== 'F32') throw new Error(`${name} is not F32`);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < info.byteLength; at += 4) view.setFloat32(info.offset + at, value, true);
    return loadOracle(memorySource(bytes));
  }

  it.each<[string, number, string, RandomModelOptions['type']]>([
    ['blk.1.attn_k.weight', 1e38, 'layer 1, K', 'F32'],
    ['blk.0.attn_v.weight', 1e5, 'layer 0, V', 'F32'],
    ['blk.1.attn_q.weight', 3e38, 'layer 1, attention', 'F32'],
    ['output.weight', 3e38, 'output', 'F32'],
    ['blk.1.ffn_norm.weight', 3e38, 'layer 1, ffn_gate', 'Q8_0'],
  ])('%s = %d stops at %s', async (name, value, where, type) => {
    const sequence = (await blown(name, value, type)).createSequence(4);
    expect(() => sequence.extend([1, 2], 0)).toThrow(
      expect.objectContaining({ code: 'ENGINE_NONFINITE', evidence: expect.objectContaining({ where }) }),
    );
    expect(sequence.length).toBe(0);
  });
});
