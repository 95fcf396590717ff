import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeBase64, encodeHex, encodeTokenIds, equalBytes, parseBase64, parseHex } from './bytes.ts';

describe('bytes', () => {
  it('hex and base64 agree with the platform and are read back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(encodeHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(parseHex(encodeHex(bytes))).toEqual(bytes);
        expect(parseBase64(encodeBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['0', '0G', 'AB', ' 00', '0x00', '00\n'])('hex refuses %j', (text) => {
    expect(() => parseHex(text)).toThrowError(expect.objectContaining({ code: 'JSON_SYNTAX' }));
  });

  it.each(['A', 'AB', 'AB=', 'AB==', 'AAB=', 'A===', '====', 'AAAA\n', 'AA-_', 'AA=A', ' AAAA'])(
    'base64 refuses %j',
    (text) => {
      expect(parseBase64(text)).toBeNull();
    },
  );

  it('base64 has one spelling', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('A', 'B', 'Q', 'g', '+', '/', '='), maxLength: 8 }), (text) => {
        const bytes = parseBase64(text);
        if (bytes !== null) expect(encodeBase64(bytes)).toBe(text);
      }),
    );
  });

  it('token ids are little-endian words', () => {
    expect(encodeHex(encodeTokenIds([1, 0x01020304, 0xffffffff]))).toBe('0100000004030201ffffffff');
  });

  it('are joined and compared', () => {
    expect(concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  });
});
