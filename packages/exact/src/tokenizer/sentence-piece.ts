// SentencePiece-style tokenizer, `tokenizer.ggml.model` = llama: characters are joined to the token with the best score (specs/exact-1.md §12.3).
import { RunproofError } from '@runproof/protocol';
import { type Metadata, numberList } from './metadata.ts';
import { type MergeRule, PairMerger } from './pair-merger.ts';
import { codePointsOf, writeUtf8 } from './unicode.ts';
import type { Vocabulary } from './vocabulary.ts';

/** U+2581 stands for a space inside of tokens. */
export const SPACE_MARK = '\u2581';

export type FragmentEncoder = (text: string, output: number[]) => void;

/** Rank of each id when its text is joined: 0 for the best score; equal scores have equal ranks. */
function ranksOf(scores: readonly number[]): Int32Array {
  const rankOfScore = new Map(
    [...new Set(scores)].sort((left, right) => right - left).map((score, rank) => [score, rank]),
  );
  return Int32Array.from(scores, (score) => rankOfScore.get(score) ?? -1);
}

/** Encoder of text without special tokens. `byteIds[b]` is the token of byte b, or -1. */
export function createSentencePiece(metadata: Metadata, vocabulary: Vocabulary, byteIds: Int32Array): FragmentEncoder {
  const { textTokens, longest } = vocabulary;
  const ranks = ranksOf(numberList(metadata, 'tokenizer.ggml.scores', vocabulary.spellings.length));
  const merger = new PairMerger();
  return (text, output) => {
    const marked = text.replaceAll(' ', SPACE_MARK);
    const points = codePointsOf(marked);
    const count = points.length;
    /** UTF-16 position of every character, and the end of the text */
    const positions = new Int32Array(count + 1);
    points.forEach((point, index) => {
      positions[index + 1] = (positions[index] ?? 0) + (point > 0xffff ? 2 : 1);
    });
    const textOf = (left: number, end: number): string => marked.slice(positions[left], positions[end]);
    const rule: MergeRule = {
      rank(left, right) {
        const end = merger.next[right] ?? count;
        if ((positions[end] ?? 0) - (positions[left] ?? 0) > longest) return -1;
        const id = textTokens.get(textOf(left, end));
        return id === undefined ? -1 : (ranks[id] ?? -1);
      },
      join() {},
    };
    merger.merge(count, rule);
    for (let left = 0; left < count; left = merger.next[left] ?? count) {
      const id = textTokens.get(textOf(left, merger.next[left] ?? count));
      if (id !== undefined) output.push(id);
      else appendBytes(points[left] ?? 0, byteIds, output);
    }
  };
}

/** A character that is no token is spelled out as its UTF-8 bytes. */
function appendBytes(point: number, byteIds: Int32Array, output: number[]): void {
  const bytes = new Uint8Array(4);
  const length = writeUtf8(point, bytes, 0);
  for (const byte of bytes.subarray(0, length)) output.push(requireByteId(byteIds, byte));
}

/** Token of `byte`; a text that the vocabulary cannot spell is refused, never shortened. */
export function requireByteId(byteIds: Int32Array, byte: number): number {
  const id = byteIds[byte] ?? -1;
  if (id >= 0) return id;
  const hex = byte.toString(16).toUpperCase().padStart(2, '0');
  throw new RunproofError('PARAMETER_INVALID', `the text cannot be spelled: the model has no token for byte 0x${hex}`, {
    byte,
  });
}
