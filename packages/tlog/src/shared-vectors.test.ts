// Cases of other implementations: transparency-dev/merkle, Tessera, golang.org/x/mod/sumdb, torchwood. They are not part of this
// repository; where they lie beside it, they are run.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeHex, parseBase64, parseHex, RunproofError, utf8 } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import {
  encodeCheckpoint,
  encodeNote,
  encodeTlogProof,
  evaluatePolicy,
  leafHash,
  parseCheckpoint,
  parseEntryBundle,
  parseNote,
  parsePolicy,
  parseTlogProof,
  parseVerifierKey,
  rootOfHashes,
  signNote,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
} from './index.ts';
import { ed25519NoteSigner } from './note.ts';

const root = join(fileURLToPath(new URL('../../../../', import.meta.url)), 'shared', 'vectors', 'tlog');
const present = existsSync(root);
if (!present) console.log('shared-vectors.test.ts: skipped, ../shared/vectors/tlog is not beside this repository');

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const json = <Shape>(path: string): Shape => JSON.parse(read(path)) as Shape;
/** The peers' files hold hashes that are not base64 or not 32 bytes on purpose. */
const bytes = (text: string): Uint8Array => parseBase64(text) ?? new Uint8Array(0);

function jsonFiles(folder: string): string[] {
  if (!present) return ['absent'];
  const entries = readdirSync(join(root, folder), { recursive: true }) as string[];
  return entries.filter((path) => path.endsWith('.json')).map((path) => join(folder, path));
}

function holds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!RunproofError.isInstance(error) || error.code !== 'PROOF_INVALID') throw error;
    return false;
  }
}

interface MerkleCase {
  readonly desc: string;
  readonly wantErr: boolean;
  readonly proof: string[] | null;
  readonly root: string;
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly leafHash: string;
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
}

describe.runIf(present)('transparency-dev/merkle', () => {
  it.each(jsonFiles('merkle-rfc6962/inclusion'))('%s', (path) => {
    const { leafIdx, treeSize, leafHash: leaf, root: top, proof, wantErr } = json<MerkleCase>(path);
    const claim = {
      index: leafIdx,
      size: treeSize,
      leafHash: bytes(leaf),
      root: bytes(top),
      proof: (proof ?? []).map(bytes),
    };
    expect(holds(() => verifyInclusion(claim))).toBe(!wantErr);
  });

  it.each(jsonFiles('merkle-rfc6962/consistency'))('%s', (path) => {
    const { size1, size2, root1, root2, proof, wantErr } = json<MerkleCase>(path);
    const claim = { size1, size2, root1: bytes(root1), root2: bytes(root2), proof: (proof ?? []).map(bytes) };
    // The peer compares roots of any length; ours are SHA-256, and others are refused.
    const isSha256 = claim.root1.length === 32 && claim.root2.length === 32;
    expect(holds(() => verifyConsistency(claim))).toBe(!wantErr && isSha256);
  });
});

describe.runIf(present)('Tessera log of 15 entries', () => {
  const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

  it('every checkpoint is signed and has the root of its entries', () => {
    for (let size = 0; size <= 15; size += 1) {
      const signed = read(`tessera-log/checkpoint.${size}`);
      const { text } = verifyNote(signed, [parseVerifierKey(vkey)]);
      expect(encodeNote(parseNote(signed))).toBe(signed);
      const checkpoint = parseCheckpoint(text);
      expect(encodeCheckpoint(checkpoint)).toBe(text);
      if (size === 0) continue;
      const entries = parseEntryBundle(readFileSync(join(root, `tessera-log/tile/entries/000.p/${size}`)));
      const hashes = entries.map(leafHash);
      expect(checkpoint.size).toBe(size);
      expect(encodeHex(rootOfHashes(hashes))).toBe(encodeHex(checkpoint.root));
      const tile = new Uint8Array(readFileSync(join(root, `tessera-log/tile/0/000.p/${size}`)));
      expect(encodeHex(tile)).toBe(hashes.map(encodeHex).join(''));
    }
  });
});

interface NoteCase {
  readonly name: string;
  readonly skey?: string;
  readonly vkeys: string[];
  readonly note: string;
}

describe.runIf(present)('signed notes', () => {
  it('verify, and are signed again byte for byte', () => {
    const { cases } = json<{ cases: NoteCase[] }>('signed-note/notes.json');
    for (const { skey, vkeys, note } of cases) {
      expect(verifyNote(note, vkeys.map(parseVerifierKey)).signatures).toHaveLength(vkeys.length);
      expect(encodeNote(parseNote(note))).toBe(note);
      if (skey === undefined) continue;
      const [, , name = '', , secret = ''] = skey.split('+');
      const signer = ed25519NoteSigner(name, bytes(skey.slice(skey.indexOf(secret))).slice(1));
      expect(signer.vkey).toBe(vkeys[0]);
      expect(signNote(parseNote(note).text, signer)).toBe(note);
    }
  });

  it('keys of other types and damaged keys are refused', () => {
    const { badVkeys } = json<{ badVkeys: string[] }>('signed-note/notes.json');
    const others = json<Record<'ed25519Cosig' | 'mldsa44' | 'ecdsa' | 'staticCt', string[]>>(
      'signed-note/vkeys-other-types.json',
    );
    for (const vkey of [...badVkeys, ...others.mldsa44, ...others.ecdsa, ...others.staticCt]) {
      expect(() => parseVerifierKey(vkey), vkey.slice(0, 40)).toThrow(RunproofError);
    }
    for (const vkey of others.ed25519Cosig) expect(parseVerifierKey(vkey).type).toBe(4);
  });
});

describe.runIf(present)('checkpoints, proofs and witnesses', () => {
  it('malformed checkpoints are refused; their roots of other lengths as well, which is stricter than the peer', () => {
    const cases = json<{ valid: string[]; invalid: Record<string, string> }>('checkpoint/parse.json');
    for (const text of [...Object.values(cases.invalid), ...cases.valid]) {
      expect(() => parseCheckpoint(text), text).toThrow(RunproofError);
    }
  });

  it('malformed proofs are refused for what is wrong with them', () => {
    const { cases } = json<{ cases: Record<string, string> }>('tlog-proof/malformed.json');
    const { note } = json<{ cases: NoteCase[] }>('signed-note/notes.json').cases[0] as NoteCase;
    for (const [name, text] of Object.entries(cases)) {
      expect(() => parseTlogProof(text), name).toThrow(/tlog-proof/);
      expect(() => parseTlogProof(text.replace('checkpoint\n', note)), name).toThrow(/tlog-proof/);
    }
  });

  it('a proof cosigned by litewitness holds, and not with another leaf', () => {
    const about = json<{ logVkey: string; witnessVkey: string; leafUtf8: string }>('tlog-proof/witnessed-70000.json');
    const text = read('tlog-proof/witnessed-70000.tlog-proof');
    const proof = parseTlogProof(text);
    expect(encodeTlogProof(proof)).toBe(text);
    const policy = parsePolicy(`log ${about.logVkey}\nwitness w ${about.witnessVkey}\nquorum w\n`);
    const { checkpoint, quorumMet, witnesses } = evaluatePolicy(policy, proof.checkpoint);
    expect([quorumMet, witnesses]).toEqual([true, ['w']]);
    const claim = { index: proof.index, size: checkpoint.size, root: checkpoint.root, proof: proof.hashes };
    verifyInclusion({ ...claim, leafHash: leafHash(utf8(about.leafUtf8)) });
    expect(holds(() => verifyInclusion({ ...claim, leafHash: leafHash(utf8('leaf 54322')) }))).toBe(false);
  });

  it('the witness transcript: exactly the signatures that hold are accepted', () => {
    interface Transcript {
      readonly logVkey: string;
      readonly cases: { body: string; status: number }[];
    }
    const { logVkey, cases } = json<Transcript>('witness-http/litewitness-transcript.json');
    const results = cases.map(({ body }) => {
      const signed = body.slice(body.indexOf('\n\n') + 2);
      try {
        return verifyNote(signed, [parseVerifierKey(logVkey)]).signatures.length;
      } catch (error) {
        if (!RunproofError.isInstance(error)) throw error;
        return 0;
      }
    });
    expect(results.filter((count) => count === 1)).toHaveLength(7);
    expect(results.filter((count) => count === 0)).toHaveLength(2);
  });

  it('the consistency proof between two signed checkpoints', () => {
    interface Monkeys {
      readonly logVkey: string;
      readonly old: string;
      readonly next: string;
      readonly consistencyProofHex: string[];
    }
    const { logVkey, old, next, consistencyProofHex } = json<Monkeys>('witness-http/monkeys-consistency.json');
    const [first, second] = [old, next].map((note) =>
      parseCheckpoint(verifyNote(note, [parseVerifierKey(logVkey)]).text),
    );
    if (first === undefined || second === undefined) throw new Error('two checkpoints');
    const proof = consistencyProofHex.map(parseHex);
    const claim = { size1: first.size, root1: first.root, size2: second.size, root2: second.root };
    expect(holds(() => verifyConsistency({ ...claim, proof }))).toBe(true);
    expect(holds(() => verifyConsistency({ ...claim, proof: proof.slice(1) }))).toBe(false);
  });
});
