// Byte-level BPE, `tokenizer.ggml.model` = gpt2: the bytes of a word are joined by the first merge that applies (specs/exact-1.md §12.3).
import { type Metadata, stringList, syntaxError } from './metadata.ts';
import { type MergeRule, PairMerger } from './pair-merger.ts';
import { PRE_TOKENIZERS } from './pre-tokenizers.ts';
import { type FragmentEncoder, requireByteId } from './sentence-piece.ts';
import { classTable, codePointsOf, writeUtf8 } from './unicode.ts';
import { TOKENIZER_LIMITS, type Vocabulary } from './vocabulary.ts';

const PRINTABLE: readonly (readonly [number, number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];

/** The character that spells each byte in a vocabulary: itself where Latin-1 prints it, else U+0100 and up in order. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = PRINTABLE.some(([first, last]) => byte >= first && byte <= last);
    return String.fromCharCode(printable ? byte : 0x100 + others++);
  });
})();

interface Merge {
  readonly rank: number;
  readonly id: number;
}

/** Pairs are keyed by `left · vocabSize + right`, exact in f64: both are below 2^20. */
function readMerges(metadata: Metadata, vocabulary: Vocabulary): Map<number, Merge> {
  const key = 'tokenizer.ggml.merges';
  const { allTokens, textTokens, spellings } = vocabulary;
  const merges = new Map<number, Merge>();
  const lines = stringList(metadata, key, TOKENIZER_LIMITS.merges, 2 * TOKENIZER_LIMITS.spellingLength + 1);
  lines.forEach((line, rank) => {
    const space = line.indexOf(' ', 1);
    const left = line.slice(0, space);
    const right = line.slice(space + 1);
    if (space < 0 || right === '' || right.includes(' '))
      throw syntaxError(key, `merge ${rank} is not two tokens with one space between`);
    for (const spelling of [left, right, left + right]) {
      if (!allTokens.has(spelling))
        throw syntaxError(key, `merge ${rank} needs the token "${spelling}", which does not exist`);
    }
    const ids = [left, right, left + right].map((spelling) => textTokens.get(spelling));
    const [leftId, rightId, id] = ids;
    // Text never becomes a control token, so a merge that makes one, or needs one, does not exist for text.
    if (leftId === undefined || rightId === undefined || id === undefined) return;
    const pair = leftId * spellings.length + rightId;
    if (merges.has(pair)) throw syntaxError(key, `merge ${rank} stands there twice`);
    merges.set(pair, { rank, id });
  });
  return merges;
}

/** Encoder of text without special tokens. */
export function createBytePair(metadata: Metadata, vocabulary: Vocabulary): FragmentEncoder {
  const merges = readMerges(metadata, vocabulary);
  const preTokenizer = PRE_TOKENIZERS.get(vocabulary.preTokenizer);
  if (preTokenizer === undefined) throw syntaxError('tokenizer.ggml.pre', 'unknown');
  const { textTokens, longest } = vocabulary;
  const vocabSize = vocabulary.spellings.length;
  const byteIds = Int32Array.from(BYTE_CHARACTERS, (character) => textTokens.get(character) ?? -1);
  const merger = new PairMerger();
  let ids = new Int32Array(64);
  const rule: MergeRule = {
    rank: (left, right) => merges.get((ids[left] ?? 0) * vocabSize + (ids[right] ?? 0))?.rank ?? -1,
    join(left, right) {
      ids[left] = merges.get((ids[left] ?? 0) * vocabSize + (ids[right] ?? 0))?.id ?? -1;
    },
  };
  const encodeWord = (bytes: Uint8Array, output: number[]): void => {
    if (preTokenizer.ignoreMerges && bytes.length <= longest) {
      const whole = textTokens.get(Array.from(bytes, (byte) => BYTE_CHARACTERS[byte]).join(''));
      if (whole !== undefined) {
        output.push(whole);
        return;
      }
    }
    if (ids.length < bytes.length) ids = new Int32Array(bytes.length);
    bytes.forEach((byte, index) => {
      ids[index] = requireByteId(byteIds, byte);
    });
    merger.merge(bytes.length, rule);
    for (let left = 0; left < bytes.length; left = merger.next[left] ?? bytes.length) output.push(ids[left] ?? 0);
  };
  return (text, output) => {
    const points = codePointsOf(text);
    const table = classTable();
    const classes = Uint8Array.from(points, (point) => table[point] ?? 0);
    const ends: number[] = [];
    preTokenizer.scan({ points, classes }, 0, points.length, ends);
    const bytes = new Uint8Array(4 * points.length);
    let position = 0;
    for (const end of ends) {
      let length = 0;
      for (; position < end; position += 1) length = writeUtf8(points[position] ?? 0, bytes, length);
      encodeWord(bytes.subarray(0, length), output);
    }
  };
}
