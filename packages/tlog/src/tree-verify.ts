// Verification of proofs: RFC 9162 §2.1.3.2 and §2.1.4.2, step by step.
import { encodeHex, equalBytes, RunproofError } from '@runproof/protocol';
import { HASH_BYTES, nodeHash } from './hash.ts';

function invalid(message: string, evidence: Record<string, string | number | readonly string[]>): RunproofError {
  return new RunproofError('PROOF_INVALID', message, evidence);
}

function assertHashes(hashes: readonly Uint8Array[], message: string): void {
  if (hashes.some((hash) => hash.length !== HASH_BYTES))
    throw invalid(`${message} holds a hash that is not ${HASH_BYTES} bytes`, {});
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

export interface InclusionClaim {
  /** leaf index, from 0 */
  readonly index: number;
  /** number of leaves of the tree */
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly root: Uint8Array;
  /** from the leaf's sibling up to a child of the root */
  readonly proof: readonly Uint8Array[];
}

/** Throws `PROOF_INVALID` unless `proof` leads from `leafHash` at `index` to `root` (RFC 9162 §2.1.3.2). */
export function verifyInclusion({ index, size, leafHash, root, proof }: InclusionClaim): void {
  if (!isSize(size) || !isSize(index) || index >= size)
    throw invalid(`leaf ${index} cannot be in a tree of ${size}`, { index, size });
  assertHashes([leafHash, root, ...proof], 'the inclusion proof');
  let first = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) throw invalid('the inclusion proof is too long', { index, size, hashes: proof.length });
    if (first % 2 === 1 || first === last) {
      hash = nodeHash(sibling, hash);
      while (first % 2 === 0 && first !== 0) {
        first /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    first = Math.floor(first / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw invalid('the inclusion proof is too short', { index, size, hashes: proof.length });
  if (!equalBytes(hash, root)) {
    const evidence = { index, size, expected: encodeHex(root), got: encodeHex(hash) };
    throw invalid('the inclusion proof leads to another root', evidence);
  }
}

export interface ConsistencyClaim {
  readonly size1: number;
  readonly root1: Uint8Array;
  readonly size2: number;
  readonly root2: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * Throws `PROOF_INVALID` unless the tree (`size1`, `root1`) is shown to be a prefix of (`size2`, `root2`) (RFC 9162 §2.1.4.2).
 * A claim about the empty tree is refused: it says nothing, so nobody should rely on it.
 */
export function verifyConsistency({ size1, root1, size2, root2, proof }: ConsistencyClaim): void {
  if (!isSize(size1) || !isSize(size2) || size1 < 1 || size1 > size2) {
    throw invalid(`a tree of ${size1} cannot be shown consistent with one of ${size2}`, { size1, size2 });
  }
  assertHashes([root1, root2, ...proof], 'the consistency proof');
  const evidence = { size1, size2, root1: encodeHex(root1), root2: encodeHex(root2), proof: proof.map(encodeHex) };
  if (size1 === size2) {
    if (proof.length > 0) throw invalid('equal sizes have an empty consistency proof', evidence);
    if (!equalBytes(root1, root2)) throw invalid('two roots for one size', evidence);
    return;
  }
  let first = size1 - 1;
  let last = size2 - 1;
  while (first % 2 === 1) {
    first = (first - 1) / 2;
    last = Math.floor(last / 2);
  }
  // Step 2: where the old tree is complete, its root is the first node and is not repeated in the proof.
  const path = first === 0 ? [root1, ...proof] : proof;
  const start = path[0];
  if (start === undefined) throw invalid('the consistency proof is too short', evidence);
  let hash1 = start;
  let hash2 = start;
  for (const node of path.slice(1)) {
    if (last === 0) throw invalid('the consistency proof is too long', evidence);
    if (first % 2 === 1 || first === last) {
      hash1 = nodeHash(node, hash1);
      hash2 = nodeHash(node, hash2);
      while (first % 2 === 0 && first !== 0) {
        first /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash2 = nodeHash(hash2, node);
    }
    first = Math.floor(first / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw invalid('the consistency proof is too short', evidence);
  if (!equalBytes(hash1, root1)) throw invalid('the consistency proof leads to another old root', evidence);
  if (!equalBytes(hash2, root2)) throw invalid('the consistency proof leads to another new root', evidence);
}
