// Commitments and entry of specs/receipt.md by the platform's own SHA-256, several times faster than portable code. A test holds
// them to the functions of @runproof/protocol, which say what is right.
import { hash } from 'node:crypto';
import { type CommitmentField, encodeHex, utf8 } from '@runproof/protocol';

const BLOCK_BYTES = 64;

function sha256(data: Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/** HMAC-SHA256 (RFC 2104) for keys of up to one block. The platform's keyed object costs more than these two hashes. */
function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  const inner = new Uint8Array(BLOCK_BYTES + data.length).fill(0x36, 0, BLOCK_BYTES);
  const outer = new Uint8Array(BLOCK_BYTES + 32).fill(0x5c, 0, BLOCK_BYTES);
  for (const [index, byte] of key.entries()) {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  inner.set(data, BLOCK_BYTES);
  outer.set(sha256(inner), BLOCK_BYTES);
  return sha256(outer);
}

export interface ReceiptCommitter {
  /** hex32 */
  commit(field: CommitmentField, data: Uint8Array): string;
  /** 33 bytes; `body` is canonical */
  entry(body: string): Uint8Array;
}

/**
 * Commitments under one 32-byte salt. HKDF-SHA256 (RFC 5869) without salt: its first step is the same for every field and is done
 * once; its second is one block, because a key has 32 bytes.
 */
export function createCommitter(salt: Uint8Array): ReceiptCommitter {
  const extracted = hmac(new Uint8Array(32), salt);
  return {
    commit(field, data) {
      const key = hmac(extracted, utf8(`runproof/commit/1/${field}\u0001`));
      return encodeHex(hmac(key, data));
    },
    entry(body) {
      const digest = sha256(Buffer.concat([utf8('runproof/receipt/1\0'), salt, sha256(utf8(body))]));
      return new Uint8Array(Buffer.concat([Uint8Array.of(1), digest]));
    },
  };
}

/** Id of the receipt with this entry: its RFC 6962 leaf hash, hex32. */
export function entryId(entry: Uint8Array): string {
  return encodeHex(sha256(Buffer.concat([Uint8Array.of(0), entry])));
}
