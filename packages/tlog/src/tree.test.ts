import { encodeHex, parseHex, RunproofError, utf8 } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_ROOT, leafHash, nodeHash } from './hash.ts';
import { CompactRange, consistencyProof, edgeNodes, inclusionProof, rootFrom, rootOfHashes } from './tree.ts';
import { verifyConsistency, verifyInclusion } from './tree-verify.ts';

const SIZE_MAX = 300;
const leaves = Array.from({ length: SIZE_MAX }, (_, index) => leafHash(utf8(`leaf ${index}`)));

/** MTH of RFC 6962 §2.1, as it is written there: the judge of everything else. */
function definition(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return EMPTY_ROOT;
  if (hashes.length === 1) return hashes[0] as Uint8Array;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return nodeHash(definition(hashes.slice(0, split)), definition(hashes.slice(split)));
}

const nodes = new Map<string, Uint8Array>();
const roots: Uint8Array[] = [EMPTY_ROOT];
const growing = new CompactRange();
for (const leaf of leaves) {
  growing.append(leaf, (level, index, hash) => nodes.set(`${level} ${index}`, hash));
  roots.push(growing.root());
}
const source = (level: number, index: number): Uint8Array => nodes.get(`${level} ${index}`) as Uint8Array;
const root = (size: number): Uint8Array => roots[size] as Uint8Array;

function holds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!RunproofError.isInstance(error) || error.code !== 'PROOF_INVALID') throw error;
    return false;
  }
}

describe('tree', () => {
  it('has the known roots of the tree of the RFC 6962 reference implementation', () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const edge = new CompactRange();
    const got = inputs.map((hex) => {
      edge.append(leafHash(parseHex(hex)));
      return encodeHex(edge.root());
    });
    expect(encodeHex(EMPTY_ROOT)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(got[0]).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(got[7]).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  it('every size to 300: the root is the one of the definition', () => {
    for (let size = 0; size <= SIZE_MAX; size += 1) {
      const expected = encodeHex(definition(leaves.slice(0, size)));
      expect(encodeHex(root(size)), `edge ${size}`).toBe(expected);
      expect(encodeHex(rootFrom(size, source)), `source ${size}`).toBe(expected);
      expect(encodeHex(new CompactRange(size, source).root()), `restored ${size}`).toBe(expected);
    }
    expect(encodeHex(rootOfHashes(leaves))).toBe(encodeHex(root(SIZE_MAX)));
  });

  it('every leaf of every size to 300: the inclusion proof holds', () => {
    let proofs = 0;
    for (let size = 1; size <= SIZE_MAX; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProof(index, size, source);
        verifyInclusion({ index, size, leafHash: leaves[index] as Uint8Array, root: root(size), proof });
        proofs += 1;
      }
    }
    expect(proofs).toBe((SIZE_MAX * (SIZE_MAX + 1)) / 2);
  });

  it('every pair of sizes to 300: the consistency proof holds', () => {
    let proofs = 0;
    for (let size2 = 1; size2 <= SIZE_MAX; size2 += 1) {
      for (let size1 = 1; size1 <= size2; size1 += 1) {
        const proof = consistencyProof(size1, size2, source);
        verifyConsistency({ size1, root1: root(size1), size2, root2: root(size2), proof });
        proofs += 1;
      }
    }
    expect(proofs).toBe((SIZE_MAX * (SIZE_MAX + 1)) / 2);
  });

  it('every size to 40: a proof holds for its own leaf, size and root only', () => {
    for (let size = 1; size <= 40; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProof(index, size, source);
        const claim = { index, size, leafHash: leaves[index] as Uint8Array, root: root(size), proof };
        for (let other = 0; other < size; other += 1) {
          if (other === index) continue;
          expect(holds(() => verifyInclusion({ ...claim, index: other }))).toBe(false);
          expect(holds(() => verifyInclusion({ ...claim, leafHash: leaves[other] as Uint8Array }))).toBe(false);
        }
        expect(holds(() => verifyInclusion({ ...claim, root: root(size - 1) }))).toBe(false);
        expect(holds(() => verifyInclusion({ ...claim, proof: [...proof, EMPTY_ROOT] }))).toBe(false);
        if (size > 1) expect(holds(() => verifyInclusion({ ...claim, proof: proof.slice(1) }))).toBe(false);
      }
    }
  });

  it('one flipped bit of a proof, a leaf or a root never verifies', () => {
    const flip = (hash: Uint8Array, bit: number): Uint8Array =>
      hash.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    fc.assert(
      fc.property(fc.nat(SIZE_MAX - 1), fc.nat(SIZE_MAX - 1), fc.nat(255), fc.nat(), (first, second, bit, which) => {
        const size = Math.max(first, second) + 1;
        const index = Math.min(first, second);
        const proof = inclusionProof(index, size, source);
        const parts = [leaves[index] as Uint8Array, root(size), ...proof];
        const [leaf, top, ...rest] = parts.map((part, at) => (at === which % parts.length ? flip(part, bit) : part));
        const claim = { index, size, leafHash: leaf as Uint8Array, root: top as Uint8Array, proof: rest };
        expect(holds(() => verifyInclusion(claim))).toBe(false);
        if (size === index + 1) return;
        const path = consistencyProof(index + 1, size, source);
        const all = [root(index + 1), root(size), ...path];
        const [root1, root2, ...proof2] = all.map((part, at) => (at === which % all.length ? flip(part, bit) : part));
        const sizes = { size1: index + 1, size2: size };
        const roots2 = { root1: root1 as Uint8Array, root2: root2 as Uint8Array };
        expect(holds(() => verifyConsistency({ ...sizes, ...roots2, proof: proof2 }))).toBe(false);
      }),
    );
  });

  it('sizes beyond 2^32 are exact', () => {
    const size = 2 ** 40 + 3;
    const hash = (level: number, index: number): Uint8Array => leafHash(utf8(`${level} ${index}`));
    expect(edgeNodes(size)).toEqual([
      { level: 40, index: 0 },
      { level: 1, index: 2 ** 39 },
      { level: 0, index: 2 ** 40 + 2 },
    ]);
    const edge = new CompactRange(size, hash);
    const proof = inclusionProof(size - 1, size, hash);
    verifyInclusion({ index: size - 1, size, leafHash: hash(0, size - 1), root: edge.root(), proof });
    expect(proof).toHaveLength(2);
    edge.append(EMPTY_ROOT);
    expect(edge.size).toBe(size + 1);
    expect(edge.hashes).toHaveLength(2);
  });

  it('proofs outside the tree are refused as our own mistake', () => {
    expect(() => inclusionProof(3, 3, source)).toThrow(/not in a tree/);
    expect(() => inclusionProof(-1, 3, source)).toThrow(/not in a tree/);
    expect(() => inclusionProof(0, 2.5, source)).toThrow(/not a tree size/);
    expect(() => consistencyProof(0, 3, source)).toThrow(/no consistency proof/);
    expect(() => consistencyProof(4, 3, source)).toThrow(/no consistency proof/);
    expect(() => new CompactRange(3)).toThrow(/needs its hashes/);
  });
});
