import { encodeHex, sha256 } from '@runproof/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { classTable, codePointsOf, LETTER, NUMBER, PUNCTUATION, WHITESPACE, writeUtf8 } from './unicode.ts';

it('holds as many characters of each class as Unicode 15.1 defines', () => {
  const counts = new Map<number, number>();
  for (const kind of classTable()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  expect([LETTER, NUMBER, PUNCTUATION, WHITESPACE].map((kind) => counts.get(kind))).toEqual([136_726, 1831, 842, 25]);
  expect(encodeHex(sha256(classTable()))).toBe('da9b63359da18436e72cd6c9216620f91caf189fb7ea8f1a9843577b0f32c210');
});

it.each([
  [/\p{L}/u, LETTER],
  [/\p{N}/u, NUMBER],
  [/\p{P}/u, PUNCTUATION],
  [/\p{White_Space}/u, WHITESPACE],
])('agrees with %s of this runtime wherever it claims a class', (pattern, kind) => {
  // A runtime with newer tables knows more characters, but those of 15.1 keep their class.
  const strangers: number[] = [];
  classTable().forEach((own, point) => {
    if (own === kind && !pattern.test(String.fromCodePoint(point))) strangers.push(point);
  });
  expect(strangers).toEqual([]);
});

/** Any character: a code point that is no surrogate. */
const character = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((index) => String.fromCodePoint(index < 0xd800 ? index : index + 0x800));

it('reads and writes every text as TextEncoder does', () => {
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 40 }), (text) => {
      const points = codePointsOf(text);
      expect(Array.from(points, (point) => String.fromCodePoint(point)).join('')).toBe(text);
      const bytes = new Uint8Array(4 * points.length);
      const length = points.reduce((offset, point) => writeUtf8(point, bytes, offset), 0);
      expect(bytes.subarray(0, length)).toEqual(new TextEncoder().encode(text));
    }),
  );
});
