// Random models of every supported shape and type, from a seed: what the tests of both engines, and of the peers, run on.
import type { Architecture, TensorType } from '../interfaces.ts';
import { TRAITS } from '../model/architectures.ts';
import { BYTE_VOCABULARY, byteVocabulary } from './byte-vocabulary.ts';
import { encodeTensor } from './quantize.ts';
import { SeededRandom } from './random.ts';
import { type GgufMetadataValue, type GgufTensor, writeGguf } from './write-gguf.ts';

export interface RandomModelOptions {
  readonly seed: number;
  readonly architecture: Architecture;
  /** type of every matrix */
  readonly type: TensorType;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly ffnWidth: number;
  /** from 259 on the file also has a byte vocabulary and a chat template */
  readonly vocabSize: number;
  /** width / heads when absent */
  readonly headDim?: number;
  /** headDim when absent */
  readonly ropeDimension?: number;
  readonly ropeBase?: number;
  /** factor of linear RoPE scaling */
  readonly ropeLinear?: number;
  /** adds rope_freqs.weight (llama only) */
  readonly ropeFreqs?: boolean;
  /** no output.weight: the embedding serves as output matrix */
  readonly tied?: boolean;
  /** 512 when absent */
  readonly contextLength?: number;
  /** longrope (phi3 only): rope_factors_long.weight and _short, with this original context length */
  readonly originalContext?: number;
  /** attention.sliding_window; 16 when absent (gemma only) */
  readonly window?: number;
  /** type of the embedding and output matrices when it differs from `type` */
  readonly embeddingType?: TensorType;
  /** types of single matrices, by the middle part of their names: `attn_v`, `ffn_down`, `token_embd`, `output` */
  readonly types?: Readonly<Record<string, TensorType>>;
}

/** Keys that only some architectures have (specs/exact-1.md §6.8), with values that are far from neutral. */
function ownKeys({ architecture, window, originalContext }: RandomModelOptions): Map<string, GgufMetadataValue> {
  const keys = new Map<string, GgufMetadataValue>();
  const f32 = (key: string, value: number): void => {
    keys.set(`${architecture}.${key}`, { type: 'f32', value });
  };
  if (architecture === 'granite') {
    f32('attention.scale', 0.3);
    f32('embedding_scale', 3);
    f32('residual_scale', 0.4);
    f32('logit_scale', 5);
  }
  if (TRAITS[architecture].globalEvery !== null)
    keys.set(`${architecture}.attention.sliding_window`, { type: 'u32', value: window ?? 16 });
  if (originalContext !== undefined) {
    keys.set(`${architecture}.rope.scaling.original_context_length`, { type: 'u32', value: originalContext });
    f32('rope.scaling.attn_factor', 1.19);
  }
  if (architecture === 'gemma2') f32('attn_logit_softcapping', 3);
  if (architecture === 'gemma2' || architecture === 'gemma3') f32('final_logit_softcapping', 4);
  return keys;
}

function metadataOf(options: RandomModelOptions, headDim: number): Map<string, GgufMetadataValue> {
  const { architecture } = options;
  const u32 = (value: number): GgufMetadataValue => ({ type: 'u32', value });
  const metadata = new Map<string, GgufMetadataValue>([
    ['general.architecture', { type: 'string', value: architecture }],
    ['general.name', { type: 'string', value: `random-${options.seed}` }],
    [`${architecture}.context_length`, u32(options.contextLength ?? 512)],
    [`${architecture}.embedding_length`, u32(options.width)],
    [`${architecture}.block_count`, u32(options.layers)],
    [`${architecture}.feed_forward_length`, u32(options.ffnWidth)],
    [`${architecture}.attention.head_count`, u32(options.heads)],
    [`${architecture}.attention.head_count_kv`, u32(options.kvHeads)],
    [`${architecture}.attention.key_length`, u32(headDim)],
    [`${architecture}.attention.value_length`, u32(headDim)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, { type: 'f32', value: 1e-5 }],
    [`${architecture}.rope.dimension_count`, u32(options.ropeDimension ?? headDim)],
    [`${architecture}.rope.freq_base`, { type: 'f32', value: options.ropeBase ?? 10_000 }],
    [`${architecture}.vocab_size`, u32(options.vocabSize)],
  ]);
  if (options.ropeLinear !== undefined) {
    metadata.set(`${architecture}.rope.scaling.type`, { type: 'string', value: 'linear' });
    metadata.set(`${architecture}.rope.scaling.factor`, { type: 'f32', value: options.ropeLinear });
  }
  for (const [key, value] of ownKeys(options)) metadata.set(key, value);
  if (options.vocabSize >= BYTE_VOCABULARY.smallest)
    for (const [key, value] of byteVocabulary(options.vocabSize)) metadata.set(key, value);
  return metadata;
}

function tensorsOf(options: RandomModelOptions, headDim: number): GgufTensor[] {
  const random = new SeededRandom(options.seed);
  const { width, ffnWidth, vocabSize } = options;
  const queries = options.heads * headDim;
  const keys = options.kvHeads * headDim;
  const traits = TRAITS[options.architecture];
  const tensors: GgufTensor[] = [];
  const matrix = (name: string, cols: number, rows: number, deviation: number, usual = options.type): void => {
    const type = options.types?.[name.split('.').at(-2) ?? ''] ?? usual;
    tensors.push({ name, type, shape: [cols, rows], data: encodeTensor(type, random.values(cols * rows, deviation)) });
  };
  const vector = (name: string, values: Float32Array): void => {
    tensors.push({ name, type: 'F32', shape: [values.length], data: encodeTensor('F32', values) });
  };
  const embeddingType = options.embeddingType ?? options.type;
  matrix('token_embd.weight', width, vocabSize, options.tied === true ? 1 / Math.sqrt(width) : 1, embeddingType);
  if (options.ropeFreqs === true) {
    const half = (options.ropeDimension ?? headDim) / 2;
    // Divisors from 1 to 8, as llama3 scaling has them: low frequencies are stretched.
    vector(
      'rope_freqs.weight',
      Float32Array.from({ length: half }, (_, index) => 1 + (7 * index) / half),
    );
  }
  if (options.originalContext !== undefined) {
    const pairs = (options.ropeDimension ?? headDim) / 2;
    const factors = (step: number): Float32Array =>
      Float32Array.from({ length: pairs }, (_, index) => 1 + step * index);
    vector('rope_factors_long.weight', factors(3));
    vector('rope_factors_short.weight', factors(0.1));
  }
  for (let layer = 0; layer < options.layers; layer += 1) {
    const name = (part: string): string => `blk.${layer}.${part}`;
    vector(name('attn_norm.weight'), random.values(width, 0.1, 1));
    if (traits.isFused) matrix(name('attn_qkv.weight'), width, queries + 2 * keys, 1.25 / Math.sqrt(width));
    else {
      matrix(name('attn_q.weight'), width, queries, 1.5 / Math.sqrt(width));
      matrix(name('attn_k.weight'), width, keys, 1.5 / Math.sqrt(width));
      matrix(name('attn_v.weight'), width, keys, 1 / Math.sqrt(width));
    }
    if (traits.headNorms) {
      vector(name('attn_q_norm.weight'), random.values(headDim, 0.1, 1));
      vector(name('attn_k_norm.weight'), random.values(headDim, 0.1, 1));
    }
    if (options.architecture === 'qwen2') {
      vector(name('attn_q.bias'), random.values(queries, 0.2));
      vector(name('attn_k.bias'), random.values(keys, 0.2));
      vector(name('attn_v.bias'), random.values(keys, 0.2));
    }
    matrix(name('attn_output.weight'), queries, width, 1 / Math.sqrt(queries));
    if (traits.postNorms) vector(name('post_attention_norm.weight'), random.values(width, 0.1, 1));
    vector(name('ffn_norm.weight'), random.values(width, 0.1, 1));
    if (!traits.isFused) matrix(name('ffn_gate.weight'), width, ffnWidth, 1 / Math.sqrt(width));
    matrix(name('ffn_up.weight'), width, traits.isFused ? 2 * ffnWidth : ffnWidth, 1 / Math.sqrt(width));
    matrix(name('ffn_down.weight'), ffnWidth, width, 1 / Math.sqrt(ffnWidth));
    if (traits.postNorms) vector(name('post_ffw_norm.weight'), random.values(width, 0.1, 1));
  }
  vector('output_norm.weight', random.values(width, 0.1, 1));
  if (options.tied !== true) matrix('output.weight', width, vocabSize, 2 / Math.sqrt(width), embeddingType);
  return tensors;
}

/** Bytes of a GGUF file with random weights; the same options give the same bytes. */
export function randomModel(options: RandomModelOptions): Uint8Array<ArrayBuffer> {
  const headDim = options.headDim ?? options.width / options.heads;
  return writeGguf({ metadata: metadataOf(options, headDim), tensors: tensorsOf(options, headDim) });
}
