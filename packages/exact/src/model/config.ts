// Hyperparameters out of GGUF metadata (specs/exact-1.md §6). What the contract does not define is refused, never ignored.
import { RunproofError } from '@runproof/protocol';
import { readTensor } from '../gguf/tensor-data.ts';
import type { GgufFile, GgufValue } from '../gguf/types.ts';
import { ARCHITECTURES, type Architecture, type ByteSource, type LayerKind, type ModelConfig } from '../interfaces.ts';
import { TRAITS, type Traits } from './architectures.ts';

/** Bounds of a model, far above every published one; products of any three of them stay below 2^53. */
const LIMITS = {
  width: 65_536,
  layers: 1024,
  heads: 1024,
  headDim: 1024,
  ffnWidth: 262_144,
  vocabSize: 4_194_304,
  contextLength: 4_194_304,
} as const;

/** sincos64 of specs/exact-1.md §5.4 is defined below this angle. */
const ANGLE_MAX = 4_194_304;

const FREQUENCY_TENSOR = 'rope_freqs.weight';

/** Tensor with the RoPE divisors of this file, or null (specs/exact-1.md §6.1). */
function frequencyTensorOf(file: GgufFile): string | null {
  if (file.tensors.has(FREQUENCY_TENSOR)) return FREQUENCY_TENSOR;
  const context = file.metadata.get('phi3.context_length') ?? 0;
  const original = file.metadata.get('phi3.rope.scaling.original_context_length') ?? context;
  const name = `rope_factors_${context > original ? 'long' : 'short'}.weight`;
  return file.tensors.has(name) ? name : null;
}

/** Keys (after `<architecture>.`) that change the arithmetic in ways the contract does not define, with the values that change nothing. */
const NEUTRAL: Readonly<Record<string, readonly GgufValue[]>> = {
  'attention.causal': [true],
  'attention.clamp_kqv': [0],
  'attention.max_alibi_bias': [0],
  'attention.scale': [],
  'attention.sliding_window': [0],
  'attention.sliding_window_pattern': [0],
  attn_logit_softcapping: [0],
  embedding_scale: [0, 1],
  expert_count: [0],
  expert_used_count: [0],
  final_logit_softcapping: [0],
  logit_scale: [0, 1],
  residual_scale: [0, 1],
  'rope.freq_base_swa': [],
  'rope.scale_linear': [0, 1],
  'rope.scaling.attn_factor': [0, 1],
  // The peers take this key as a switch of RoPE for some architectures.
  'rope.scaling.finetuned': [true],
  use_parallel_residual: [false],
};

function unsupported(message: string, evidence: Record<string, string> = {}): RunproofError {
  return new RunproofError('MODEL_UNSUPPORTED', message, evidence);
}

function architectureOf(file: GgufFile): Architecture {
  const value = file.metadata.get('general.architecture');
  if (value === undefined) throw new RunproofError('MODEL_SYNTAX', 'the file has no general.architecture');
  const known = ARCHITECTURES.find((architecture) => architecture === value);
  if (known === undefined) {
    const name = typeof value === 'string' ? value.slice(0, 64) : typeof value;
    throw unsupported(`architecture ${name} is not supported; supported are ${ARCHITECTURES.join(', ')}`, {
      architecture: name,
    });
  }
  return known;
}

/** Typed access to the metadata of one architecture. */
class Metadata {
  readonly #file: GgufFile;
  readonly #architecture: string;

  constructor(file: GgufFile, architecture: string) {
    this.#file = file;
    this.#architecture = architecture;
  }

  raw(key: string): GgufValue | undefined {
    return this.#file.metadata.get(`${this.#architecture}.${key}`);
  }

  /** An integer from 1 to `max`; `fallback` when the key is absent, an error when there is no fallback. */
  count(key: string, max: number, fallback?: number): number {
    const value = this.raw(key) ?? fallback;
    const name = `${this.#architecture}.${key}`;
    if (value === undefined) throw new RunproofError('MODEL_SYNTAX', `the file has no ${name}`);
    if (Array.isArray(value)) throw unsupported(`${name} differs from layer to layer, which is not supported`);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw new RunproofError('MODEL_SYNTAX', `${name} is not a positive integer`);
    if (value > max) throw unsupported(`${name} is ${value}, at most ${max} is supported`);
    return value;
  }

  /** A positive finite number. */
  positive(key: string, fallback?: number): number {
    const value = this.raw(key) ?? fallback;
    const name = `${this.#architecture}.${key}`;
    if (value === undefined) throw new RunproofError('MODEL_SYNTAX', `the file has no ${name}`);
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw new RunproofError('MODEL_SYNTAX', `${name} is not a positive number`);
    return value;
  }
}

function checkNeutral(metadata: Metadata, architecture: Architecture): void {
  for (const [key, allowed] of Object.entries(NEUTRAL)) {
    const value = metadata.raw(key);
    if (value === undefined || allowed.includes(value) || TRAITS[architecture].keys.includes(key)) continue;
    throw unsupported(`${architecture}.${key} = ${String(value).slice(0, 64)} is not supported`, {
      key: `${architecture}.${key}`,
    });
  }
}

function linearFactor(metadata: Metadata, architecture: string): number {
  const type = metadata.raw('rope.scaling.type') ?? 'none';
  if (type === 'linear') return metadata.positive('rope.scaling.factor');
  // llama.cpp takes a factor without a type for linear scaling; other readers ignore it.
  if (
    metadata.raw('rope.scaling.type') === undefined &&
    ![0, 1].includes(Number(metadata.raw('rope.scaling.factor') ?? 1))
  )
    throw unsupported(`${architecture}.rope.scaling.factor without a rope.scaling.type is not supported`);
  if (type === 'none' || (type === 'longrope' && architecture === 'phi3')) return 1;
  throw unsupported(
    `${architecture}.rope.scaling.type = ${String(type).slice(0, 64)} is not supported; supported are none, linear`,
  );
}

/** The row count of the embedding, which the vocabulary of the file must match. */
function vocabSizeOf(file: GgufFile, metadata: Metadata): number {
  const embedding = file.tensors.get('token_embd.weight');
  if (embedding === undefined)
    throw new RunproofError('MODEL_SYNTAX', 'tensor token_embd.weight is missing', { tensor: 'token_embd.weight' });
  const vocabSize = embedding.shape[1] ?? 1;
  if (vocabSize > LIMITS.vocabSize)
    throw unsupported(`a vocabulary of ${vocabSize} is not supported, at most ${LIMITS.vocabSize} is`);
  const tokens = file.metadata.get('tokenizer.ggml.tokens');
  if (Array.isArray(tokens) && tokens.length !== vocabSize) {
    throw new RunproofError(
      'MODEL_SYNTAX',
      `tokenizer.ggml.tokens has ${tokens.length} entries, token_embd.weight has ${vocabSize} rows`,
    );
  }
  if (metadata.count('vocab_size', LIMITS.vocabSize, vocabSize) !== vocabSize) {
    throw new RunproofError('MODEL_SYNTAX', `vocab_size differs from the ${vocabSize} rows of token_embd.weight`);
  }
  return vocabSize;
}

/** Refuses angles outside of the domain of sincos64. */
function checkAngles(contextLength: number, factor: number, divisor: number): void {
  // θ is at most 1 before the divisors, so this bounds every angle. The margin covers the rounding of exp64.
  if (((contextLength - 1) / factor / divisor) * 1.001 < ANGLE_MAX) return;
  throw unsupported(
    `positions up to ${contextLength} with RoPE factor ${factor} and divisor ${divisor} exceed the angle 2^22`,
  );
}

function ropeOf(
  metadata: Metadata,
  architecture: Architecture,
  headDim: number,
  contextLength: number,
  frequencyFactors: Float32Array | null,
): ModelConfig['rope'] {
  const dimension = metadata.count('rope.dimension_count', LIMITS.headDim, headDim);
  if (dimension % 2 !== 0 || dimension > headDim) {
    throw new RunproofError(
      'MODEL_SYNTAX',
      `rope.dimension_count is ${dimension}, expected an even number up to ${headDim}`,
    );
  }
  const base = metadata.positive('rope.freq_base', 10_000);
  if (base < 1) throw unsupported(`rope.freq_base = ${base} is not supported, it must be at least 1`);
  const factor = linearFactor(metadata, architecture);
  let smallest = 1;
  if (frequencyFactors !== null) {
    if (frequencyFactors.length !== dimension / 2) {
      throw new RunproofError(
        'MODEL_SYNTAX',
        `there are ${frequencyFactors.length} RoPE divisors, expected ${dimension / 2}`,
      );
    }
    for (const value of frequencyFactors) {
      if (!(value > 0))
        throw new RunproofError('MODEL_SYNTAX', `a RoPE divisor is ${value}, expected positive numbers`);
      smallest = Math.min(smallest, value);
    }
  }
  checkAngles(contextLength, factor, smallest);
  return {
    dimension,
    base,
    linearFactor: factor,
    magnitude: TRAITS[architecture].keys.includes('rope.scaling.attn_factor')
      ? metadata.positive('rope.scaling.attn_factor', 1)
      : 1,
    layout: TRAITS[architecture].pairs,
    frequencyFactors,
  };
}

/** A factor of the file in f32; `absent` where the key is missing or 0, or means nothing to the architecture. */
function factorOf(metadata: Metadata, traits: Traits, key: string, absent: number): number {
  if (!traits.keys.includes(key) || metadata.raw(key) === 0) return absent;
  return normalF32(metadata.positive(key, absent), key);
}

/** `value` in f32; refused where that is not a normal number, because a multiplier must neither vanish nor blow up. */
function normalF32(value: number, key: string): number {
  const single = Math.fround(value);
  if (single >= 2 ** -126 && single < Number.POSITIVE_INFINITY) return single;
  throw unsupported(`${key} = ${value} is not supported, f32 has no normal number for it`);
}

/** The scales of specs/exact-1.md §6.8. */
function scalesOf(
  metadata: Metadata,
  architecture: Architecture,
  { width, heads, headDim, layers }: { width: number; heads: number; headDim: number; layers: number },
): ModelConfig['scales'] {
  const traits = TRAITS[architecture];
  const isGemma = architecture === 'gemma2' || architecture === 'gemma3';
  // The largest model of each gemma divides by the width per head instead of the head dimension; llama.cpp knows it by its layers.
  const isLargest = layers === (architecture === 'gemma2' ? 46 : 62);
  const divisor = isGemma && isLargest ? Math.floor(width / heads) : headDim;
  const score = Math.fround(1 / Math.fround(Math.sqrt(divisor)));
  return {
    embedding: isGemma ? Math.fround(Math.sqrt(width)) : factorOf(metadata, traits, 'embedding_scale', 1),
    residual: factorOf(metadata, traits, 'residual_scale', 1),
    score: factorOf(metadata, traits, 'attention.scale', score),
    logits: normalF32(1 / factorOf(metadata, traits, 'logit_scale', 1), '1 / logit_scale'),
  };
}

/** The soft caps of specs/exact-1.md §6.8. */
function capsOf(metadata: Metadata, architecture: Architecture): ModelConfig['caps'] {
  const isGemma2 = architecture === 'gemma2';
  const cap = (key: string, absent: number): number | null => {
    const isNone = !TRAITS[architecture].keys.includes(key) || (metadata.raw(key) ?? absent) === 0;
    return isNone ? null : normalF32(metadata.positive(key, absent), key);
  };
  return {
    score: cap('attn_logit_softcapping', isGemma2 ? 50 : 0),
    logits: cap('final_logit_softcapping', isGemma2 ? 30 : 0),
  };
}

/** The kind of every layer (specs/exact-1.md §6.8). */
function layerKindsOf(metadata: Metadata, architecture: Architecture, layers: number): LayerKind[] {
  const { globalEvery, ropeFreeEvery } = TRAITS[architecture];
  const key = 'attention.sliding_window';
  const period = metadata.raw(`${key}_pattern`) ?? globalEvery;
  if (globalEvery !== null && period !== globalEvery)
    throw unsupported(`${architecture}.${key}_pattern = ${String(period).slice(0, 64)} is not ${globalEvery}`);
  // gemma2 files of before the key have a window too.
  const fallback = architecture === 'gemma2' ? 4096 : 0;
  const hasWindow = globalEvery !== null && (metadata.raw(key) ?? fallback) !== 0;
  const window = hasWindow ? metadata.count(key, LIMITS.contextLength, 4096) : null;
  return Array.from({ length: layers }, (_, layer): LayerKind => {
    if (ropeFreeEvery !== null && (layer + 1) % ropeFreeEvery === 0) return { rope: 'none', window: null };
    if (window === null || globalEvery === null || (layer + 1) % globalEvery === 0)
      return { rope: 'global', window: null };
    return { rope: architecture === 'gemma3' ? 'local' : 'global', window };
  });
}

/** RoPE of the layers with a window, where it differs: its own base, and never scaled. */
function localRopeOf(
  metadata: Metadata,
  architecture: Architecture,
  rope: ModelConfig['rope'],
  contextLength: number,
): ModelConfig['localRope'] {
  if (architecture !== 'gemma3') return null;
  const base = metadata.positive('rope.freq_base_swa', 10_000);
  if (base < 1) throw unsupported(`rope.freq_base_swa = ${base} is not supported, it must be at least 1`);
  checkAngles(contextLength, 1, 1);
  return { ...rope, base, linearFactor: 1 };
}

/**
 * Hyperparameters of `file`. `frequencyFactors` are the values of `rope_freqs.weight`, and must be given exactly when the file
 * has that tensor; `readModelConfig` does that.
 *
 * Errors: `MODEL_UNSUPPORTED` names what the contract does not define, `MODEL_SYNTAX` what is missing or contradicts itself.
 */
export function parseModelConfig(file: GgufFile, frequencyFactors: Float32Array | null = null): ModelConfig {
  if ((frequencyTensorOf(file) !== null) !== (frequencyFactors !== null)) {
    throw new RunproofError('INTERNAL', 'parseModelConfig needs the RoPE divisors of the file: use readModelConfig');
  }
  const architecture = architectureOf(file);
  const metadata = new Metadata(file, architecture);
  checkNeutral(metadata, architecture);
  const width = metadata.count('embedding_length', LIMITS.width);
  const heads = metadata.count('attention.head_count', LIMITS.heads);
  const kvHeads = metadata.count('attention.head_count_kv', LIMITS.heads, heads);
  if (heads % kvHeads !== 0) throw new RunproofError('MODEL_SYNTAX', `${heads} heads cannot share ${kvHeads} KV heads`);
  const headDim = metadata.count('attention.key_length', LIMITS.headDim, width / heads);
  if (metadata.count('attention.value_length', LIMITS.headDim, headDim) !== headDim) {
    throw unsupported('attention.key_length and attention.value_length differ, which is not supported');
  }
  const contextLength = metadata.count('context_length', LIMITS.contextLength);
  const layers = metadata.count('block_count', LIMITS.layers);
  const rope = ropeOf(metadata, architecture, headDim, contextLength, frequencyFactors);
  const name = file.metadata.get('general.name');
  return {
    architecture,
    name: typeof name === 'string' ? name : architecture,
    vocabSize: vocabSizeOf(file, metadata),
    contextLength,
    width,
    layers,
    heads,
    kvHeads,
    headDim,
    ffnWidth: metadata.count('feed_forward_length', LIMITS.ffnWidth),
    // The file holds an f32; a writer that used f64 is rounded here, because §6 adds it in f32.
    rmsEpsilon: Math.fround(metadata.positive('attention.layer_norm_rms_epsilon')),
    rope,
    localRope: localRopeOf(metadata, architecture, rope, contextLength),
    layerKinds: layerKindsOf(metadata, architecture, layers),
    activation: TRAITS[architecture].activation,
    scales: scalesOf(metadata, architecture, { width, heads, headDim, layers }),
    caps: capsOf(metadata, architecture),
    tiedOutput: !file.tensors.has('output.weight'),
  };
}

/** `parseModelConfig` after reading the RoPE divisors that the file may hold. Errors as there, and those of `readTensor`. */
export async function readModelConfig(source: ByteSource, file: GgufFile): Promise<ModelConfig> {
  const name = frequencyTensorOf(file);
  const info = name === null ? undefined : file.tensors.get(name);
  if (info === undefined) return parseModelConfig(file);
  if (info.type !== 'F32') throw unsupported(`tensor ${info.name} has type ${info.type}; supported is F32`);
  if (info.shape.length !== 1 || (info.shape[0] ?? 0) > LIMITS.headDim / 2) {
    throw new RunproofError(
      'MODEL_SYNTAX',
      `tensor ${info.name} has shape ${info.shape.join(' x ')}, expected at most ${LIMITS.headDim / 2} values`,
    );
  }
  const bytes = await readTensor(source, info);
  const view = new DataView(bytes.buffer);
  return parseModelConfig(
    file,
    Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true)),
  );
}
