import { concatBytes, RunproofError, utf8 } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventSplitter } from './event-splitter.ts';

function split(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const splitter = new EventSplitter(1_000_000);
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((left, right) => left - right), bytes.length];
  const events: Uint8Array[] = [];
  for (let part = 0; part + 1 < edges.length; part += 1)
    events.push(...splitter.push(bytes.subarray(edges[part], edges[part + 1])));
  return events.map((event) => new TextDecoder().decode(event));
}

describe('EventSplitter', () => {
  it('cuts after blank lines, wherever the pieces end', () => {
    const line = fc.stringMatching(/^[a-z: é\n]{0,12}$/);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 10 }), (texts, cuts) => {
        const text = texts.map((part) => `${part}\n\n`).join('');
        const whole = split(utf8(text), []);
        const pieces = split(utf8(text), cuts);
        expect(pieces).toEqual(whole);
        expect(whole.join('')).toBe(text);
        for (const event of whole) expect(event).toMatch(/^([^\n]+\n)*\n$/);
      }),
    );
  });

  it('holds what is not whole yet', () => {
    expect(split(utf8('data: a\n\ndata: b\n'), [3])).toEqual(['data: a\n\n']);
    expect(split(utf8('\ndata: a'), [])).toEqual(['\n']);
  });

  it('refuses carriage returns, and events beyond the limit', () => {
    expect(() => split(utf8('data: a\r\n\r\n'), [])).toThrow(RunproofError);
    const splitter = new EventSplitter(10);
    expect(splitter.push(utf8('12345678\n\n'))).toHaveLength(1);
    splitter.push(utf8('12345678'));
    expect(() => splitter.push(concatBytes(utf8('901'), utf8('x')))).toThrow(RunproofError);
  });
});
