// Special tokens are found in a text before anything else (specs/exact-1.md §12.4): user-defined ones always, control and unknown ones only
// where the caller wrote them itself.
import { utf8 } from '@runproof/protocol';
import { TOKEN_TYPE, type Vocabulary } from './vocabulary.ts';

/** A stretch of ordinary text, or the id of a special token. */
type Piece = string | number;

export interface SpecialToken {
  readonly id: number;
  readonly spelling: string;
  /** a control or unknown token: text that a user wrote never becomes one */
  readonly control: boolean;
}

/** The special tokens of a vocabulary in the order in which they are looked for: longest first in bytes, then by id. */
export function specialTokensOf({ spellings, types }: Vocabulary): readonly SpecialToken[] {
  const found: { token: SpecialToken; bytes: number }[] = [];
  spellings.forEach((spelling, id) => {
    const control = types[id] === TOKEN_TYPE.control || types[id] === TOKEN_TYPE.unknown;
    if (spelling === '' || !(control || types[id] === TOKEN_TYPE.userDefined)) return;
    found.push({ token: { id, spelling, control }, bytes: utf8(spelling).length });
  });
  found.sort((left, right) => right.bytes - left.bytes || left.token.id - right.token.id);
  return found.map(({ token }) => token);
}

/**
 * Cuts `text` at the special tokens. Each token in turn takes its occurrences from left to right in what the tokens before it left over.
 * Control tokens are looked for only with `parseSpecial`, and never where they contain a character of `userEnds`: the ascending positions
 * behind characters that a user wrote.
 */
export function partition(
  text: string,
  tokens: readonly SpecialToken[],
  parseSpecial: boolean,
  userEnds: readonly number[] = [],
): Piece[] {
  if (text === '') return [];
  /** start → [end, id] of the matches so far; `owner` tells which positions are taken */
  const matches: { start: number; end: number; id: number }[] = [];
  let owner: Int32Array | null = null;
  for (const { id, spelling, control } of tokens) {
    if (control && !parseSpecial) continue;
    for (let start = text.indexOf(spelling); start >= 0; ) {
      const end = start + spelling.length;
      const taken = owner === null ? 0 : takenEnd(owner, start, end);
      if (taken > 0) start = text.indexOf(spelling, taken);
      else if (control && containsAny(userEnds, start, end)) start = text.indexOf(spelling, start + 1);
      else {
        owner ??= new Int32Array(text.length);
        owner.fill(end, start, end);
        matches.push({ start, end, id });
        start = text.indexOf(spelling, end);
      }
    }
  }
  return piecesOf(text, matches);
}

/** End of a match that covers a position in [start, end), or 0. A match is taken whole, so looking at both edges and inside is enough. */
function takenEnd(owner: Int32Array, start: number, end: number): number {
  for (let position = start; position < end; position += 1) if ((owner[position] ?? 0) > 0) return owner[position] ?? 0;
  return 0;
}

/** True when some of the ascending `positions` lies in (start, end]. */
function containsAny(positions: readonly number[], start: number, end: number): boolean {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((positions[middle] ?? 0) <= start) low = middle + 1;
    else high = middle;
  }
  return low < positions.length && (positions[low] ?? 0) <= end;
}

function piecesOf(text: string, matches: { start: number; end: number; id: number }[]): Piece[] {
  matches.sort((left, right) => left.start - right.start);
  const pieces: Piece[] = [];
  let position = 0;
  for (const { start, end, id } of matches) {
    if (start > position) pieces.push(text.slice(position, start));
    pieces.push(id);
    position = end;
  }
  if (position < text.length) pieces.push(text.slice(position));
  return pieces;
}
