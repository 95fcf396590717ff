// Proofs in the Merkle tree.
import { encodeBase64 } from '@runproof/protocol';
import { consistencyProof, inclusionProof, leafHash, nodeHash } from '@runproof/tlog';
import { entry, root, SIZES, tree } from './material.ts';

export function inclusionVectors(): [object[], object[]] {
  const claim = (index: number, size: number) => ({
    index,
    size,
    leafHash: encodeBase64(leafHash(entry(index))),
    root: encodeBase64(root(size)),
    proof: inclusionProof(index, size, tree).map(encodeBase64),
  });
  const valid = SIZES.flatMap((size) =>
    [...new Set([0, Math.floor(size / 2), size - 1])].map((index) => ({
      comment: `leaf ${index} of ${size}`,
      ...claim(index, size),
    })),
  );
  const good = claim(5, 9);
  const invalid = [
    { comment: 'index beyond the tree', ...good, index: 9 },
    { comment: 'another index', ...good, index: 4 },
    { comment: 'another size', ...good, size: 17 },
    { comment: 'another leaf', ...good, leafHash: claim(4, 9).leafHash, nodeHash },
    { comment: 'another root', ...good, root: encodeBase64(root(8)) },
    { comment: 'one hash too few', ...good, proof: good.proof.slice(1) },
    { comment: 'one hash too many', ...good, proof: [...good.proof, good.root] },
    { comment: 'two hashes swapped', ...good, proof: [good.proof[1], good.proof[0], ...good.proof.slice(2)] },
    { comment: 'a hash of 31 bytes', ...good, proof: [encodeBase64(new Uint8Array(31)), ...good.proof.slice(1)] },
    { comment: 'no proof in the empty tree', ...good, index: 0, size: 0, proof: [] },
    {
      comment: 'a proof of a larger tree than was signed, whose root fits',
      index: 0,
      size: 1,
      leafHash: encodeBase64(leafHash(entry(1))),
      root: encodeBase64(root(2)),
      proof: [encodeBase64(leafHash(entry(0)))],
    },
    { comment: 'a negative index', ...good, index: -1 },
    { comment: 'a size that is no integer', ...good, size: 9.5 },
  ];
  return [valid, invalid];
}

export function consistencyVectors(): [object[], object[]] {
  const claim = (size1: number, size2: number) => ({
    size1,
    root1: encodeBase64(root(size1)),
    size2,
    root2: encodeBase64(root(size2)),
    proof: consistencyProof(size1, size2, tree).map(encodeBase64),
  });
  const valid = SIZES.flatMap((size2) =>
    SIZES.filter((size1) => size1 <= size2).map((size1) => ({
      comment: `${size1} to ${size2}`,
      ...claim(size1, size2),
    })),
  );
  const good = claim(6, 9);
  const invalid = [
    { comment: 'the old tree is larger', ...good, size1: 10 },
    { comment: 'the empty tree proves nothing', ...good, size1: 0, proof: [] },
    { comment: 'roots swapped', ...good, root1: good.root2, root2: good.root1 },
    { comment: 'another old root', ...good, root1: encodeBase64(root(5)) },
    { comment: 'another new root', ...good, root2: encodeBase64(root(8)) },
    { comment: 'one hash too few', ...good, proof: good.proof.slice(0, -1) },
    { comment: 'one hash too many', ...good, proof: [...good.proof, good.root2] },
    { comment: 'no hashes', ...good, proof: [] },
    { comment: 'a proof to a smaller tree than was signed, whose roots fit', ...claim(3, 4), size2: 8 },
    {
      comment: 'a proof that goes on above the signed sizes, to roots that fit',
      ...claim(3, 4),
      root1: encodeBase64(nodeHash(root(1), root(3))),
      root2: encodeBase64(nodeHash(root(1), root(4))),
      proof: [...claim(3, 4).proof, encodeBase64(root(1))],
    },
    { comment: 'equal sizes with two roots', ...claim(6, 6), root2: encodeBase64(root(5)) },
    { comment: 'equal sizes with a proof', ...claim(6, 6), proof: [encodeBase64(root(6))] },
    { comment: 'a hash of 33 bytes', ...good, proof: [encodeBase64(new Uint8Array(33)), ...good.proof.slice(1)] },
  ];
  return [valid, invalid];
}
