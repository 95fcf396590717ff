// Salted commitments, the log's entry, and the receipt's id (specs/receipt.md, Commitments and Leaf).
import { concatBytes, encodeHex, encodeTokenIds, parseHex, utf8 } from './bytes.ts';
import { encodeCanonicalJson } from './canonical-json.ts';
import { RunproofError } from './errors.ts';
import { hkdfSha256, hmacSha256, sha256 } from './sha256.ts';
import type { Bundle, FinishReason } from './types.ts';

export type CommitmentField = 'request' | 'prompt' | 'tokens' | 'output';

const SALT_LENGTH = 32;

function assertSalt(salt: Uint8Array): void {
  if (salt.length !== SALT_LENGTH) throw new RunproofError('INTERNAL', `a salt has 32 bytes, not ${salt.length}`);
}

/**
 * Key of one field's commitment, 32 bytes: HKDF-SHA256(ikm = salt, no salt, info = "runproof/commit/1/" ‖ field).
 * Giving it away discloses that field only.
 */
export function commitmentKey(salt: Uint8Array, field: CommitmentField): Uint8Array {
  assertSalt(salt);
  return hkdfSha256(salt, new Uint8Array(0), utf8(`runproof/commit/1/${field}`), 32);
}

/** Commitment to `data` under a 32-byte `salt`, hex32: HMAC-SHA256(`commitmentKey(salt, field)`, data). */
export function commit(salt: Uint8Array, field: CommitmentField, data: Uint8Array): string {
  return encodeHex(hmacSha256(commitmentKey(salt, field), data));
}

/** What the `output` commitment is over: canonical JSON of the text that the client received and the finish reason. */
export function outputCommitmentData(content: string, finishReason: FinishReason): Uint8Array<ArrayBuffer> {
  return utf8(encodeCanonicalJson({ content, finish_reason: finishReason }));
}

/**
 * What the `tokens` commitment is over: the output ids as u32le, then the first 8 bytes of every h_t as they are disclosed. The trace
 * root alone binds only the last of them.
 */
export function tokensCommitmentData(ids: readonly number[], tracePrefixes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(encodeTokenIds(ids), tracePrefixes);
}

/**
 * Entry of a receipt in the log, 33 bytes; `body` is the canonical body.
 *
 *     0x01 ‖ SHA-256("runproof/receipt/1" ‖ 0x00 ‖ salt[32] ‖ SHA-256(body))
 */
export function receiptEntry(body: Uint8Array, salt: Uint8Array): Uint8Array<ArrayBuffer> {
  assertSalt(salt);
  const digest = sha256(concatBytes(utf8('runproof/receipt/1\0'), salt, sha256(body)));
  return concatBytes(Uint8Array.of(1), digest);
}

/** Id of a receipt, hex32: the RFC 6962 leaf hash of its entry, SHA-256(0x00 ‖ entry). */
export function receiptId(entry: Uint8Array): string {
  return encodeHex(sha256(concatBytes(Uint8Array.of(0), entry)));
}

/** Id of the receipt in `bundle`, recomputed from body and salt. */
export function receiptIdOfBundle(bundle: Bundle): string {
  return receiptId(receiptEntry(utf8(encodeCanonicalJson(bundle.body)), parseHex(bundle.salt)));
}
