import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PairMerger } from './pair-merger.ts';

/** Merges over letters: rank of a pair of strings. */
function mergeLetters(text: string, ranks: ReadonlyMap<string, number>): { words: string[]; ranked: number } {
  const symbols = Array.from(text);
  const merger = new PairMerger();
  let ranked = 0;
  merger.merge(symbols.length, {
    rank(left, right) {
      ranked += 1;
      return ranks.get(`${symbols[left]} ${symbols[right]}`) ?? -1;
    },
    join(left, right) {
      symbols[left] = `${symbols[left]}${symbols[right]}`;
    },
  });
  const words: string[] = [];
  for (let index = 0; index < symbols.length; index = merger.next[index] ?? symbols.length)
    words.push(symbols[index] ?? '');
  return { words, ranked };
}

/** The same by its definition: again and again the pair of lowest rank, the leftmost of those. */
function mergeSlowly(text: string, ranks: ReadonlyMap<string, number>): string[] {
  const symbols = Array.from(text);
  for (;;) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let index = 0; index + 1 < symbols.length; index += 1) {
      const rank = ranks.get(`${symbols[index]} ${symbols[index + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < bestRank) [best, bestRank] = [index, rank];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
  }
}

it('joins as the definition says, with equal ranks too', () => {
  const part = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
  const ranks = fc.array(fc.tuple(part, part, fc.nat(4)), { maxLength: 16 });
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 24 }), ranks, (text, entries) => {
      const table = new Map(entries.map(([left, right, rank]) => [`${left} ${right}`, rank]));
      expect(mergeLetters(text, table).words).toEqual(mergeSlowly(text, table));
    }),
    { numRuns: 1000 },
  );
});

it('asks for the rank of at most three pairs per symbol, however long the run', () => {
  const ranks = new Map(
    Array.from({ length: 18 }, (_, level) => [`${'a'.repeat(2 ** level)} ${'a'.repeat(2 ** level)}`, level]),
  );
  const { words, ranked } = mergeLetters('a'.repeat(2 ** 17), ranks);
  expect(words).toEqual(['a'.repeat(2 ** 17)]);
  expect(ranked).toBeLessThan(3 * 2 ** 17);
});

it('handles nothing and one symbol', () => {
  expect(mergeLetters('', new Map()).words).toEqual([]);
  expect(mergeLetters('a', new Map()).words).toEqual(['a']);
});
