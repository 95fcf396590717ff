// Cosignatures of witnesses, version 1 (c2sp.org/tlog-cosignature@v1.0.1).
import { RunproofError } from '@runproof/protocol';
import { parseCheckpoint } from './checkpoint.ts';
import { cosignedMessage, encodeTimedSignature } from './cosignature-message.ts';
import { ed25519PublicKey, ed25519Sign } from './ed25519.ts';
import { isCosignerKey, type Note, type NoteSignature, verifyNote } from './note.ts';
import { COSIGNATURE_V1, encodeVerifierKey, type VerifierKey, verifierKey } from './verifier-key.ts';

export interface Cosigner {
  readonly name: string;
  readonly vkey: string;
  /** Cosigns the text of a checkpoint at a Unix time in seconds. What it vouches for (one history) is the caller's duty. */
  cosign(text: string, timeSeconds: number): NoteSignature;
}

/** A cosigner whose private key is `seed` (32 bytes). `NOTE_SYNTAX` when it is asked to cosign what is no checkpoint. */
export function ed25519Cosigner(name: string, seed: Uint8Array): Cosigner {
  const key = verifierKey(name, COSIGNATURE_V1, ed25519PublicKey(seed));
  const secret = seed.slice();
  const cosign = (text: string, timeSeconds: number): NoteSignature => {
    parseCheckpoint(text);
    if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0)
      throw new RunproofError('INTERNAL', `not a Unix time: ${timeSeconds}`);
    const signature = ed25519Sign(secret, cosignedMessage(text, timeSeconds));
    return { name, keyId: key.keyId, signature: encodeTimedSignature({ timeSeconds, signature }) };
  };
  return { name, vkey: encodeVerifierKey(key), cosign };
}

/** Unix time in seconds of `key`'s cosignature on the note; `SIGNATURE_INVALID` when it is missing or does not hold. */
export function verifyCosignature(signed: string | Note, key: VerifierKey): number {
  if (!isCosignerKey(key)) throw new RunproofError('SIGNATURE_INVALID', `${key.name} is not a key of a cosigner`);
  const time = verifyNote(signed, [key]).signatures[0]?.timeSeconds;
  if (time === undefined || time === null) throw new RunproofError('INTERNAL', 'a cosignature without a time');
  return time;
}
