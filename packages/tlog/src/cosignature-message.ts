// Bytes of a cosignature v1 (c2sp.org/tlog-cosignature@v1.0.1):
//
//   u64 big-endian Unix time in seconds ‖ Ed25519 signature over "cosignature/v1\ntime <t>\n" ‖ note text
import { utf8 } from '@runproof/protocol';
import { SIGNATURE_BYTES } from './ed25519.ts';

const TIME_BYTES = 8;

interface TimedSignature {
  readonly timeSeconds: number;
  /** 64 bytes */
  readonly signature: Uint8Array;
}

/** The bytes that a cosigner signs. */
export function cosignedMessage(text: string, timeSeconds: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

export function encodeTimedSignature({ timeSeconds, signature }: TimedSignature): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES + signature.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(timeSeconds));
  bytes.set(signature, TIME_BYTES);
  return bytes;
}

/** Takes a cosignature apart; null when it has another length or a time beyond 2^53 − 1. */
export function cosignatureTime(bytes: Uint8Array): TimedSignature | null {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return null;
  const time = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0);
  return time > BigInt(Number.MAX_SAFE_INTEGER)
    ? null
    : { timeSeconds: Number(time), signature: bytes.slice(TIME_BYTES) };
}
