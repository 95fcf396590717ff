// What sets the architectures apart (specs/exact-1.md §6.8). Everything else is common to them.
import type { Architecture, ModelConfig } from '../interfaces.ts';

export interface Traits {
  readonly pairs: ModelConfig['rope']['layout'];
  /** biases of Q, K and V */
  readonly biases: 'required' | 'optional' | 'none';
  readonly activation: ModelConfig['activation'];
  /** `attn_q_norm` and `attn_k_norm` */
  readonly headNorms: boolean;
  /** `post_attention_norm` and `post_ffw_norm` */
  readonly postNorms: boolean;
  /** `attn_qkv` and a double `ffn_up` instead of separate matrices */
  readonly isFused: boolean;
  /** every n-th layer has no RoPE; null: all have it */
  readonly ropeFreeEvery: number | null;
  /** every n-th layer sees all positions, the others a window; null: all see all */
  readonly globalEvery: number | null;
  /** keys that this architecture gives a meaning, or that its models hold without one; for others they are refused */
  readonly keys: readonly string[];
}

const COMMON: Traits = {
  pairs: 'adjacent',
  biases: 'none',
  activation: 'silu',
  headNorms: false,
  postNorms: false,
  isFused: false,
  ropeFreeEvery: null,
  globalEvery: null,
  keys: [],
};

const GEMMA: Traits = { ...COMMON, pairs: 'halves', activation: 'gelu', postNorms: true };
const GEMMA_KEYS = ['attention.sliding_window', 'attention.sliding_window_pattern', 'final_logit_softcapping'];

export const TRAITS: Readonly<Record<Architecture, Traits>> = {
  llama: { ...COMMON, biases: 'optional' },
  qwen2: { ...COMMON, pairs: 'halves', biases: 'required' },
  qwen3: { ...COMMON, pairs: 'halves', headNorms: true },
  smollm3: { ...COMMON, ropeFreeEvery: 4 },
  granite: {
    ...COMMON,
    biases: 'optional',
    keys: ['attention.scale', 'embedding_scale', 'logit_scale', 'residual_scale'],
  },
  phi3: { ...COMMON, pairs: 'halves', isFused: true, keys: ['attention.sliding_window', 'rope.scaling.attn_factor'] },
  gemma2: {
    ...GEMMA,
    globalEvery: 2,
    keys: [...GEMMA_KEYS, 'attn_logit_softcapping'],
  },
  gemma3: {
    ...GEMMA,
    headNorms: true,
    globalEvery: 6,
    keys: [...GEMMA_KEYS, 'rope.freq_base_swa'],
  },
};
