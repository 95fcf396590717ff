// Vocabularies over four letters whose merges and scores come from a seed: merges that rank before those that make their parts, pieces that
// no merge reaches, and many ties.
import { randomWords } from './corpus.ts';
import { byteCharacters, type VocabularyFile } from './train.ts';

const LETTERS = ['a', 'b', 'c', 'é'];

/** `count` texts over the letters of the vocabularies, with spaces and a character that no vocabulary has. */
export function randomWordsOf(seed: number, count: number): string[] {
  const next = randomWords(seed ^ 0x5eed);
  const parts = [...LETTERS, ...LETTERS, 'a', 'a', ' ', '  ', '🙂'];
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + (next() % 50) }, () => parts[next() % parts.length]).join(''),
  );
}

function shuffled<T>(values: readonly T[], next: () => number): T[] {
  const left = [...values];
  return values.map(() => left.splice(next() % left.length, 1)[0] as T);
}

export function randomBytePair(seed: number): VocabularyFile {
  const next = randomWords(seed);
  const characters = byteCharacters();
  const spellings = [...characters];
  const letters = ['a', 'b', 'c', ' ', '\u00c3', '\u00a9'].map((letter) => (letter === ' ' ? 'Ġ' : letter));
  const joined = [...letters];
  const merges = new Set<string>();
  for (let count = 0; count < 40; count += 1) {
    const [left, right] = [joined[next() % joined.length] ?? 'a', joined[next() % joined.length] ?? 'a'];
    if (left.length + right.length > 8) continue;
    merges.add(`${left} ${right}`);
    if (!spellings.includes(left + right)) spellings.push(left + right);
    joined.push(left + right);
  }
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': seed % 2 === 0 ? 'gpt-2' : 'llama-bpe',
    'tokenizer.ggml.tokens': spellings,
    'tokenizer.ggml.token_type': spellings.map(() => 1),
    'tokenizer.ggml.merges': shuffled([...merges], next),
    'tokenizer.ggml.bos_token_id': 0,
    'tokenizer.ggml.eos_token_id': 0,
    'tokenizer.ggml.add_bos_token': seed % 3 === 0,
  };
}

export function randomSentencePiece(seed: number): VocabularyFile {
  const next = randomWords(seed);
  const letters = [...LETTERS, '▁'];
  const pieces = new Set(letters.filter(() => next() % 4 > 0));
  while (pieces.size < 50) {
    pieces.add(Array.from({ length: 1 + (next() % 5) }, () => letters[next() % letters.length]).join(''));
  }
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const spellings = ['<unk>', '<s>', '</s>', ...bytes, ...pieces];
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': spellings,
    'tokenizer.ggml.scores': spellings.map(() => [0, -1, -2.5, -3, 4][next() % 5] ?? 0),
    'tokenizer.ggml.token_type': spellings.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
    'tokenizer.ggml.unknown_token_id': 0,
    'tokenizer.ggml.add_bos_token': seed % 3 === 0,
    'tokenizer.ggml.add_space_prefix': seed % 2 === 0,
  };
}
