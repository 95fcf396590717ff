import { utf8 } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextAssembler } from './text-assembler.ts';

/** All deltas of `tokens`, until the end. */
function assemble(
  tokens: readonly Uint8Array[],
  stop: readonly string[] = [],
): { deltas: string[]; text: string; stopped: boolean } {
  const assembler = new TextAssembler(stop);
  const deltas: string[] = [];
  for (const token of tokens) {
    const { text, stopped } = assembler.push(token);
    deltas.push(text);
    if (stopped) return { deltas, text: deltas.join(''), stopped };
  }
  return { deltas, text: deltas.join('') + assembler.end(), stopped: false };
}

/** `bytes` cut at the given places. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });

describe('TextAssembler', () => {
  it('decodes as a whole, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.string({ unit: 'binary', maxLength: 20 }).map((text) => utf8(text)),
        ),
        sizes,
        (bytes, lengths) => {
          expect(assemble(cut(bytes, lengths)).text).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
        },
      ),
    );
  });

  it('holds back an incomplete sequence, and replaces it at the end', () => {
    const smile = utf8('\u{1f600}');
    expect(assemble([smile.slice(0, 2), smile.slice(2)]).deltas).toEqual(['', '\u{1f600}']);
    expect(assemble([utf8('a'), smile.slice(0, 3)])).toEqual({ deltas: ['a', ''], text: 'a\ufffd', stopped: false });
    expect(assemble([Uint8Array.of(0xff, 0x41)]).text).toBe('\ufffdA');
    expect(assemble([utf8('\ufeffx')]).text).toBe('\ufeffx');
  });

  it('ends before a stop string, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}', 'é'), maxLength: 30 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}'), minLength: 1, maxLength: 4 }), {
          maxLength: 3,
        }),
        sizes,
        (text, stop, lengths) => {
          const result = assemble(cut(utf8(text), lengths), stop);
          // By definition: the match that ends first, and among those the longest.
          const ends = stop.flatMap((item) =>
            [...text].length === 0 || !text.includes(item) ? [] : [{ end: text.indexOf(item) + item.length, item }],
          );
          const first = ends.sort((left, right) => left.end - right.end || right.item.length - left.item.length)[0];
          expect(result.stopped).toBe(first !== undefined);
          expect(result.text).toBe(first === undefined ? text : text.slice(0, first.end - first.item.length));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never lets out a part of a stop string', () => {
    const { deltas, text } = assemble(
      ['Hello', ' END', ' of', ' EN', 'D', ' OF', ' it'].map((token) => utf8(token)),
      ['END OF'],
    );
    expect(deltas).toEqual(['Hello', ' ', 'END of', ' ', '', '']);
    expect(text).toBe('Hello END of ');
  });

  it('gives back what only began as a stop string', () => {
    expect(assemble([utf8('one STO')], ['STOP'])).toEqual({ deltas: ['one '], text: 'one STO', stopped: false });
    expect(assemble([utf8('aab')], ['aaab'])).toEqual({ deltas: ['aab'], text: 'aab', stopped: false });
    expect(
      assemble(
        ['a', 'a', 'a', 'b'].map((token) => utf8(token)),
        ['aab'],
      ).text,
    ).toBe('a');
  });

  it('stays linear on a long stop string that nearly matches all the time', () => {
    const stop = `${'a'.repeat(5000)}b`;
    const { text } = assemble(cut(utf8('a'.repeat(200_000)), [1000]), [stop]);
    expect(text.length).toBe(200_000);
  });

  it('refuses an empty stop string, and text after the end', () => {
    expect(() => new TextAssembler([''])).toThrow(expect.objectContaining({ code: 'PARAMETER_INVALID' }));
    const assembler = new TextAssembler(['x']);
    expect(assembler.push(utf8('axb'))).toEqual({ text: 'a', stopped: true });
    expect(() => assembler.push(utf8('c'))).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(assembler.end()).toBe('');
  });
});
