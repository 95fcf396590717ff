// What the tests of the log share: directories, options, entries, and a check of an answer by the pure verifier.
import { createPublicKey, verify } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunproofError } from '@runproof/protocol';
import {
  type Checkpoint,
  CompactRange,
  consistencyProof,
  type Ed25519Verify,
  leafHash,
  parseCheckpoint,
  parseTlogProof,
  parseVerifierKey,
  tilePath,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
} from '@runproof/tlog';
import { afterAll } from 'vitest';
import type { Inclusion, Log } from '../types.ts';
import { entry } from './appender-material.ts';

export { entry, options } from './appender-material.ts';

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A directory that is removed after the tests of this file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'runproof-log-'));
  directories.push(directory);
  return directory;
}

/** The files of a log as they are now: what a process that is killed leaves behind. */
export function snapshot(directory: string): string {
  const copy = join(temporaryDirectory(), 'log');
  cpSync(directory, copy, { recursive: true });
  return copy;
}

export function entries(count: number, from = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => entry(from + index));
}

/** The platform's Ed25519: hundreds of answers are verified here, and it is forty times as fast. */
const platformVerify: Ed25519Verify = (publicKey, message, signature) => {
  const x = Buffer.from(publicKey).toString('base64url');
  return verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature);
};

/** Verifies an answer as a client would; gives back the checkpoint in it. */
export function mustProve(bytes: Uint8Array, inclusion: Inclusion, vkey: string): Checkpoint {
  const proof = parseTlogProof(inclusion.proof);
  const checkpoint = parseCheckpoint(verifyNote(proof.checkpoint, [parseVerifierKey(vkey)], platformVerify).text);
  if (proof.index !== inclusion.index || checkpoint.size !== inclusion.treeSize)
    throw new Error('the answer contradicts its proof');
  const { size, root } = checkpoint;
  verifyInclusion({ index: proof.index, size, leafHash: leafHash(bytes), root, proof: proof.hashes });
  return checkpoint;
}

/** Verifies that the log today continues every one of `earlier`: no history was rewritten. */
export async function mustContinue(log: Log, earlier: readonly Checkpoint[]): Promise<void> {
  const now = parseCheckpoint(verifyNote(await log.checkpoint(), [parseVerifierKey(log.vkey)]).text);
  const nodes = new Map<string, Uint8Array>();
  const edge = new CompactRange();
  while (edge.size < now.size) {
    const width = Math.min(256, now.size - edge.size);
    const tile = await log.read(tilePath(0, edge.size / 256, width));
    if (tile === null) throw new Error('a tile is missing');
    for (let at = 0; at < width; at += 1) {
      edge.append(tile.slice(at * 32, at * 32 + 32), (level, index, hash) => nodes.set(`${level} ${index}`, hash));
    }
  }
  const hashes = (level: number, index: number): Uint8Array => nodes.get(`${level} ${index}`) as Uint8Array;
  for (const { size, root } of new Map(earlier.map((checkpoint) => [checkpoint.size, checkpoint])).values()) {
    if (size === 0) continue;
    const proof = consistencyProof(size, now.size, hashes);
    verifyConsistency({ size1: size, root1: root, size2: now.size, root2: now.root, proof });
  }
}

/** Code of the RunproofError that `promise` rejects with; anything else is not expected. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code;
    throw error;
  }
}
