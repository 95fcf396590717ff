// The seams inside the engine: the scalar oracle and the Wasm engine both implement `ExactModel`, and generation, replay and tests
// are written against it.

/** Random access to the bytes of a model file. The only way in which this package reaches data. */
export interface ByteSource {
  /** total number of bytes */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; rejects when they are not there. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export const TENSOR_TYPES = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'IQ4_NL',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
] as const;
export type TensorType = (typeof TENSOR_TYPES)[number];

export const ARCHITECTURES = ['llama', 'qwen2', 'qwen3', 'smollm3', 'granite', 'phi3', 'gemma2', 'gemma3'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** What may differ from layer to layer (specs/exact-1.md §6). */
export interface LayerKind {
  /** `global`: `rope` of the configuration; `local`: its `localRope` */
  readonly rope: 'global' | 'local' | 'none';
  /** positions that a query sees, its own included; null: all */
  readonly window: number | null;
}

/** Hyperparameters that the contract needs (specs/exact-1.md §6), read from GGUF metadata. */
export interface ModelConfig {
  readonly architecture: Architecture;
  readonly name: string;
  readonly vocabSize: number;
  readonly contextLength: number;
  /** residual width, n_embd */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly ffnWidth: number;
  readonly rmsEpsilon: number;
  readonly rope: {
    readonly dimension: number;
    readonly base: number;
    /** 1 when there is no linear scaling */
    readonly linearFactor: number;
    /** `adjacent`: pairs (2i, 2i+1); `halves`: pairs (i, i + dimension/2) */
    readonly layout: 'adjacent' | 'halves';
    /** f64 factor of every cosine and sine; 1 where the model has none */
    readonly magnitude: number;
    /** dimension/2 divisors: llama3 scaling (`rope_freqs.weight`) or longrope (`rope_factors_long.weight`, `_short`) */
    readonly frequencyFactors: Float32Array | null;
  };
  /** RoPE of the layers of kind `local` */
  readonly localRope: ModelConfig['rope'] | null;
  readonly layerKinds: readonly LayerKind[];
  readonly activation: 'silu' | 'gelu';
  /** f32 factors; 1 where the model has none. `score` is the scale of §6 step 5. */
  readonly scales: {
    readonly embedding: number;
    readonly residual: number;
    readonly score: number;
    readonly logits: number;
  };
  /** f32 soft caps (§5.6); null where the model has none */
  readonly caps: { readonly score: number | null; readonly logits: number | null };
  readonly tiedOutput: boolean;
}

/** A loaded model under contract exact-1. Calls are synchronous: the host decides in which thread they run. */
export interface ExactModel {
  readonly config: ModelConfig;
  /** Room for `capacity` positions, at most the context length. */
  createSequence(capacity: number): Sequence;
}

/** One sequence with its K and V cache. */
export interface Sequence {
  /** positions held */
  readonly length: number;
  readonly capacity: number;
  /**
   * Appends `ids` and returns the logits of `ids[logitsFrom]` and all after it, one Float32Array(vocabSize) per id; the
   * arrays belong to the caller. `logitsFrom >= ids.length` returns none.
   */
  extend(ids: readonly number[], logitsFrom: number): Float32Array[];
  /** Forgets positions from `length` on. */
  truncate(length: number): void;
  release(): void;
}

/** Byte-exact tokenizer read from GGUF metadata. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** ids that end a generation */
  readonly endOfGeneration: ReadonlySet<number>;
  /** Ids of `text`. Spellings of control tokens are ordinary text unless `parseSpecial`. `addBos` follows the file by default. */
  encode(text: string, options?: { parseSpecial?: boolean; addBos?: boolean }): number[];
  /** Bytes of one id; control tokens have none unless `special`. */
  decodeToken(id: number, options?: { special?: boolean }): Uint8Array;
  /**
   * Bytes of all ids, exactly those of `decodeToken` one after the other. With `start`, `ids` are what `encode` gave for a whole text, and
   * the spaces that SentencePiece puts in front of it and behind special tokens are taken off again.
   */
  decode(ids: readonly number[], options?: { special?: boolean; start?: boolean }): Uint8Array;
}

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** The model's own chat template. */
export interface ChatTemplate {
  /** Prompt ids of a conversation; text of messages never becomes a control token. Throws `MODEL_TEMPLATE`. */
  encode(messages: readonly ChatMessage[], options: { addGenerationPrompt: boolean }): number[];
}
