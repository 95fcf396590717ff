// Our tokenizers against llama.cpp's on texts that differ from those of the golden vectors, more and longer ones.
import { createTokenizer } from '@runproof/exact';
import type { LlamaModel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPeerVocabulary } from '../peer.ts';
import { vocabularyOf } from '../record.ts';
import { LONG_RUNS, NASTY_TEXTS, randomTexts } from '../tokenizer/corpus.ts';
import { FAMILIES } from '../tokenizer/families.ts';
import { probeVocabulary } from '../tokenizer/train.ts';

describe.each(FAMILIES)('tokenizer $name', (family) => {
  const vocabulary = vocabularyOf(family);
  const tokenizer = createTokenizer(new Map(Object.entries(vocabulary)));
  let peer: LlamaModel;
  beforeAll(async () => {
    peer = await loadPeerVocabulary(family.name, vocabulary);
  });
  afterAll(() => peer.dispose());

  const expectEqual = (texts: readonly string[]): void => {
    for (const text of texts) {
      for (const parseSpecial of [false, true]) {
        const ids = tokenizer.encode(text, { parseSpecial, addBos: false });
        expect({ text, parseSpecial, ids }).toEqual({
          text,
          parseSpecial,
          ids: [...peer.tokenize(text, parseSpecial)],
        });
      }
    }
  };

  it('gives the same ids for nasty texts', () => expectEqual(NASTY_TEXTS));
  it('gives the same ids for long runs', () => expectEqual(LONG_RUNS));
  it('gives the same ids for 1500 random texts', () => expectEqual(randomTexts(20_260_101, 1500, 60)));

  it('ends a generation at the same ids', () => {
    const ends = [...peer.iterateAllTokens()].filter((id) => peer.isEogToken(id));
    expect([...tokenizer.endOfGeneration].sort((left, right) => left - right)).toEqual(ends);
  });
});

describe.each(FAMILIES.filter(({ vocabulary }) => vocabulary === 'byte-pair'))(
  'word boundaries of $name',
  ({ name }) => {
    const vocabulary = probeVocabulary(name);
    const tokenizer = createTokenizer(new Map(Object.entries(vocabulary)));
    let peer: LlamaModel;
    beforeAll(async () => {
      peer = await loadPeerVocabulary(`probe-${name}`, vocabulary);
    });
    afterAll(() => peer.dispose());

    it('are the same around every character', () => {
      let chunk = '';
      const compare = (): void => {
        expect(tokenizer.encode(chunk, { addBos: false })).toEqual([...peer.tokenize(chunk, false)]);
        chunk = '';
      };
      for (let point = 1; point < 0x110000; point += 1) {
        if (point === 0xd800) point = 0xe000;
        // Planes 4 to 13 hold no characters, 15 and 16 only private use.
        if (point === 0x40000) point = 0xe0000;
        if (point === 0xf0100) point = 0x10ff00;
        const character = String.fromCodePoint(point);
        chunk += `a${character}b ${character}${character}1${character}. ${character}  `;
        if (point % 2048 === 0) compare();
      }
      compare();
    });
  },
);
