// Verifier keys: `<name>+<hex8 of key id>+<base64 of type ‖ public key>` (c2sp.org/signed-note@v1.0.0, "Verifier keys").
import { concatBytes, encodeBase64, encodeHex, parseBase64, RunproofError, sha256, utf8 } from '@runproof/protocol';
import { PUBLIC_KEY_BYTES } from './ed25519.ts';
import { hasControlCharacters, hasLoneSurrogates } from './text.ts';

/** Signature types: Ed25519 over the note text, and timestamped Ed25519 cosignature (c2sp.org/tlog-cosignature@v1.0.1). */
export const ED25519 = 1;
export const COSIGNATURE_V1 = 4;
export type SignatureType = typeof ED25519 | typeof COSIGNATURE_V1;

const KEY_NAME_BYTES_MAX = 255;

export interface VerifierKey {
  readonly name: string;
  readonly type: SignatureType;
  /** 32 bytes */
  readonly publicKey: Uint8Array;
  /** first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), as 8 hex digits */
  readonly keyId: string;
}

/** Not empty, well-formed Unicode, no spaces, no plus, no control characters. */
export function isKeyName(name: string): boolean {
  const plain = /^[^\p{White_Space}+]+$/u.test(name) && !hasControlCharacters(name, '') && !hasLoneSurrogates(name);
  return plain && utf8(name).length <= KEY_NAME_BYTES_MAX;
}

/** Makes a key from its parts; `PARAMETER_INVALID` for a name or a length that no note could carry. */
export function verifierKey(name: string, type: SignatureType, publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name))
    throw new RunproofError('PARAMETER_INVALID', 'this is not a key name of a signed note', { name });
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new RunproofError(
      'PARAMETER_INVALID',
      `an Ed25519 public key has ${PUBLIC_KEY_BYTES} bytes, not ${publicKey.length}`,
    );
  }
  const digest = sha256(concatBytes(utf8(name), Uint8Array.of(0x0a, type), publicKey));
  return { name, type, publicKey, keyId: encodeHex(digest.subarray(0, 4)) };
}

export function encodeVerifierKey(key: VerifierKey): string {
  return `${key.name}+${key.keyId}+${encodeBase64(concatBytes(Uint8Array.of(key.type), key.publicKey))}`;
}

/** Strict inverse of `encodeVerifierKey`. `VKEY_SYNTAX` for anything else, also for signature types that are not supported. */
export function parseVerifierKey(text: string): VerifierKey {
  const fail = (message: string): RunproofError =>
    new RunproofError('VKEY_SYNTAX', message, { vkey: text.slice(0, 400) });
  const [name, keyId, encoded, ...more] = splitVerifierKey(text);
  if (name === undefined || keyId === undefined || encoded === undefined || more.length > 0)
    throw fail('a verifier key is name+id+key');
  if (!isKeyName(name))
    throw fail('the name of the verifier key is empty, too long, or has a space or a control character');
  const bytes = parseBase64(encoded);
  const type = bytes?.[0];
  if (bytes === null || type === undefined) throw fail('the key of the verifier key is not base64');
  if (type !== ED25519 && type !== COSIGNATURE_V1)
    throw fail(`signature type ${type} is not supported; supported are 1 and 4`);
  if (bytes.length !== 1 + PUBLIC_KEY_BYTES)
    throw fail(`an Ed25519 public key has ${PUBLIC_KEY_BYTES} bytes, not ${bytes.length - 1}`);
  const key = verifierKey(name, type, bytes.slice(1));
  if (key.keyId !== keyId) throw fail(`the key id should be ${key.keyId}: the name or the key was changed`);
  return key;
}

/** Splits at the first two plus signs only: base64 has them too. */
function splitVerifierKey(text: string): string[] {
  const first = text.indexOf('+');
  const second = first < 0 ? -1 : text.indexOf('+', first + 1);
  return second < 0 ? [text] : [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)];
}
