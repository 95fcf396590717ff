import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from './bytes.ts';
import { encodeCanonicalJson, parseCanonicalJson } from './canonical-json.ts';
import { RunproofError } from './errors.ts';
import { isJsonObject, parseJson } from './json.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code;
    throw error;
  }
  return 'no error';
}

/** JSON values whose numbers this protocol carries. */
const json = fc
  .jsonValue()
  .map(
    (value) =>
      JSON.parse(JSON.stringify(value), (_name, item: unknown) =>
        typeof item === 'number' && Number.isInteger(item) && !Number.isSafeInteger(item) ? 1 : item,
      ) as unknown,
  );

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t\r\n '), (value, space) => {
        expect(parseJson(JSON.stringify(value, null, space))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '\\',
      '\\u00e9',
      '\\x',
      '0',
      '1',
      '-',
      '.',
      'e',
      '+',
      'true',
      'null',
      'nul',
      ' ',
      '\n',
      '\u0001',
      '\u00a0',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          // A name that stands twice may be met before the place where the syntax ends.
          expect(['JSON_SYNTAX', 'JSON_DUPLICATE_NAME']).toContain(codeOf(() => parseJson(text)));
          return;
        }
        const code = codeOf(() => expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(expected)));
        // JSON.parse lets the last of two equal names win, and rounds numbers.
        expect(['no error', 'JSON_DUPLICATE_NAME', 'JSON_NUMBER']).toContain(code);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['{"a":1,"a":1}', 'JSON_DUPLICATE_NAME'],
    ['{"a":1,"\\u0061":1}', 'JSON_DUPLICATE_NAME'],
    ['{"__proto__":1,"__proto__":2}', 'JSON_DUPLICATE_NAME'],
    ['"\\ud800"', 'JSON_UNICODE'],
    ['"\\udc00\\ud800"', 'JSON_UNICODE'],
    ['{"\\ud800":1}', 'JSON_UNICODE'],
    ['"\ud800"', 'JSON_UNICODE'],
    ['\ufeff{}', 'JSON_UNICODE'],
    ['1e400', 'JSON_NUMBER'],
    ['-1e400', 'JSON_NUMBER'],
    ['9007199254740992', 'JSON_NUMBER'],
    ['-9007199254740992', 'JSON_NUMBER'],
    ['1e300', 'JSON_NUMBER'],
    ['NaN', 'JSON_SYNTAX'],
    ['01', 'JSON_SYNTAX'],
    ['1.', 'JSON_SYNTAX'],
    ['.5', 'JSON_SYNTAX'],
    ['+1', 'JSON_SYNTAX'],
    ['0x10', 'JSON_SYNTAX'],
    ['', 'JSON_SYNTAX'],
    ['{} {}', 'JSON_SYNTAX'],
    ["{'a':1}", 'JSON_SYNTAX'],
    ['{"a":1,}', 'JSON_SYNTAX'],
    ['{"a":1;"b":2}', 'JSON_SYNTAX'],
    ['{xa":1}', 'JSON_SYNTAX'],
    ['[1;2]', 'JSON_SYNTAX'],
    ['[1 2]', 'JSON_SYNTAX'],
    ['{"a"=1}', 'JSON_SYNTAX'],
    ['"a\nb"', 'JSON_SYNTAX'],
    ['[1\u00a0]', 'JSON_SYNTAX'],
  ])('refuses %j', (text, code) => {
    expect(codeOf(() => parseJson(text))).toBe(code);
  });

  it.each([
    [[0xff]],
    [[0x22, 0xc0, 0x80, 0x22]],
    [[0x22, 0xed, 0xa0, 0x80, 0x22]],
    [[0x22, 0xe2, 0x82, 0x22]],
    [[0xef, 0xbb, 0xbf, 0x31]],
  ])('refuses the bytes %j', (bytes) => {
    expect(codeOf(() => parseJson(Uint8Array.from(bytes)))).toBe('JSON_UNICODE');
  });

  it('bounds depth and size', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(32))).toBeInstanceOf(Array);
    expect(codeOf(() => parseJson(nested(33)))).toBe('JSON_DEPTH');
    expect(codeOf(() => parseJson('['.repeat(1_000_000)))).toBe('JSON_DEPTH');
    expect(codeOf(() => parseJson('[[1]]', { bytes: 9, depth: 1 }))).toBe('JSON_DEPTH');
    expect(parseJson('12345', { bytes: 5, depth: 1 })).toBe(12345);
    expect(codeOf(() => parseJson('123456', { bytes: 5, depth: 1 }))).toBe('JSON_SIZE');
    expect(codeOf(() => parseJson(utf8('123456'), { bytes: 5, depth: 1 }))).toBe('JSON_SIZE');
  });

  it('has no prototype for names to fall into', () => {
    const value = parseJson('{"__proto__":{"polluted":true},"constructor":1}');
    if (!isJsonObject(value)) throw new Error('not an object');
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(value.toString).toBeUndefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('says where', () => {
    expect(() => parseJson('{"a":1,"b":x}')).toThrowError(expect.objectContaining({ evidence: { offset: 11 } }));
  });
});

describe('canonical JSON', () => {
  // The example of RFC 8785 §3.2.2 without its numbers beyond 2^53, and that of §3.2.3.
  it('agrees with RFC 8785', () => {
    const numbers = {
      numbers: [4.5, 2e-3, 1e-27, -0],
      string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\u0022/",
      literals: [null, true, false],
    };
    expect(encodeCanonicalJson(numbers)).toBe(
      '{"literals":[null,true,false],"numbers":[4.5,0.002,1e-27,0],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(encodeCanonicalJson(names)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  it('is one spelling: encode(parse(x)) = x', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = encodeCanonicalJson(value);
        expect(parseCanonicalJson(text)).toEqual(parseJson(JSON.stringify(value)));
        expect(encodeCanonicalJson(parseCanonicalJson(utf8(text)))).toBe(text);
      }),
    );
  });

  it.each([
    ' 1',
    '1 ',
    '{"b":1,"a":2}',
    '1.0',
    '-0',
    '1E2',
    '0.10',
    '"\\u0041"',
    '"\\/"',
    '"\\u001F"',
    '[1, 2]',
    '{"a" :1}',
    '{"\ufb33":1,"\ud83d\ude00":2}',
  ])('refuses the other spelling %j', (text) => {
    expect(codeOf(() => parseJson(text))).toBe('no error');
    expect(codeOf(() => parseCanonicalJson(text))).toBe('JSON_NOT_CANONICAL');
  });

  it.each([
    ['undefined', undefined, 'JSON_SYNTAX'],
    ['a hole', new Array(1), 'JSON_SYNTAX'],
    ['a member without a value', { a: undefined }, 'JSON_SYNTAX'],
    ['a function', () => 1, 'JSON_SYNTAX'],
    ['a bigint', 1n, 'JSON_SYNTAX'],
    ['bytes', Uint8Array.of(1), 'JSON_SYNTAX'],
    ['a map', new Map(), 'JSON_SYNTAX'],
    ['NaN', NaN, 'JSON_NUMBER'],
    ['infinity', Infinity, 'JSON_NUMBER'],
    ['an unsafe integer', 2 ** 53, 'JSON_NUMBER'],
    ['a lone surrogate', 'a\ud800', 'JSON_UNICODE'],
    ['a lone surrogate in a name', { '\udc00': 1 }, 'JSON_UNICODE'],
  ])('does not encode %s', (_name, value, code) => {
    expect(codeOf(() => encodeCanonicalJson(value))).toBe(code);
  });

  it('does not follow a cycle', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(codeOf(() => encodeCanonicalJson(loop))).toBe('JSON_DEPTH');
  });
});
