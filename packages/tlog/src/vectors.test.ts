// Every vector of vectors/tlog, one test each.
import { readFileSync } from 'node:fs';
import { encodeBase64, encodeHex, parseBase64, parseHex, RunproofError } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import {
  encodeCheckpoint,
  encodeEntryBundle,
  encodeNote,
  encodePolicy,
  encodeTlogProof,
  encodeVerifierKey,
  evaluatePolicy,
  leafHash,
  parseCheckpoint,
  parseEntryBundle,
  parseNote,
  parsePolicy,
  parseTilePath,
  parseTlogProof,
  parseVerifierKey,
  tilePath,
  verifyConsistency,
  verifyCosignature,
  verifyInclusion,
  verifyNote,
} from './index.ts';

/** Fields of all cases; each group has some of them. */
interface Case {
  readonly comment: string;
  readonly bundle: string;
  readonly canonical: string;
  readonly code: string;
  readonly entries: string[];
  readonly entry: string;
  readonly extensions: string[];
  readonly index: number;
  readonly keyId: string;
  readonly leafHash: string;
  readonly level: number | 'entries';
  readonly line: number;
  readonly name: string;
  readonly note: string;
  readonly origin: string;
  readonly path: string;
  readonly policy: string;
  readonly proof: string;
  readonly quorumMet: boolean;
  readonly root: string;
  readonly root1: string;
  readonly root2: string;
  readonly signers: string[];
  readonly size: number;
  readonly size1: number;
  readonly size2: number;
  readonly text: string;
  readonly timeSeconds: number;
  readonly type: number;
  readonly vkey: string;
  readonly vkeys: string[];
  readonly width: number;
  readonly witnesses: string[];
}

/** Cases of the tree, whose proof is a list of hashes. */
type TreeCase = Omit<Case, 'proof'> & { readonly proof: string[] };

function each<Vector extends { comment: string } = Case>(
  name: string,
  kind: 'valid' | 'invalid',
  check: (vector: Vector) => void,
): void {
  const url = new URL(`../../../vectors/tlog/${kind}/${name}.json`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(url, 'utf8')) as { cases: Vector[] };
  describe(`${name}, ${kind}`, () => {
    it.each(cases.map((vector): [string, Vector] => [vector.comment, vector]))('%s', (_comment, vector) => {
      expect.hasAssertions();
      check(vector);
    });
  });
}

const bytes = (text: string): Uint8Array => parseBase64(text) as Uint8Array;

function thrown(action: () => unknown): RunproofError {
  try {
    action();
  } catch (error) {
    if (RunproofError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const inclusion =
  ({ index, size, leafHash: leaf, root, proof }: TreeCase) =>
  () =>
    verifyInclusion({ index, size, leafHash: bytes(leaf), root: bytes(root), proof: proof.map(bytes) });
each<TreeCase>('inclusion', 'valid', (vector) => expect(inclusion(vector)).not.toThrow());
each<TreeCase>('inclusion', 'invalid', (vector) => expect(thrown(inclusion(vector)).code).toBe('PROOF_INVALID'));

const consistency =
  ({ size1, size2, root1, root2, proof }: TreeCase) =>
  () =>
    verifyConsistency({ size1, size2, root1: bytes(root1), root2: bytes(root2), proof: proof.map(bytes) });
each<TreeCase>('consistency', 'valid', (vector) => expect(consistency(vector)).not.toThrow());
each<TreeCase>('consistency', 'invalid', (vector) => expect(thrown(consistency(vector)).code).toBe('PROOF_INVALID'));

each('verifier-key', 'valid', ({ vkey, name, type, keyId }) => {
  const key = parseVerifierKey(vkey);
  expect(key).toMatchObject({ name, type, keyId });
  expect(encodeVerifierKey(key)).toBe(vkey);
});
each('verifier-key', 'invalid', ({ vkey }) => expect(thrown(() => parseVerifierKey(vkey)).code).toBe('VKEY_SYNTAX'));

each('signed-note', 'valid', ({ note, vkeys, signers }) => {
  expect(verifyNote(note, vkeys.map(parseVerifierKey)).signatures.map(({ key }) => key.name)).toEqual(signers);
  expect(encodeNote(parseNote(note))).toBe(note);
});
each('signed-note', 'invalid', ({ note, vkeys, code }) => {
  expect(thrown(() => verifyNote(note, vkeys.map(parseVerifierKey))).code).toBe(code);
  if (code === 'NOTE_SYNTAX') expect(thrown(() => parseNote(note)).code).toBe(code);
});

each('checkpoint', 'valid', ({ text, origin, size, root, extensions }) => {
  const checkpoint = parseCheckpoint(text);
  expect({ ...checkpoint, root: encodeBase64(checkpoint.root) }).toEqual({ origin, size, root, extensions });
  expect(encodeCheckpoint(checkpoint)).toBe(text);
});
each('checkpoint', 'invalid', ({ text }) => expect(thrown(() => parseCheckpoint(text)).code).toBe('NOTE_SYNTAX'));

each('tile-path', 'valid', ({ path, level, index, width }) => {
  expect(parseTilePath(path)).toEqual({ level, index, width });
  expect(tilePath(level, index, width)).toBe(path);
});
each('tile-path', 'invalid', ({ path }) => expect(parseTilePath(path)).toBe(null));

each('entry-bundle', 'valid', ({ bundle, entries }) => {
  expect(parseEntryBundle(parseHex(bundle)).map(encodeHex)).toEqual(entries);
  expect(encodeHex(encodeEntryBundle(entries.map(parseHex)))).toBe(bundle);
});
each('entry-bundle', 'invalid', ({ bundle }) => {
  expect(thrown(() => parseEntryBundle(parseHex(bundle))).code).toBe('PROOF_SYNTAX');
});

each('cosignature', 'valid', ({ note, vkey, timeSeconds }) => {
  expect(verifyCosignature(note, parseVerifierKey(vkey))).toBe(timeSeconds);
});
each('cosignature', 'invalid', ({ note, vkey }) => {
  expect(thrown(() => verifyCosignature(note, parseVerifierKey(vkey))).code).toBe('SIGNATURE_INVALID');
});

each('tlog-proof', 'valid', ({ proof, index, entry, vkey }) => {
  const parsed = parseTlogProof(proof);
  expect(parsed.index).toBe(index);
  expect(encodeTlogProof(parsed)).toBe(proof);
  const { size, root } = parseCheckpoint(verifyNote(parsed.checkpoint, [parseVerifierKey(vkey)]).text);
  verifyInclusion({ index, size, leafHash: leafHash(bytes(entry)), root, proof: parsed.hashes });
});
each('tlog-proof', 'invalid', ({ proof, code }) => expect(thrown(() => parseTlogProof(proof)).code).toBe(code));

each('policy', 'valid', ({ text, canonical }) => {
  expect(encodePolicy(parsePolicy(text))).toBe(canonical);
  expect(parsePolicy(canonical)).toEqual(parsePolicy(text));
});
each('policy', 'invalid', ({ text, line }) => {
  const error = thrown(() => parsePolicy(text));
  expect([error.code, error.evidence.line ?? 0]).toEqual(['POLICY_SYNTAX', line]);
});

each('policy-evaluation', 'valid', ({ policy, note, witnesses, quorumMet }) => {
  expect(evaluatePolicy(parsePolicy(policy), note)).toMatchObject({ witnesses, quorumMet });
});
each('policy-evaluation', 'invalid', ({ policy, note, code }) => {
  expect(thrown(() => evaluatePolicy(parsePolicy(policy), note)).code).toBe(code);
});
