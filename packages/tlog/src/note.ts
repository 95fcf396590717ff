// Signed notes (c2sp.org/signed-note@v1.0.0):
//
//   <text, ends in LF>
//   <blank line>
//   — <name> <base64 of key id (4 bytes) ‖ signature>
//   …
import { concatBytes, encodeBase64, encodeHex, parseBase64, parseHex, RunproofError, utf8 } from '@runproof/protocol';
import { cosignatureTime, cosignedMessage } from './cosignature-message.ts';
import { type Ed25519Verify, ed25519PublicKey, ed25519Sign, ed25519Verify } from './ed25519.ts';
import { hasControlCharacters, hasLoneSurrogates } from './text.ts';
import {
  COSIGNATURE_V1,
  ED25519,
  encodeVerifierKey,
  isKeyName,
  type VerifierKey,
  verifierKey,
} from './verifier-key.ts';

/** Bounds of a note. signed-note asks for at least 16 signatures; 64 post-quantum ones fit as well. */
export const NOTE_CHARACTERS_MAX = 262_144;
const NOTE_SIGNATURES_MAX = 64;

const KEY_ID_BYTES = 4;

export interface NoteSignature {
  readonly name: string;
  /** 8 hex digits */
  readonly keyId: string;
  /** what follows the key id; its shape depends on the key's type */
  readonly signature: Uint8Array;
}

export interface Note {
  /** ends in LF */
  readonly text: string;
  /** in the order of the lines; not verified */
  readonly signatures: readonly NoteSignature[];
}

/** Signs note texts. The private key may live elsewhere. */
export interface NoteSigner {
  readonly name: string;
  /** 8 hex digits */
  readonly keyId: string;
  /** signature over the UTF-8 bytes of a note text */
  sign(bytes: Uint8Array): Uint8Array;
}

function fail(message: string): RunproofError {
  return new RunproofError('NOTE_SYNTAX', message);
}

/** A text that a note can carry: ends in LF, no control characters but LF, well-formed Unicode. */
function isNoteText(text: string): boolean {
  return text.endsWith('\n') && !hasControlCharacters(text, '\n') && !hasLoneSurrogates(text);
}

/** One signature line with its LF. */
export function encodeSignatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${encodeBase64(concatBytes(parseHex(keyId), signature))}\n`;
}

function parseSignatureLine(line: string): NoteSignature {
  const parts = line.split(' ');
  const [dash, name, encoded] = parts;
  if (parts.length !== 3 || dash !== '—' || name === undefined || encoded === undefined)
    throw fail('a signature line is "— name base64"');
  if (!isKeyName(name)) throw fail('a signature line has an invalid key name');
  const bytes = parseBase64(encoded);
  if (bytes === null || bytes.length <= KEY_ID_BYTES)
    throw fail('a signature is not base64 of a key id and a signature');
  return { name, keyId: encodeHex(bytes.subarray(0, KEY_ID_BYTES)), signature: bytes.slice(KEY_ID_BYTES) };
}

/** Splits a signed note into text and signatures, verifying nothing. Strict: `encodeNote(parseNote(x)) === x`. `NOTE_SYNTAX`. */
export function parseNote(signed: string): Note {
  if (signed.length > NOTE_CHARACTERS_MAX) throw fail(`a note has at most ${NOTE_CHARACTERS_MAX} characters`);
  if (!isNoteText(signed)) throw fail('a note ends in LF and has no control characters and no lone surrogates');
  // The last blank line: the text itself may hold blank lines, signature lines may not.
  const blank = signed.lastIndexOf('\n\n');
  if (blank < 0) throw fail('a note has a blank line before its signatures');
  const lines = signed.slice(blank + 2, -1).split('\n');
  if (signed.length === blank + 2) throw fail('a note has at least one signature');
  if (lines.length > NOTE_SIGNATURES_MAX) throw fail(`a note has at most ${NOTE_SIGNATURES_MAX} signatures`);
  return { text: signed.slice(0, blank + 1), signatures: lines.map(parseSignatureLine) };
}

/** The signed note as text. `NOTE_SYNTAX` for a text or a number of signatures that no parser would accept. */
export function encodeNote({ text, signatures }: Note): string {
  if (!isNoteText(text)) throw fail('a note text ends in LF and has no control characters and no lone surrogates');
  if (signatures.length === 0 || signatures.length > NOTE_SIGNATURES_MAX)
    throw fail(`a note has 1 to ${NOTE_SIGNATURES_MAX} signatures`);
  const signed = `${text}\n${signatures.map(encodeSignatureLine).join('')}`;
  if (signed.length > NOTE_CHARACTERS_MAX) throw fail(`a note has at most ${NOTE_CHARACTERS_MAX} characters`);
  return signed;
}

export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** Unix time in seconds that a cosignature claims; null for plain signatures */
  readonly timeSeconds: number | null;
}

export interface VerifiedNote {
  readonly text: string;
  /** one per key that signed, in the order of the lines; at least one */
  readonly signatures: readonly VerifiedSignature[];
}

function verifySignature(
  key: VerifierKey,
  text: string,
  signature: Uint8Array,
  verify: Ed25519Verify,
): VerifiedSignature | null {
  if (key.type === ED25519) return verify(key.publicKey, utf8(text), signature) ? { key, timeSeconds: null } : null;
  const parsed = cosignatureTime(signature);
  if (parsed === null) return null;
  const holds = verify(key.publicKey, cosignedMessage(text, parsed.timeSeconds), parsed.signature);
  return holds ? { key, timeSeconds: parsed.timeSeconds } : null;
}

/**
 * Verifies the signatures of `signed` that are by `keys`. Others are ignored: that is how keys rotate and witnesses join.
 * One by a known key that does not hold condemns the whole note; a note that none of `keys` signed is refused too.
 * Both are `SIGNATURE_INVALID`; `NOTE_SYNTAX` as in `parseNote`. `verify` may be the platform's own, faster Ed25519.
 */
export function verifyNote(
  signed: string | Note,
  keys: readonly VerifierKey[],
  verify: Ed25519Verify = ed25519Verify,
): VerifiedNote {
  const note = typeof signed === 'string' ? parseNote(signed) : signed;
  const verified = new Map<VerifierKey, VerifiedSignature>();
  for (const line of note.signatures) {
    // Key ids are 4 bytes and may collide: every key of that name and id is a known key, and one of them has to fit.
    const candidates = keys.filter((key) => key.name === line.name && key.keyId === line.keyId);
    if (candidates.length === 0) continue;
    const match = candidates
      .map((key) => verifySignature(key, note.text, line.signature, verify))
      .find((result) => result !== null);
    if (match === undefined || match === null) {
      const evidence = { name: line.name, keyId: line.keyId, note: encodeNote(note) };
      throw new RunproofError('SIGNATURE_INVALID', `the signature of ${line.name} does not hold`, evidence);
    }
    if (!verified.has(match.key)) verified.set(match.key, match);
  }
  if (verified.size === 0) {
    const evidence = {
      signers: note.signatures.map((line) => `${line.name}+${line.keyId}`),
      keys: keys.map((key) => `${key.name}+${key.keyId}`),
    };
    throw new RunproofError('SIGNATURE_INVALID', 'the note is not signed by a known key', evidence);
  }
  return { text: note.text, signatures: [...verified.values()] };
}

/** `text` signed by `signer`. */
export function signNote(text: string, signer: NoteSigner): string {
  if (!isNoteText(text)) throw fail('a note text ends in LF and has no control characters and no lone surrogates');
  return encodeNote({
    text,
    signatures: [{ name: signer.name, keyId: signer.keyId, signature: signer.sign(utf8(text)) }],
  });
}

/** A signer of type 1 whose private key is `seed` (32 bytes). */
export function ed25519NoteSigner(name: string, seed: Uint8Array): NoteSigner & { readonly vkey: string } {
  const key = verifierKey(name, ED25519, ed25519PublicKey(seed));
  const secret = seed.slice();
  return { name, keyId: key.keyId, vkey: encodeVerifierKey(key), sign: (bytes) => ed25519Sign(secret, bytes) };
}

/** True when `key` verifies timestamped cosignatures. */
export function isCosignerKey(key: VerifierKey): boolean {
  return key.type === COSIGNATURE_V1;
}
