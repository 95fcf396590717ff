// Every pre-tokenizer name that we accept, and random vocabularies, against llama.cpp.
import { createTokenizer } from '@runproof/exact';
import { describe, expect, it } from 'vitest';
import { PRE_TOKENIZERS } from '../../packages/exact/src/tokenizer/pre-tokenizers.ts';
import { loadPeerVocabulary } from '../peer.ts';
import { vocabularyOf } from '../record.ts';
import { NASTY_TEXTS, randomTexts } from '../tokenizer/corpus.ts';
import { randomBytePair, randomSentencePiece, randomWordsOf } from '../tokenizer/random-vocabulary.ts';
import type { VocabularyFile } from '../tokenizer/train.ts';

async function expectEqual(name: string, vocabulary: VocabularyFile, texts: readonly string[]): Promise<void> {
  const tokenizer = createTokenizer(new Map(Object.entries(vocabulary)));
  const peer = await loadPeerVocabulary(name, vocabulary);
  try {
    for (const text of texts) {
      const ids = tokenizer.encode(text, { addBos: false });
      expect({ name, text, ids }).toEqual({ name, text, ids: [...peer.tokenize(text, false)] });
    }
    const begins = tokenizer.encode('a')[0] === peer.tokens.bos;
    expect({ name, begins }).toEqual({ name, begins: peer.tokens.shouldPrependBosToken });
  } finally {
    await peer.dispose();
  }
}

describe('pre-tokenizer', () => {
  const { 'tokenizer.ggml.add_bos_token': _, ...silent } = vocabularyOf({
    name: 'silent about BOS',
    vocabulary: 'byte-pair',
    changes: {},
  });
  it.each([...PRE_TOKENIZERS.keys()])('%s', async (name) => {
    await expectEqual(`pre-${name}`, { ...silent, 'tokenizer.ggml.pre': name }, [
      ...NASTY_TEXTS,
      ...randomTexts(11, 100, 40),
    ]);
  });
});

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

describe('random vocabularies', () => {
  it.each(SEEDS)('byte-level BPE from seed %d', async (seed) => {
    await expectEqual(`random-bpe-${seed}`, randomBytePair(seed), randomWordsOf(seed, 60));
  });
  it.each(SEEDS)('SentencePiece from seed %d', async (seed) => {
    await expectEqual(`random-spm-${seed}`, randomSentencePiece(seed), randomWordsOf(seed, 60));
  });
});
