// Properties of the text and byte formats: one spelling each, and nothing foreign makes a parser throw anything else than its error.
import { type ErrorCode, encodeHex, RunproofError } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeCheckpoint,
  encodeEntryBundle,
  encodeNote,
  encodePolicy,
  encodeTlogProof,
  encodeVerifierKey,
  parseCheckpoint,
  parseEntryBundle,
  parseNote,
  parsePolicy,
  parseTilePath,
  parseTlogProof,
  parseVerifierKey,
  tilePath,
  verifierKey,
} from './index.ts';
import { ed25519NoteSigner, signNote, verifyNote } from './note.ts';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const size = fc.maxSafeNat();
const line = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text));
const name = line.filter((text) => !/[\s\u0085+]/u.test(text));
const keyId = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(encodeHex);
const signature = fc.record({ name, keyId, signature: fc.uint8Array({ minLength: 1, maxLength: 80 }) });
const text = fc
  .array(fc.oneof(line, fc.constant('')), { minLength: 1, maxLength: 6 })
  .map((lines) => `${lines.join('\n')}\n`);
const note = fc.record({ text, signatures: fc.array(signature, { minLength: 1, maxLength: 8 }) });
const checkpoint = fc.record({ origin: line, size, root: hash, extensions: fc.array(line, { maxLength: 4 }) });
const vkey = fc
  .tuple(name, fc.constantFrom(1 as const, 4 as const), hash)
  .map(([keyName, type, publicKey]) => verifierKey(keyName, type, publicKey));

/** `parse` gives back what `encode` was given, and every text it accepts at all is the one spelling. */
function checkOneSpelling<Value>(
  values: fc.Arbitrary<Value>,
  encode: (value: Value) => string,
  parse: (text: string) => Value,
  codes: readonly ErrorCode[],
): void {
  fc.assert(
    fc.property(
      values,
      fc.nat(),
      fc.constantFrom('', ' ', '\n', '0', '=', 'A', '—', '\u0000', '\ud800'),
      (value, at, other) => {
        const encoded = encode(value);
        expect(parse(encoded)).toEqual(value);
        const position = at % (encoded.length + 1);
        for (const cut of [0, 1]) {
          const changed = encoded.slice(0, position) + other + encoded.slice(position + cut);
          try {
            expect(encode(parse(changed))).toBe(changed);
          } catch (error) {
            if (!RunproofError.isInstance(error)) throw error;
            expect(codes).toContain(error.code);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
}

describe('one spelling', () => {
  it('of signed notes', () => checkOneSpelling(note, encodeNote, parseNote, ['NOTE_SYNTAX']));
  it('of checkpoints', () => checkOneSpelling(checkpoint, encodeCheckpoint, parseCheckpoint, ['NOTE_SYNTAX']));
  it('of verifier keys', () => checkOneSpelling(vkey, encodeVerifierKey, parseVerifierKey, ['VKEY_SYNTAX']));

  it('of proofs', () => {
    const signer = ed25519NoteSigner('log.example', new Uint8Array(32).fill(7));
    const proof = fc.record({
      extra: fc.option(fc.uint8Array({ minLength: 1, maxLength: 20 })),
      index: size,
      hashes: fc.array(hash, { maxLength: 5 }),
      checkpoint: fc.constant(
        signNote(
          encodeCheckpoint({ origin: 'log.example', size: 3, root: new Uint8Array(32), extensions: [] }),
          signer,
        ),
      ),
    });
    checkOneSpelling(proof, encodeTlogProof, parseTlogProof, ['PROOF_SYNTAX', 'NOTE_SYNTAX']);
  });

  it('of tile paths', () => {
    const level = fc.oneof(fc.nat(63), fc.constant('entries' as const));
    fc.assert(
      fc.property(level, fc.oneof(fc.nat(2000), size), fc.integer({ min: 1, max: 256 }), (tileLevel, index, width) => {
        const path = tilePath(tileLevel, index, width);
        expect(parseTilePath(path)).toEqual({ level: tileLevel, index, width });
      }),
    );
    fc.assert(
      fc.property(
        fc.stringMatching(/^tile\/(entries|[0-9]{1,2})\/(x?[0-9]{3}\/){0,2}[0-9]{2,4}(\.p\/[0-9]{1,3})?$/),
        (path) => {
          const address = parseTilePath(path);
          if (address !== null) expect(tilePath(address.level, address.index, address.width)).toBe(path);
          else expect(address).toBe(null);
        },
      ),
    );
    expect(() => tilePath(64, 0, 1)).toThrow(/no such tile/);
    expect(() => tilePath(0, 0, 257)).toThrow(/no such tile/);
  });

  it('of entry bundles', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 }), (entries) => {
        expect(parseEntryBundle(encodeEntryBundle(entries))).toEqual(entries);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(encodeEntryBundle(parseEntryBundle(bytes))).toEqual(bytes);
        } catch (error) {
          if (!RunproofError.isInstance(error)) throw error;
          expect(error.code).toBe('PROOF_SYNTAX');
        }
      }),
    );
    expect(() => encodeEntryBundle([])).toThrow(/1 to 256/);
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(/65535/);
  });

  it('of policies, up to comments and white space', () => {
    const log = encodeVerifierKey(verifierKey('log.example', 1, new Uint8Array(32).fill(1)));
    const words = [
      'log',
      log,
      'witness',
      'group',
      'quorum',
      'none',
      'any',
      'all',
      '2',
      'w',
      'model',
      `sha256:${'0'.repeat(64)}`,
      'engine',
      'exact-1',
      '#',
      '\t',
      '\n',
      '\n',
      ' ',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 24 }), (fields) => {
        const source = `log ${log}\nquorum none\n${fields.join(' ')}\n`;
        try {
          const policy = parsePolicy(source);
          expect(parsePolicy(encodePolicy(policy))).toEqual(policy);
        } catch (error) {
          if (!RunproofError.isInstance(error)) throw error;
          expect(error.code).toBe('POLICY_SYNTAX');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('what cannot be written', () => {
  const policy = parsePolicy(
    `log ${encodeVerifierKey(verifierKey('log.example', 1, new Uint8Array(32)))}\nquorum none\n`,
  );

  it('a policy field with a line break would be another directive', () => {
    const models = [{ digest: `sha256:${'0'.repeat(64)}`, name: `x\nengine exact-1` }];
    expect(() => encodePolicy({ ...policy, models })).toThrow(/not one field/);
    expect(() => encodePolicy({ ...policy, engines: ['exact-1 exact-2'] })).toThrow(/not one field/);
    expect(() => encodePolicy({ ...policy, quorum: 'nobody' })).toThrow(/not defined/);
  });

  it('a note without signatures, with too many, or with a text that does not end', () => {
    const one = { name: 'a', keyId: '00000000', signature: new Uint8Array(1) };
    expect(() => encodeNote({ text: 'x\n', signatures: [] })).toThrow(/1 to 64/);
    expect(() => encodeNote({ text: 'x\n', signatures: Array.from({ length: 65 }, () => one) })).toThrow(/1 to 64/);
    expect(() => encodeNote({ text: 'x', signatures: [one] })).toThrow(/ends in LF/);
    expect(() => encodeNote({ text: `${'x'.repeat(262_144)}\n`, signatures: [one] })).toThrow(/at most/);
    expect(() => signNote('x', ed25519NoteSigner('a', new Uint8Array(32)))).toThrow(/ends in LF/);
  });

  it('a checkpoint with a line break in its origin, or no size', () => {
    const good = { origin: 'a', size: 1, root: new Uint8Array(32), extensions: [] };
    expect(() => encodeCheckpoint({ ...good, origin: 'a\nb' })).toThrow(/line break/);
    expect(() => encodeCheckpoint({ ...good, size: -1 })).toThrow(/size/);
    expect(() => encodeCheckpoint({ ...good, root: new Uint8Array(31) })).toThrow(/root/);
    expect(() => verifierKey('a b', 1, new Uint8Array(32))).toThrow(/key name/);
    expect(() => verifierKey('a', 1, new Uint8Array(31))).toThrow(/32 bytes/);
  });
});

describe('signatures', () => {
  it('one changed bit of a signed note never verifies', () => {
    const signer = ed25519NoteSigner('log.example', new Uint8Array(32).fill(7));
    const key = parseVerifierKey(signer.vkey);
    const signed = Buffer.from(signNote('one\ntwo\n', signer));
    expect(verifyNote(signed.toString(), [key]).text).toBe('one\ntwo\n');
    fc.assert(
      fc.property(fc.nat(signed.length * 8 - 1), (bit) => {
        const changed = Buffer.from(signed);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(() => verifyNote(changed.toString(), [key])).toThrow(RunproofError);
      }),
      { numRuns: 150 },
    );
  });

  it('key ids that collide are told apart by the signature', () => {
    const signer = ed25519NoteSigner('log.example', new Uint8Array(32).fill(7));
    const key = parseVerifierKey(signer.vkey);
    const twin = {
      ...key,
      publicKey: parseVerifierKey(ed25519NoteSigner('log.example', new Uint8Array(32).fill(8)).vkey).publicKey,
    };
    expect(verifyNote(signNote('x\n', signer), [twin, key]).signatures[0]?.key).toBe(key);
  });

  it('the verifier may be given, and its answer counts', () => {
    const signer = ed25519NoteSigner('log.example', new Uint8Array(32).fill(7));
    const key = parseVerifierKey(signer.vkey);
    expect(() => verifyNote(signNote('x\n', signer), [key], () => false)).toThrow(/does not hold/);
  });
});
