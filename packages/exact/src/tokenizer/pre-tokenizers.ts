// Pre-tokenizers of byte-level BPE: they cut a text into the words inside of which merges happen (specs/exact-1.md §12.2).
//
// Written as scanners over code points, not as regular expressions: the Unicode tables are the contract's own, and no input makes them
// backtrack. Each comment shows the expression that a scanner stands for.
import { LETTER, NUMBER, OTHER, PUNCTUATION, WHITESPACE } from './unicode.ts';

/** A text as code points, and the class of each. */
interface Characters {
  readonly points: Uint32Array;
  readonly classes: Uint8Array;
}

/** Appends the end of every word of `characters[start, end)` to `ends`; the words lie side by side and cover the range. */
type Scanner = (characters: Characters, start: number, end: number, ends: number[]) => void;

interface PreTokenizer {
  readonly scan: Scanner;
  /** a word that is a token as a whole is taken as it is, without merges */
  readonly ignoreMerges: boolean;
  /** whether a sequence begins with BOS when the file does not say */
  readonly addBos: boolean;
}

const OUTSIDE = -1;
const SPACE = 0x20;
const APOSTROPHE = 0x27;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

const isSymbol = (kind: number): boolean => kind === OTHER || kind === PUNCTUATION;
const isLineEnd = (point: number | undefined): boolean => point === LINE_FEED || point === CARRIAGE_RETURN;
const lower = (point: number): number => (point >= 0x41 && point <= 0x5a ? point | 0x20 : point);

/** Length of `'s|'t|'re|'ve|'m|'ll|'d` at `position`, or 0. `fold` allows ASCII capitals. */
function contraction({ points }: Characters, position: number, end: number, fold: boolean): number {
  if (points[position] !== APOSTROPHE || position + 1 >= end) return 0;
  const letterAt = (index: number): string => {
    const point = points[index] ?? 0;
    return index < end && point < 0x80 ? String.fromCharCode(fold ? lower(point) : point) : '';
  };
  const first = letterAt(position + 1);
  if (first !== '' && 'stmd'.includes(first)) return 2;
  return ['re', 've', 'll'].includes(first + letterAt(position + 2)) ? 3 : 0;
}

/** First position from `position` on whose class does not satisfy `wanted`. */
function skip({ classes }: Characters, position: number, end: number, wanted: (kind: number) => boolean): number {
  let next = position;
  while (next < end && wanted(classes[next] ?? OUTSIDE)) next += 1;
  return next;
}

/** `\s+(?!\S)|\s+`: all white space before a word but its last character, all of it before the end. */
function endOfSpaces(characters: Characters, position: number, end: number): number {
  const next = skip(characters, position, end, (kind) => kind === WHITESPACE);
  return next < end && next - position > 1 ? next - 1 : next;
}

/** GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` */
function scanGpt2(characters: Characters, start: number, end: number, ends: number[]): void {
  const { points, classes } = characters;
  for (let position = start; position < end; ends.push(position)) {
    const short = contraction(characters, position, end, false);
    if (short > 0) {
      position += short;
      continue;
    }
    const word = points[position] === SPACE ? position + 1 : position;
    const kind = word < end ? (classes[word] ?? OUTSIDE) : OUTSIDE;
    if (kind === LETTER || kind === NUMBER) position = skip(characters, word, end, (other) => other === kind);
    else if (isSymbol(kind)) position = skip(characters, word, end, isSymbol);
    else position = endOfSpaces(characters, position, end);
  }
}

/**
 * Llama 3 and Qwen 2, which differ in how many digits make a word:
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
function scanLlama3(digits: number): Scanner {
  return (characters, start, end, ends) => {
    for (let position = start; position < end; ends.push(position)) {
      position += contraction(characters, position, end, true) || wordLength(characters, position, end, digits);
    }
  };
}

function wordLength(characters: Characters, position: number, end: number, digits: number): number {
  const { points, classes } = characters;
  const kind = classes[position] ?? OUTSIDE;
  const following = position + 1 < end ? (classes[position + 1] ?? OUTSIDE) : OUTSIDE;
  if (kind === LETTER || (following === LETTER && kind !== NUMBER && !isLineEnd(points[position]))) {
    return skip(characters, position + 1, end, (other) => other === LETTER) - position;
  }
  if (kind === NUMBER)
    return skip(characters, position, Math.min(end, position + digits), (other) => other === NUMBER) - position;
  const spaced = points[position] === SPACE;
  if (isSymbol(spaced ? following : kind)) {
    let next = skip(characters, position + 1, end, isSymbol);
    while (next < end && isLineEnd(points[next])) next += 1;
    return next - position;
  }
  const spacesEnd = skip(characters, position, end, (other) => other === WHITESPACE);
  for (let last = spacesEnd - 1; last >= position; last -= 1) if (isLineEnd(points[last])) return last + 1 - position;
  return endOfSpaces(characters, position, end) - position;
}

/** Cuts every range of `from` into the maximal runs of characters that satisfy `wanted`, and what lies between them. */
function cutRuns(start: number, from: readonly number[], wanted: (position: number) => boolean): number[] {
  const ends: number[] = [];
  let position = start;
  for (const end of from) {
    for (let run = position; run < end; run = position) {
      const inside = wanted(run);
      while (position < end && wanted(position) === inside) position += 1;
      ends.push(position);
    }
  }
  return ends;
}

function scanWithin(scan: Scanner, characters: Characters, start: number, from: readonly number[]): number[] {
  const ends: number[] = [];
  let position = start;
  for (const end of from) {
    scan(characters, position, end, ends);
    position = end;
  }
  return ends;
}

/** Every `\p{N}` on its own, then GPT-2 between them. */
function scanSingleDigits(characters: Characters, start: number, end: number, ends: number[]): void {
  let position = start;
  while (position < end) {
    const number = skip(characters, position, end, (kind) => kind !== NUMBER);
    if (number > position) scanGpt2(characters, position, number, ends);
    position = number;
    if (position === end) return;
    position += 1;
    ends.push(position);
  }
}

/** `[0-9][0-9][0-9]` from the left of every range of `from`, and what lies between. */
function cutTriples({ points }: Characters, start: number, from: readonly number[]): number[] {
  const digit = (position: number): boolean => (points[position] ?? 0) >= 0x30 && (points[position] ?? 0) <= 0x39;
  const ends: number[] = [];
  let wordStart = start;
  for (const end of from) {
    for (let position = wordStart; position + 2 < end; ) {
      if (!digit(position) || !digit(position + 1) || !digit(position + 2)) {
        position += 1;
        continue;
      }
      if (position > wordStart) ends.push(position);
      position += 3;
      ends.push(position);
      wordStart = position;
    }
    if (wordStart < end) ends.push(end);
    wordStart = end;
  }
  return ends;
}

const DOLLAR_TO_BAR = new Set(Array.from('$+<=>^~|', (character) => character.charCodeAt(0)));

/** llama.cpp's fallback, four cuts one after the other: `[\p{P}$+<=>^~|]+`, GPT-2, `\p{N}+`, `[0-9][0-9][0-9]`. */
function scanDefault(characters: Characters, start: number, end: number, ends: number[]): void {
  const { points, classes } = characters;
  const marks = cutRuns(start, [end], (at) => classes[at] === PUNCTUATION || DOLLAR_TO_BAR.has(points[at] ?? 0));
  const words = scanWithin(scanGpt2, characters, start, marks);
  const numbers = cutRuns(start, words, (at) => classes[at] === NUMBER);
  for (const cut of cutTriples(characters, start, numbers)) ends.push(cut);
}

const family = (names: string, preTokenizer: PreTokenizer): (readonly [string, PreTokenizer])[] =>
  names.split(' ').map((name) => [name, preTokenizer]);

/** `tokenizer.ggml.pre` → pre-tokenizer: the names that llama.cpp gives to the same rule. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ...family('default', { scan: scanDefault, ignoreMerges: false, addBos: false }),
  ...family('gpt-2 phi-2 gigachat a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4', {
    scan: scanGpt2,
    ignoreMerges: false,
    addBos: false,
  }),
  ...family('starcoder refact command-r smollm codeshell exaone minerva-7b', {
    scan: scanSingleDigits,
    ignoreMerges: false,
    addBos: false,
  }),
  ...family('llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano', {
    scan: scanLlama3(3),
    ignoreMerges: true,
    addBos: true,
  }),
  ...family('dbrx smaug-bpe', { scan: scanLlama3(3), ignoreMerges: false, addBos: false }),
  ...family('qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open', {
    scan: scanLlama3(1),
    ignoreMerges: false,
    addBos: false,
  }),
]);
