import { createHash, createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeHex, parseHex, utf8 } from './bytes.ts';
import { commit, commitmentKey, outputCommitmentData, receiptEntry, receiptId } from './commitment.ts';
import { hkdfSha256, hmacSha256, sha256 } from './sha256.ts';

const bytes = fc.uint8Array({ maxLength: 200 });
const salt = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('hash functions', () => {
  it('agree with the test cases of RFC 6234, RFC 4231 and RFC 5869', () => {
    expect(encodeHex(sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(encodeHex(hmacSha256(utf8('Jefe'), utf8('what do ya want for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
    const okm = hkdfSha256(
      new Uint8Array(22).fill(0x0b),
      parseHex('000102030405060708090a0b0c'),
      parseHex('f0f1f2f3f4f5f6f7f8f9'),
      42,
    );
    expect(encodeHex(okm)).toBe('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865');
  });

  it('agree with those of the platform', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, (left, middle, right) => {
        expect(encodeHex(sha256(left))).toBe(createHash('sha256').update(left).digest('hex'));
        expect(encodeHex(hmacSha256(left, right))).toBe(createHmac('sha256', left).update(right).digest('hex'));
        expect(encodeHex(hkdfSha256(left, middle, right, 32))).toBe(
          Buffer.from(hkdfSync('sha256', left, middle, right, 32)).toString('hex'),
        );
      }),
    );
  });
});

describe('commitments', () => {
  it('are built as specs/receipt.md says', () => {
    fc.assert(
      fc.property(salt, bytes, fc.constantFrom('request', 'prompt', 'tokens', 'output'), (key, data, field) => {
        const fieldKey = Buffer.from(hkdfSync('sha256', key, new Uint8Array(0), `runproof/commit/1/${field}`, 32));
        expect(encodeHex(commitmentKey(key, field))).toBe(fieldKey.toString('hex'));
        expect(commit(key, field, data)).toBe(createHmac('sha256', fieldKey).update(data).digest('hex'));
      }),
    );
  });

  it('differ by salt, field and data', () => {
    const zero = new Uint8Array(32);
    const all = [
      commit(zero, 'prompt', utf8('a')),
      commit(zero, 'prompt', utf8('b')),
      commit(zero, 'output', utf8('a')),
      commit(sha256(zero), 'prompt', utf8('a')),
    ];
    expect(new Set(all).size).toBe(4);
  });

  it('need a salt of 32 bytes', () => {
    expect(() => commit(new Uint8Array(31), 'prompt', utf8('a'))).toThrow('32 bytes');
    expect(() => receiptEntry(utf8('{}'), new Uint8Array(33))).toThrow('32 bytes');
  });

  it('bind text and finish reason of the output', () => {
    expect(new TextDecoder().decode(outputCommitmentData('a "b"', 'stop'))).toBe(
      '{"content":"a \\"b\\"","finish_reason":"stop"}',
    );
  });
});

it('entry and id are built as specs/receipt.md says', () => {
  fc.assert(
    fc.property(bytes, salt, (body, key) => {
      const inner = createHash('sha256').update(body).digest();
      const digest = createHash('sha256')
        .update(concatBytes(utf8('runproof/receipt/1'), Uint8Array.of(0), key, inner))
        .digest();
      const entry = receiptEntry(body, key);
      expect(encodeHex(entry)).toBe(`01${digest.toString('hex')}`);
      expect(receiptId(entry)).toBe(
        createHash('sha256')
          .update(concatBytes(Uint8Array.of(0), entry))
          .digest('hex'),
      );
    }),
  );
});
