// Hyperparameters out of GGUF metadata (specs/exact-1.md §6). What the contract does not define is refused, never ignored.
import { RunproofError } from '@runproof/protocol';
import { readTensor } from '../gguf/tensor-data.ts';
import type { GgufFile, GgufValue } from '../gguf/types.ts';
import { ARCHITECTURES, type Architecture, type ByteSource, type ModelConfig } from '../interfaces.ts';

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

/** Keys (after `<architecture>.`) that change the arithmetic in ways the contract does not define, with the values that change nothing. */
const NEUTRAL: Readonly<Record<string, readonly GgufValue[]>> = {
  'attention.causal': [true],
  'attention.clamp_kqv': [0],
  'attention.max_alibi_bias': [0],
  'attention.scale': [],
  'attention.sliding_window': [0],
  attn_logit_softcapping: [0],
  embedding_scale: [0, 1],
  expert_count: [0],
  expert_used_count: [0],
  final_logit_softcapping: [0],
  logit_scale: [0, 1],
  residual_scale: [0, 1],
  'rope.scale_linear': [0, 1],
  'rope.scaling.attn_factor': [0, 1],
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

function checkNeutral(metadata: Metadata, architecture: string): void {
  for (const [key, allowed] of Object.entries(NEUTRAL)) {
    const value = metadata.raw(key);
    if (value === undefined || allowed.includes(value)) continue;
    throw unsupported(`${architecture}.${key} = ${String(value).slice(0, 64)} is not supported`, {
      key: `${architecture}.${key}`,
    });
  }
}

function linearFactor(metadata: Metadata, architecture: string): number {
  const type = metadata.raw('rope.scaling.type') ?? 'none';
  if (type === 'linear') return metadata.positive('rope.scaling.factor');
  if (type === 'none') return 1;
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
        `${FREQUENCY_TENSOR} has ${frequencyFactors.length} values, expected ${dimension / 2}`,
      );
    }
    for (const value of frequencyFactors) {
      if (!(value > 0))
        throw new RunproofError('MODEL_SYNTAX', `${FREQUENCY_TENSOR} holds ${value}, expected positive numbers`);
      smallest = Math.min(smallest, value);
    }
  }
  // θ is at most 1 before the divisors, so this bounds every angle. The margin covers the rounding of exp64.
  if (((contextLength - 1) / factor / smallest) * 1.001 >= ANGLE_MAX) {
    throw unsupported(
      `positions up to ${contextLength} with RoPE factor ${factor} and divisor ${smallest} exceed the angle 2^22`,
    );
  }
  return {
    dimension,
    base,
    linearFactor: factor,
    layout: architecture === 'llama' ? 'adjacent' : 'halves',
    frequencyFactors,
  };
}

/**
 * Hyperparameters of `file`. `frequencyFactors` are the values of `rope_freqs.weight`, and must be given exactly when the file
 * has that tensor; `readModelConfig` does that.
 *
 * Errors: `MODEL_UNSUPPORTED` names what the contract does not define, `MODEL_SYNTAX` what is missing or contradicts itself.
 */
export function parseModelConfig(file: GgufFile, frequencyFactors: Float32Array | null = null): ModelConfig {
  if (file.tensors.has(FREQUENCY_TENSOR) !== (frequencyFactors !== null)) {
    throw new RunproofError(
      'INTERNAL',
      `parseModelConfig needs the values of ${FREQUENCY_TENSOR}: use readModelConfig`,
    );
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
  const name = file.metadata.get('general.name');
  return {
    architecture,
    name: typeof name === 'string' ? name : architecture,
    vocabSize: vocabSizeOf(file, metadata),
    contextLength,
    width,
    layers: metadata.count('block_count', LIMITS.layers),
    heads,
    kvHeads,
    headDim,
    ffnWidth: metadata.count('feed_forward_length', LIMITS.ffnWidth),
    // The file holds an f32; a writer that used f64 is rounded here, because §6 adds it in f32.
    rmsEpsilon: Math.fround(metadata.positive('attention.layer_norm_rms_epsilon')),
    rope: ropeOf(metadata, architecture, headDim, contextLength, frequencyFactors),
    tiedOutput: !file.tensors.has('output.weight'),
  };
}

/** `parseModelConfig` after reading the RoPE divisors that the file may hold. Errors as there, and those of `readTensor`. */
export async function readModelConfig(source: ByteSource, file: GgufFile): Promise<ModelConfig> {
  const info = file.tensors.get(FREQUENCY_TENSOR);
  if (info === undefined) return parseModelConfig(file);
  if (info.type !== 'F32') throw unsupported(`tensor ${FREQUENCY_TENSOR} has type ${info.type}; supported is F32`);
  if (info.shape.length !== 1 || (info.shape[0] ?? 0) > LIMITS.headDim / 2) {
    throw new RunproofError(
      'MODEL_SYNTAX',
      `tensor ${FREQUENCY_TENSOR} has shape ${info.shape.join(' x ')}, expected at most ${LIMITS.headDim / 2} values`,
    );
  }
  const bytes = await readTensor(source, info);
  const view = new DataView(bytes.buffer);
  return parseModelConfig(
    file,
    Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true)),
  );
}
