import { generateKeyPairSync, sign } from 'node:crypto';
import { ed25519NoteSigner, parseVerifierKey, signNote, verifyNote } from '@runproof/tlog';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { platformEd25519 } from './platform-ed25519.ts';

/** Order of the group, little endian (RFC 8032 §5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function pair(): { publicKey: Uint8Array; signed: (message: Uint8Array) => Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { publicKey: new Uint8Array(raw), signed: (message) => sign(null, message, privateKey) };
}

describe('platform Ed25519', () => {
  it('accepts what was signed, and nothing that was touched', () => {
    const { publicKey, signed } = pair();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(511), (message, bit) => {
        const signature = signed(message);
        expect(platformEd25519(publicKey, message, signature)).toBe(true);
        signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(platformEd25519(publicKey, message, signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses the same signature with S beyond the order of the group', () => {
    const { publicKey, signed } = pair();
    const message = Buffer.from('once');
    const signature = signed(message);
    let s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + ORDER;
    for (let index = 32; index < 64; index += 1, s >>= 8n) signature[index] = Number(s & 255n);
    expect(platformEd25519(publicKey, message, signature)).toBe(false);
    expect(platformEd25519(publicKey.subarray(1), message, signature)).toBe(false);
  });

  it('accepts what holds with the factor 8 only, as every other verifier does', () => {
    // R has a part of order 8; made by the owner of the key.
    const publicKey = Buffer.from('0f7608783489684c04726001595638e5258c2ed0bdb3d18d9e3453ea8bb458ad', 'hex');
    const half = '6a84d583f06569edb3f5ed77df65544b27d6948b4f0b2cb76f33dd8413b20719';
    const other = '40109b14bc4a1f43750a8408d9bcd278667190c80b8f208a1559ac52b07c1c00';
    const signature = Buffer.from(half + other, 'hex');
    expect(platformEd25519(publicKey, Buffer.from('hello'), signature)).toBe(true);
    expect(platformEd25519(publicKey, Buffer.from('hallo'), signature)).toBe(false);
  });

  it('agrees with the verifier in JavaScript on a signed note', () => {
    const signer = ed25519NoteSigner('log.example/one', new Uint8Array(32).fill(7));
    const note = signNote('log.example/one\n1\nAAAA\n', signer);
    for (const ed25519 of [undefined, platformEd25519]) {
      expect(verifyNote(note, [parseVerifierKey(signer.vkey)], ed25519).text).toBe('log.example/one\n1\nAAAA\n');
    }
  });
});
