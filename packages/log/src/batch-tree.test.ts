// The sequencer's tree against the pure one of @runproof/tlog, which is against the definition of RFC 6962.

import { parseBase64 } from '@runproof/protocol';
import {
  CompactRange,
  edgeNodes,
  inclusionProof,
  leafHash,
  rootFrom,
  tileLevelSize,
  verifyInclusion,
} from '@runproof/tlog';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchTree, buildBatchTree, type Edge, hashBytes, hashLeaf, subtreeRoot } from './batch-tree.ts';
import { entry } from './test/helpers.ts';

const SIZE_MAX = 700;
const nodes = new Map<string, Uint8Array>();
const growing = new CompactRange();
for (let index = 0; index < SIZE_MAX; index += 1) {
  growing.append(leafHash(entry(index)), (level, position, hash) => nodes.set(`${level} ${position}`, hash));
}
const source = (level: number, index: number): Uint8Array => nodes.get(`${level} ${index}`) as Uint8Array;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const edgeOf = (size: number): Edge =>
  new Map(edgeNodes(size).map(({ level, index }) => [level, text(source(level, index))]));
const leavesOf = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => hashLeaf(entry(from + index)));

function mustEqualPureTree(from: number, to: number): BatchTree {
  const tree = buildBatchTree(from, edgeOf(from), leavesOf(from, to));
  expect(tree.size).toBe(to);
  expect(tree.root).toBe(text(rootFrom(to, source)));
  expect([...tree.edge].sort()).toEqual([...edgeOf(to)].sort());
  for (let height = 0; height < 11; height += 1) {
    const { first, nodes: made } = tree.completed(height);
    expect(first).toBe(Math.floor(from / 2 ** height));
    expect(made).toHaveLength(Math.floor(to / 2 ** height) - first);
    expect(made).toEqual(made.map((_, offset) => text(source(height, first + offset))));
  }
  return tree;
}

describe('batch tree', () => {
  it('every batch between sizes 0 and 28 gives the tree and the proofs of the definition', () => {
    for (let from = 0; from <= 28; from += 1) {
      for (let to = from; to <= 28; to += 1) {
        const tree = mustEqualPureTree(from, to);
        const proofs = tree.proofs('\n');
        expect(proofs).toHaveLength(to - from);
        proofs.forEach((lines, offset) => {
          const hashes = lines
            .split('\n')
            .slice(0, -2)
            .map((line) => parseBase64(line) as Uint8Array);
          expect(hashes).toEqual(inclusionProof(from + offset, to, source));
        });
      }
    }
  });

  it('batches of any size in a larger tree', () => {
    fc.assert(
      fc.property(fc.nat(SIZE_MAX), fc.nat(SIZE_MAX), fc.nat(), (left, right, pick) => {
        const from = Math.min(left, right);
        const to = Math.max(left, right);
        const tree = mustEqualPureTree(from, to);
        if (from === to) return;
        const index = from + (pick % (to - from));
        const proof = (tree.proofs('\n')[index - from] as string).split('\n').slice(0, -2);
        const root = new Uint8Array(hashBytes([tree.root]));
        const hashes = proof.map((line) => parseBase64(line) as Uint8Array);
        verifyInclusion({ index, size: to, leafHash: leafHash(entry(index)), root, proof: hashes });
      }),
      { numRuns: 60 },
    );
  });

  it('a batch onto a huge tree needs only its edge', () => {
    const size = 2 ** 45 + 2 ** 20 + 5;
    const edge: Edge = new Map(edgeNodes(size).map(({ level }) => [level, hashLeaf(entry(level))]));
    const tree = buildBatchTree(size, edge, leavesOf(0, 3));
    expect(tree.size).toBe(size + 3);
    expect([...tree.edge.keys()].sort((a, b) => a - b)).toEqual([3, 20, 45]);
    expect(tree.proofs('\n')[2]?.split('\n')).toHaveLength(3 + 2 + 2);
    expect(tileLevelSize(2, size)).toBe(2 ** 29 + 2 ** 4);
  });

  it('the root of a complete subtree from its hashes', () => {
    const hashes = Buffer.concat(Array.from({ length: 128 }, (_, index) => source(0, 256 + index)));
    expect(text(subtreeRoot(hashes))).toBe(text(source(7, 2)));
    expect(text(subtreeRoot(hashes.subarray(0, 32)))).toBe(text(source(0, 256)));
  });
});
