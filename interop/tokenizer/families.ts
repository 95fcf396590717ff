// The tokenizers that are compared: a vocabulary, and what of its metadata is changed.
import type { VocabularyFile } from './train.ts';

export interface TokenizerFamily {
  /** name of the vector file */
  readonly name: string;
  readonly vocabulary: 'byte-pair' | 'sentence-piece';
  readonly changes: VocabularyFile;
}

export const FAMILIES: readonly TokenizerFamily[] = [
  { name: 'gpt-2', vocabulary: 'byte-pair', changes: { 'tokenizer.ggml.pre': 'gpt-2' } },
  { name: 'llama-bpe', vocabulary: 'byte-pair', changes: { 'tokenizer.ggml.pre': 'llama-bpe' } },
  { name: 'qwen2', vocabulary: 'byte-pair', changes: { 'tokenizer.ggml.pre': 'qwen2' } },
  { name: 'smollm', vocabulary: 'byte-pair', changes: { 'tokenizer.ggml.pre': 'smollm' } },
  { name: 'dbrx', vocabulary: 'byte-pair', changes: { 'tokenizer.ggml.pre': 'dbrx' } },
  { name: 'default', vocabulary: 'byte-pair', changes: { 'tokenizer.ggml.pre': 'default' } },
  { name: 'sentence-piece', vocabulary: 'sentence-piece', changes: {} },
  {
    name: 'sentence-piece-no-prefix',
    vocabulary: 'sentence-piece',
    changes: { 'tokenizer.ggml.add_space_prefix': false },
  },
];
