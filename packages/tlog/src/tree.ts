// The tree of RFC 6962 §2.1 and its proofs, from whatever holds the hashes of its complete subtrees.
//
// A node (level, index) is the root of the complete subtree over leaves index·2^level … (index+1)·2^level − 1.
import { RunproofError } from '@runproof/protocol';
import { EMPTY_ROOT, nodeHash } from './hash.ts';

/** Hash of node (level, index), 32 bytes. It is asked for complete subtrees inside the tree only. */
export type HashSource = (level: number, index: number) => Uint8Array;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Largest power of two smaller than `size` (RFC 9162 §2.1.1, k); `size` ≥ 2. Exact for all safe integers. */
function splitPoint(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

/** Root over the leaves of `range`, which begins at a multiple of its length rounded up to a power of two. */
function rangeHash({ start, end }: Range, hashes: HashSource): Uint8Array {
  let right: Uint8Array | null = null;
  const pieces: Uint8Array[] = [];
  for (let position = start; position < end; ) {
    let level = 0;
    let width = 1;
    while (width * 2 <= end - position) {
      width *= 2;
      level += 1;
    }
    pieces.push(hashes(level, position / width));
    position += width;
  }
  for (let index = pieces.length - 1; index >= 0; index -= 1) {
    const piece = pieces[index] as Uint8Array;
    right = right === null ? piece : nodeHash(piece, right);
  }
  return right ?? EMPTY_ROOT;
}

function assertSize(size: number, name: string): void {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RunproofError('INTERNAL', `${name} is not a tree size: ${size}`);
}

/** Root hash of the tree of `size` leaves (RFC 9162 §2.1.1). */
export function rootFrom(size: number, hashes: HashSource): Uint8Array {
  assertSize(size, 'size');
  return rangeHash({ start: 0, end: size }, hashes);
}

/** Root hash over `leafHashes` (RFC 9162 §2.1.1). */
export function rootOfHashes(leafHashes: readonly Uint8Array[]): Uint8Array {
  const edge = new CompactRange();
  for (const hash of leafHashes) edge.append(hash);
  return edge.root();
}

/**
 * Inclusion proof of leaf `index` in the tree of `size` leaves, from the leaf's sibling up (RFC 9162 §2.1.3.1).
 * An index outside the tree is `INTERNAL`: the caller knows its own tree.
 */
export function inclusionProof(index: number, size: number, hashes: HashSource): Uint8Array[] {
  assertSize(size, 'size');
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RunproofError('INTERNAL', `leaf ${index} is not in a tree of ${size}`);
  }
  const siblings: Range[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    siblings.push(index < middle ? { start: middle, end } : { start, end: middle });
    if (index < middle) end = middle;
    else start = middle;
  }
  return siblings.reverse().map((range) => rangeHash(range, hashes));
}

/**
 * Proof that the tree of `size1` leaves is a prefix of the tree of `size2` (RFC 9162 §2.1.4.1). Empty for equal sizes.
 * Sizes outside 1 ≤ size1 ≤ size2 are `INTERNAL`: nothing needs a proof from the empty tree.
 */
export function consistencyProof(size1: number, size2: number, hashes: HashSource): Uint8Array[] {
  assertSize(size1, 'size1');
  assertSize(size2, 'size2');
  if (size1 < 1 || size1 > size2) throw new RunproofError('INTERNAL', `no consistency proof from ${size1} to ${size2}`);
  const parts: Range[] = [];
  let start = 0;
  let end = size2;
  while (end !== size1) {
    const middle = start + splitPoint(end - start);
    if (size1 <= middle) {
      parts.push({ start: middle, end });
      end = middle;
    } else {
      parts.push({ start, end: middle });
      start = middle;
    }
  }
  // The old tree's own root is known to the verifier; a right subtree of it is not.
  if (start > 0) parts.push({ start, end });
  return parts.reverse().map((range) => rangeHash(range, hashes));
}

/**
 * The right edge of a growing tree: roots of its maximal complete subtrees, largest first. It holds at most 53 hashes and is
 * all that appending needs.
 */
export class CompactRange {
  readonly #hashes: Uint8Array[];
  #size: number;

  /** The edge of a tree of `size` leaves whose complete subtrees are in `hashes`; without arguments the empty tree. */
  constructor(size = 0, hashes?: HashSource) {
    assertSize(size, 'size');
    this.#size = size;
    this.#hashes = hashes === undefined ? [] : edgeNodes(size).map(({ level, index }) => hashes(level, index));
    if (this.#hashes.length !== edgeNodes(size).length)
      throw new RunproofError('INTERNAL', 'a non-empty edge needs its hashes');
  }

  get size(): number {
    return this.#size;
  }

  /** Roots of the maximal complete subtrees, largest first. */
  get hashes(): readonly Uint8Array[] {
    return this.#hashes;
  }

  /** Adds a leaf. `onNode` is told every subtree that became complete, the leaf itself first. */
  append(hash: Uint8Array, onNode?: (level: number, index: number, hash: Uint8Array) => void): void {
    let node = hash;
    let index = this.#size;
    onNode?.(0, index, node);
    for (let level = 1; index % 2 === 1; level += 1) {
      node = nodeHash(this.#hashes.pop() as Uint8Array, node);
      index = (index - 1) / 2;
      onNode?.(level, index, node);
    }
    this.#hashes.push(node);
    this.#size += 1;
  }

  /** Root hash of the tree so far. */
  root(): Uint8Array {
    let root: Uint8Array | null = null;
    for (let index = this.#hashes.length - 1; index >= 0; index -= 1) {
      const piece = this.#hashes[index] as Uint8Array;
      root = root === null ? piece : nodeHash(piece, root);
    }
    return root ?? EMPTY_ROOT;
  }
}

/** The maximal complete subtrees of a tree of `size` leaves, largest first: one per set bit of `size`. */
export function edgeNodes(size: number): { level: number; index: number }[] {
  const nodes: { level: number; index: number }[] = [];
  let rest = size;
  for (let level = 0; rest > 0; level += 1) {
    if (rest % 2 === 1) nodes.unshift({ level, index: rest - 1 });
    rest = Math.floor(rest / 2);
  }
  return nodes;
}
