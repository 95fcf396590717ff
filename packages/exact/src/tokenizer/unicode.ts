// Characters as the pre-tokenizers see them: code points and their classes in Unicode 15.1 (specs/exact-1.md §12.2).
import { RunproofError } from '@runproof/protocol';
import { CLASS_RUNS } from './generated/unicode-15-1.ts';

export const OTHER = 0;
export const LETTER = 1;
export const NUMBER = 2;
export const PUNCTUATION = 3;
export const WHITESPACE = 4;

const CLASS_NAMES = 'olnpw';
let table: Uint8Array | null = null;

/** Class of every code point: `classTable()[codePoint]`. Expanded once, 1.1 MB. */
export function classTable(): Uint8Array {
  if (table !== null) return table;
  const classes = new Uint8Array(0x110000);
  let start = 0;
  for (const [, name, digits] of CLASS_RUNS.matchAll(/([olnpw])([0-9A-Z]+)/g)) {
    const length = Number.parseInt(digits ?? '', 36);
    classes.fill(CLASS_NAMES.indexOf(name ?? ''), start, start + length);
    start += length;
  }
  table = classes;
  return classes;
}

/** Code points of `text`. A lone surrogate is no character and has no UTF-8: `JSON_UNICODE`. */
export function codePointsOf(text: string): Uint32Array {
  const points = new Uint32Array(text.length);
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    let point = text.charCodeAt(index);
    if (point >= 0xd800 && point < 0xe000) {
      const low = text.charCodeAt(index + 1);
      if (point >= 0xdc00 || !(low >= 0xdc00 && low < 0xe000)) {
        throw new RunproofError('JSON_UNICODE', `the text has a lone surrogate at position ${index}`, {
          position: index,
        });
      }
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      index += 1;
    }
    points[count] = point;
    count += 1;
  }
  return points.subarray(0, count);
}

/** Writes the UTF-8 of `point` into `target` at `offset`; returns the offset behind it. */
export function writeUtf8(point: number, target: Uint8Array, offset: number): number {
  if (point < 0x80) {
    target[offset] = point;
    return offset + 1;
  }
  let next = offset;
  if (point < 0x800) target[next++] = 0xc0 | (point >>> 6);
  else {
    if (point < 0x10000) target[next++] = 0xe0 | (point >>> 12);
    else {
      target[next++] = 0xf0 | (point >>> 18);
      target[next++] = 0x80 | ((point >>> 12) & 63);
    }
    target[next++] = 0x80 | ((point >>> 6) & 63);
  }
  target[next++] = 0x80 | (point & 63);
  return next;
}
