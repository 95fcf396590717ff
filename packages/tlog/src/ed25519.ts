// Ed25519 (RFC 8032), in the strict reading: one encoding per point, no torsion-free shortcuts that other verifiers refuse.
import { getPublicKey, hashes, sign, verify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';

// The synchronous API of the library takes its SHA-512 from here. It is the same function for every caller.
hashes.sha512 = sha512;

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** Checks an Ed25519 signature: (public key of 32 bytes, message, signature of 64 bytes) → whether it holds. Never throws. */
export type Ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** True when `signature` (64 bytes) is by `publicKey` (32 bytes) over `message`. Never throws. */
export const ed25519Verify: Ed25519Verify = (publicKey, message, signature) => {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    return verify(signature, message, publicKey, { zip215: false });
  } catch {
    // The library throws on bytes that are no point of the curve; for us that is a signature that does not hold.
    return false;
  }
};

/** Signature, 64 bytes, of `message` by the key of `seed` (32 bytes). Deterministic. */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return sign(message, seed);
}

/** Public key, 32 bytes, of `seed` (32 bytes). */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return getPublicKey(seed);
}
