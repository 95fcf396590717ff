// A real transparency log in memory: every proof that it gives verifies.
import { concatBytes } from '@runproof/protocol';
import {
  ed25519NoteSigner,
  encodeCheckpoint,
  encodeEntryBundle,
  encodeTlogProof,
  inclusionProof,
  leafHash,
  nodeHash,
  parseTilePath,
  rootFrom,
  signNote,
} from '@runproof/tlog';
import type { Inclusion, ReceiptLog } from '../ports.ts';

export class MemoryLog implements ReceiptLog {
  readonly origin = 'runproof.test/0123456789abcdef';
  readonly vkey: string;
  readonly entries: Uint8Array[] = [];
  readonly #hashes: Uint8Array[] = [];
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #signer = ed25519NoteSigner(this.origin, new Uint8Array(32).fill(7));
  /** called before every append; what it throws is the log's failure */
  before: () => Promise<void> = async () => {};

  constructor() {
    this.vkey = this.#signer.vkey;
  }

  async append(entry: Uint8Array): Promise<Inclusion> {
    await this.before();
    this.entries.push(entry);
    this.#hashes.push(leafHash(entry));
    const index = this.entries.length - 1;
    const hashes = inclusionProof(index, this.entries.length, (level, position) => this.#node(level, position));
    const checkpoint = await this.checkpoint();
    return { index, treeSize: this.entries.length, proof: encodeTlogProof({ extra: null, index, hashes, checkpoint }) };
  }

  async checkpoint(): Promise<string> {
    const root = rootFrom(this.entries.length, (level, index) => this.#node(level, index));
    return signNote(
      encodeCheckpoint({ origin: this.origin, size: this.entries.length, root, extensions: [] }),
      this.#signer,
    );
  }

  async read(path: string): Promise<Uint8Array | null> {
    const address = parseTilePath(path);
    if (address === null || address.index !== 0 || address.width > this.entries.length) return null;
    if (address.level === 'entries') return encodeEntryBundle(this.entries.slice(0, address.width));
    return address.level === 0 ? concatBytes(...this.#hashes.slice(0, address.width)) : null;
  }

  /** Complete subtrees never change, so each is hashed once. */
  #node(level: number, index: number): Uint8Array {
    if (level === 0) return this.#hashes[index] ?? new Uint8Array();
    const key = `${level}/${index}`;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const hash = nodeHash(this.#node(level - 1, 2 * index), this.#node(level - 1, 2 * index + 1));
    this.#nodes.set(key, hash);
    return hash;
  }
}
