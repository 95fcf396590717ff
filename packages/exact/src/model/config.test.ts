import { describe, expect, it } from 'vitest';
import { readGguf } from '../gguf/reader.ts';
import type { GgufFile, GgufValue, TensorInfo } from '../gguf/types.ts';
import { ARCHITECTURES, type Architecture, type ModelConfig } from '../interfaces.ts';
import { memorySource } from '../testing/memory-source.ts';
import { type RandomModelOptions, randomModel } from '../testing/random-model.ts';
import { parseModelConfig, readModelConfig } from './config.ts';
import { tensorPlan } from './plan.ts';

const OPTIONS: RandomModelOptions = {
  seed: 3,
  architecture: 'llama',
  type: 'Q8_0',
  width: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  ffnWidth: 96,
  vocabSize: 40,
};

async function open(
  options: Partial<RandomModelOptions> = {},
): Promise<{ source: ReturnType<typeof memorySource>; file: GgufFile }> {
  const source = memorySource(randomModel({ ...OPTIONS, ...options }));
  return { source, file: await readGguf(source) };
}

/** `file` with metadata set, or removed where the value is null. */
function withMetadata(file: GgufFile, changes: Record<string, GgufValue | null>): GgufFile {
  const metadata = new Map(file.metadata);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) metadata.delete(key);
    else metadata.set(key, value);
  }
  return { ...file, metadata };
}

function withTensor(file: GgufFile, name: string, change: Partial<TensorInfo> | null): GgufFile {
  const tensors = new Map(file.tensors);
  if (change === null) tensors.delete(name);
  else
    tensors.set(name, {
      ...(tensors.get(name) ?? { name, type: 'F32', shape: [1], offset: 0, byteLength: 4 }),
      ...change,
    });
  return { ...file, tensors };
}

describe('readModelConfig', () => {
  it('reads llama with all that the contract has', async () => {
    const { source, file } = await open({
      headDim: 32,
      ropeDimension: 16,
      ropeBase: 500_000,
      ropeLinear: 4,
      ropeFreqs: true,
      tied: true,
    });
    expect(await readModelConfig(source, file)).toEqual({
      architecture: 'llama',
      name: 'random-3',
      vocabSize: 40,
      contextLength: 512,
      width: 64,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      headDim: 32,
      ffnWidth: 96,
      rmsEpsilon: Math.fround(1e-5),
      tiedOutput: true,
      localRope: null,
      layerKinds: [
        { rope: 'global', window: null },
        { rope: 'global', window: null },
      ],
      activation: 'silu',
      scales: { embedding: 1, residual: 1, score: Math.fround(1 / Math.fround(Math.sqrt(32))), logits: 1 },
      caps: { score: null, logits: null },
      rope: {
        dimension: 16,
        base: 500_000,
        linearFactor: 4,
        magnitude: 1,
        layout: 'adjacent',
        frequencyFactors: Float32Array.from([1, 1.875, 2.75, 3.625, 4.5, 5.375, 6.25, 7.125]),
      },
    });
  });

  it('reads qwen2', async () => {
    const { source, file } = await open({ architecture: 'qwen2' });
    expect(await readModelConfig(source, file)).toMatchObject({
      architecture: 'qwen2',
      headDim: 16,
      tiedOutput: false,
      rope: { layout: 'halves', linearFactor: 1, frequencyFactors: null },
    });
  });

  it('has the defaults of the page', async () => {
    const { file } = await open({ kvHeads: 4 });
    const absent = [
      'attention.head_count_kv',
      'attention.key_length',
      'attention.value_length',
      'rope.dimension_count',
      'rope.freq_base',
      'vocab_size',
    ];
    const bare = withMetadata(file, {
      'general.name': null,
      ...Object.fromEntries(absent.map((key) => [`llama.${key}`, null])),
    });
    expect(parseModelConfig(bare)).toMatchObject({
      name: 'llama',
      kvHeads: 4,
      headDim: 16,
      vocabSize: 40,
      rope: { dimension: 16, base: 10_000 },
    });
  });

  it.each<[string, string, Record<string, GgufValue | null>]>([
    ['MODEL_SYNTAX', 'no architecture', { 'general.architecture': null }],
    ['MODEL_UNSUPPORTED', 'another architecture', { 'general.architecture': 'mamba' }],
    ['MODEL_SYNTAX', 'no width', { 'llama.embedding_length': null }],
    ['MODEL_SYNTAX', 'a width that is text', { 'llama.embedding_length': '64' }],
    ['MODEL_SYNTAX', 'a width of 0', { 'llama.embedding_length': 0 }],
    ['MODEL_SYNTAX', 'a broken width', { 'llama.embedding_length': 64.5 }],
    ['MODEL_UNSUPPORTED', 'an absurd width', { 'llama.embedding_length': 2 ** 40 }],
    ['MODEL_UNSUPPORTED', 'KV heads per layer', { 'llama.attention.head_count_kv': [2, 2] }],
    ['MODEL_SYNTAX', 'heads that do not divide', { 'llama.attention.head_count_kv': 3 }],
    ['MODEL_UNSUPPORTED', 'values of another length', { 'llama.attention.value_length': 8 }],
    ['MODEL_SYNTAX', 'no epsilon', { 'llama.attention.layer_norm_rms_epsilon': null }],
    ['MODEL_SYNTAX', 'an epsilon of 0', { 'llama.attention.layer_norm_rms_epsilon': 0 }],
    ['MODEL_SYNTAX', 'an epsilon that is NaN', { 'llama.attention.layer_norm_rms_epsilon': Number.NaN }],
    ['MODEL_SYNTAX', 'an odd RoPE dimension', { 'llama.rope.dimension_count': 15 }],
    ['MODEL_SYNTAX', 'a RoPE dimension above the head', { 'llama.rope.dimension_count': 18 }],
    ['MODEL_UNSUPPORTED', 'a RoPE base below 1', { 'llama.rope.freq_base': 0.5 }],
    ['MODEL_UNSUPPORTED', 'yarn', { 'llama.rope.scaling.type': 'yarn' }],
    ['MODEL_SYNTAX', 'linear scaling without factor', { 'llama.rope.scaling.type': 'linear' }],
    [
      'MODEL_UNSUPPORTED',
      'angles beyond the domain of sincos64',
      { 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 1e-5 },
    ],
    ['MODEL_UNSUPPORTED', 'a factor without a type', { 'llama.rope.scaling.factor': 4 }],
    ['MODEL_UNSUPPORTED', 'longrope', { 'llama.rope.scaling.type': 'longrope' }],
    ['MODEL_UNSUPPORTED', 'the older key of linear scaling', { 'llama.rope.scale_linear': 2 }],
    ['MODEL_UNSUPPORTED', 'experts', { 'llama.expert_count': 8 }],
    ['MODEL_UNSUPPORTED', 'a sliding window', { 'llama.attention.sliding_window': 4096 }],
    ['MODEL_UNSUPPORTED', 'a logit scale', { 'llama.logit_scale': 0.5 }],
    ['MODEL_UNSUPPORTED', 'a score scale', { 'llama.attention.scale': 0.5 }],
    ['MODEL_UNSUPPORTED', 'a soft cap', { 'llama.final_logit_softcapping': 30 }],
    ['MODEL_UNSUPPORTED', 'a RoPE base for windows', { 'llama.rope.freq_base_swa': 10_000 }],
    ['MODEL_UNSUPPORTED', 'RoPE that is switched off', { 'llama.rope.scaling.finetuned': false }],
    ['MODEL_SYNTAX', 'a vocabulary of another size', { 'tokenizer.ggml.tokens': ['a', 'b'] }],
    ['MODEL_SYNTAX', 'another vocab_size', { 'llama.vocab_size': 41 }],
  ])('%s for %s', async (code, _what, changes) => {
    const { file } = await open();
    expect(() => parseModelConfig(file)).not.toThrow();
    expect(() => parseModelConfig(withMetadata(file, changes))).toThrow(expect.objectContaining({ code }));
  });

  const all = { rope: 'global', window: null } as const;
  const f32 = Math.fround;

  it.each<[string, Partial<RandomModelOptions>, Record<string, GgufValue | null>, Partial<ModelConfig>]>([
    ['qwen3', { architecture: 'qwen3' }, {}, { activation: 'silu', layerKinds: [all, all] }],
    [
      'smollm3',
      { architecture: 'smollm3', layers: 8 },
      {},
      { layerKinds: Array.from({ length: 8 }, (_, l) => (l % 4 === 3 ? { rope: 'none', window: null } : all)) },
    ],
    [
      'granite',
      { architecture: 'granite' },
      {},
      { scales: { embedding: 3, residual: f32(0.4), score: f32(0.3), logits: f32(0.2) } },
    ],
    [
      'granite without multipliers',
      { architecture: 'granite' },
      {
        'granite.attention.scale': 0,
        'granite.embedding_scale': null,
        'granite.residual_scale': 0,
        'granite.logit_scale': null,
      },
      { scales: { embedding: 1, residual: 1, score: 0.25, logits: 1 } },
    ],
    [
      'phi3, which ignores its window',
      { architecture: 'phi3' },
      { 'phi3.attention.sliding_window': 2047 },
      { layerKinds: [all, all] },
    ],
    [
      'gemma2',
      { architecture: 'gemma2' },
      {},
      {
        activation: 'gelu',
        localRope: null,
        layerKinds: [{ rope: 'global', window: 16 }, all],
        scales: { embedding: 8, residual: 1, score: 0.25, logits: 1 },
        caps: { score: 3, logits: 4 },
      },
    ],
    [
      'gemma2 without its keys',
      { architecture: 'gemma2' },
      {
        'gemma2.attention.sliding_window': null,
        'gemma2.attn_logit_softcapping': null,
        'gemma2.final_logit_softcapping': null,
      },
      { layerKinds: [{ rope: 'global', window: 4096 }, all], caps: { score: 50, logits: 30 } },
    ],
    [
      'gemma2 with everything switched off',
      { architecture: 'gemma2' },
      {
        'gemma2.attention.sliding_window': 0,
        'gemma2.attn_logit_softcapping': 0,
        'gemma2.final_logit_softcapping': 0,
      },
      { layerKinds: [all, all], caps: { score: null, logits: null } },
    ],
    [
      'the largest gemma2, which divides by the width per head',
      { architecture: 'gemma2', headDim: 64, layers: 46 },
      {},
      { scales: { embedding: 8, residual: 1, score: 0.25, logits: 1 } },
    ],
    [
      'gemma3 without keys',
      { architecture: 'gemma3' },
      {
        'gemma3.attention.sliding_window': null,
        'gemma3.attention.sliding_window_pattern': 6,
        'gemma3.final_logit_softcapping': null,
      },
      { layerKinds: [all, all], caps: { score: null, logits: null } },
    ],
  ])('reads %s', async (_name, options, changes, want) => {
    const { file } = await open(options);
    expect(parseModelConfig(withMetadata(file, changes))).toMatchObject(want);
  });

  it('reads the longrope of phi3: which divisors count follows from the file', async () => {
    for (const [originalContext, step] of [
      [512, 0.1],
      [511, 3],
    ] as const) {
      const { source, file } = await open({ architecture: 'phi3', originalContext, ropeDimension: 12 });
      const config = await readModelConfig(source, file);
      const want = Float32Array.from({ length: 6 }, (_, index) => 1 + step * index);
      expect(config.rope).toMatchObject({ magnitude: f32(1.19), linearFactor: 1, frequencyFactors: want });
      expect(tensorPlan(config, file).filter(({ role }) => role === 'rope_freqs')).toHaveLength(2);
      const half = withTensor(file, `rope_factors_${step === 3 ? 'short' : 'long'}.weight`, null);
      expect(() => tensorPlan(config, half)).toThrow(expect.objectContaining({ code: 'MODEL_SYNTAX' }));
    }
  });

  it('reads gemma3: two RoPE bases, of which one is scaled', async () => {
    const { file } = await open({ architecture: 'gemma3', layers: 7, ropeBase: 1_000_000, ropeLinear: 8 });
    const config = parseModelConfig(file);
    const local = { rope: 'local', window: 16 };
    expect(config.layerKinds).toEqual([local, local, local, local, local, all, local]);
    expect(config.rope).toMatchObject({ base: 1_000_000, linearFactor: 8 });
    expect(config.localRope).toEqual({ ...config.rope, base: 10_000, linearFactor: 1 });
    const other = parseModelConfig(withMetadata(file, { 'gemma3.rope.freq_base_swa': 5000 }));
    expect(other.localRope?.base).toBe(5000);
  });

  it.each<[string, Architecture, Record<string, GgufValue | null>]>([
    ['MODEL_SYNTAX', 'granite', { 'granite.residual_scale': -1 }],
    ['MODEL_SYNTAX', 'granite', { 'granite.logit_scale': Number.POSITIVE_INFINITY }],
    ['MODEL_SYNTAX', 'granite', { 'granite.embedding_scale': '12' }],
    ['MODEL_UNSUPPORTED', 'granite', { 'granite.embedding_scale': 1e-60 }],
    ['MODEL_UNSUPPORTED', 'granite', { 'granite.logit_scale': 1e-44 }],
    ['MODEL_UNSUPPORTED', 'granite', { 'granite.attention.sliding_window': 8 }],
    ['MODEL_SYNTAX', 'gemma2', { 'gemma2.attn_logit_softcapping': -50 }],
    ['MODEL_SYNTAX', 'gemma2', { 'gemma2.attention.sliding_window': 0.5 }],
    ['MODEL_UNSUPPORTED', 'gemma3', { 'gemma3.attn_logit_softcapping': 50 }],
    ['MODEL_UNSUPPORTED', 'gemma3', { 'gemma3.attention.sliding_window_pattern': 4 }],
    ['MODEL_UNSUPPORTED', 'gemma3', { 'gemma3.rope.freq_base_swa': 0.1 }],
    [
      'MODEL_UNSUPPORTED',
      'gemma3',
      { 'gemma3.context_length': 4_194_304, 'gemma3.rope.scaling.type': 'linear', 'gemma3.rope.scaling.factor': 8 },
    ],
  ])('%s in %s for %j', async (code, architecture, changes) => {
    const { file } = await open({ architecture });
    expect(() => parseModelConfig(file)).not.toThrow();
    expect(() => parseModelConfig(withMetadata(file, changes))).toThrow(expect.objectContaining({ code }));
  });

  it('refuses RoPE divisors of another count or sign', async () => {
    const { file } = await open({ ropeFreqs: true });
    expect(() => parseModelConfig(file)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(() => parseModelConfig(file, new Float32Array(7).fill(1))).toThrow(
      expect.objectContaining({ code: 'MODEL_SYNTAX' }),
    );
    expect(() => parseModelConfig(file, new Float32Array(8))).toThrow(
      expect.objectContaining({ code: 'MODEL_SYNTAX' }),
    );
    expect(() => parseModelConfig(file, new Float32Array(8).fill(1))).not.toThrow();
    expect(() => parseModelConfig(file, new Float32Array(8).fill(1e-5))).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }),
    );
  });
});

describe('tensorPlan', () => {
  it('names every tensor of the file, and the roles of a layer', async () => {
    for (const architecture of ARCHITECTURES) {
      const { source, file } = await open({ architecture, ropeFreqs: architecture === 'llama' });
      const plan = tensorPlan(await readModelConfig(source, file), file);
      expect([...new Set(plan.map(({ info }) => info.name))].sort()).toEqual([...file.tensors.keys()].sort());
      expect(plan.reduce((sum, { info }) => sum + info.byteLength, 0)).toBe(
        [...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
      );
      expect(plan.find(({ role, layer }) => role === 'attn_k' && layer === 1)).toMatchObject({
        kind: 'matrix',
        rows: 32,
        cols: 64,
      });
      expect(plan.some(({ role }) => role === 'attn_q_bias')).toBe(architecture === 'qwen2');
    }
  });

  it.each<[string, string, string, Partial<TensorInfo> | null]>([
    ['MODEL_SYNTAX', 'a missing matrix', 'blk.1.ffn_up.weight', null],
    ['MODEL_SYNTAX', 'a missing norm', 'output_norm.weight', null],
    ['MODEL_SYNTAX', 'a matrix of another shape', 'blk.0.attn_k.weight', { shape: [64, 64] }],
    ['MODEL_SYNTAX', 'a matrix of three dimensions', 'blk.0.attn_k.weight', { shape: [64, 32, 1] }],
    ['MODEL_UNSUPPORTED', 'a norm in F16', 'blk.0.attn_norm.weight', { type: 'F16' }],
    ['MODEL_UNSUPPORTED', 'a tensor that nobody uses', 'blk.0.ffn_gate_exps.weight', {}],
    ['MODEL_UNSUPPORTED', 'a layer too many', 'blk.2.attn_norm.weight', {}],
  ])('%s for %s', async (code, _what, name, change) => {
    const { source, file } = await open();
    const config = await readModelConfig(source, file);
    expect(() => tensorPlan(config, withTensor(file, name, change))).toThrow(
      expect.objectContaining({ code, evidence: { tensor: name } }),
    );
  });

  it('cuts fused tensors into their rows', async () => {
    const { source, file } = await open({ architecture: 'phi3', type: 'Q4_0' });
    const plan = tensorPlan(await readModelConfig(source, file), file).filter(({ layer }) => layer === 1);
    const rowBytes = 36;
    for (const [name, roles] of [
      ['attn_qkv', ['attn_q', 'attn_k', 'attn_v']],
      ['ffn_up', ['ffn_gate', 'ffn_up']],
    ] as const) {
      let at = file.tensors.get(`blk.1.${name}.weight`)?.offset ?? 0;
      for (const role of roles) {
        const rows = { attn_q: 64, attn_k: 32, attn_v: 32, ffn_gate: 96, ffn_up: 96 }[role];
        const info = { offset: at, byteLength: rows * rowBytes, shape: [64, rows], type: 'Q4_0' };
        expect(plan.find((tensor) => tensor.role === role)).toMatchObject({ kind: 'matrix', rows, cols: 64, info });
        at += rows * rowBytes;
      }
    }
  });

  it('requires the biases of qwen2', async () => {
    const { source, file } = await open({ architecture: 'qwen2' });
    const config = await readModelConfig(source, file);
    expect(() => tensorPlan(config, withTensor(file, 'blk.0.attn_q.bias', null))).toThrow(
      expect.objectContaining({ code: 'MODEL_SYNTAX' }),
    );
  });
});
