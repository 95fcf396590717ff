// The single sequencer: pending entries → batch → durable entries → signed checkpoint → durable checkpoint → answers.
//
// Group commit without a timer: while one batch is on its way to disk, the next one gathers. An idle log commits at once; a busy
// one takes per batch what arrived during one commit, so the wait adapts to the disk and nobody waits longer than one commit.
import { RunproofError } from '@runproof/protocol';
import {
  ENTRY_BYTES_MAX,
  encodeCheckpoint,
  encodeTlogProof,
  inclusionProof,
  parseTilePath,
  signNote,
  TILE_WIDTH,
  verifyInclusion,
} from '@runproof/tlog';
import { buildBatchTree, type Edge, hashBytes, hashLeaf } from './batch-tree.ts';
import type { CheckpointSlots } from './checkpoint-slots.ts';
import { asUnwritable, corrupt } from './file-errors.ts';
import type { LogKey } from './log-key.ts';
import { encodeEntries, type TileFiles } from './tile-files.ts';
import type { Inclusion, Log } from './types.ts';
import type { WriterLock } from './writer-lock.ts';

/** Bounds of what waits and of one batch. 65,536 receipts are seconds of the fastest disk; more waiting helps nobody. */
const PENDING_ENTRIES_MAX = 65_536;
const PENDING_BYTES_MAX = 64 << 20;
const BATCH_ENTRIES_MAX = 32_768;
const BATCH_BYTES_MAX = 16 << 20;
/** Hash tiles are synced once per so many entries; a crash costs deriving at most these again. */
const TILES_SYNC_ENTRIES = 65_536;
const PROOF_HEADER = 'c2sp.org/tlog-proof@v1';

interface Pending {
  readonly entry: Uint8Array;
  readonly resolve: (inclusion: Inclusion) => void;
  readonly reject: (error: unknown) => void;
}

/** Where the log stands: what the newest durable checkpoint covers. */
export interface LogState {
  readonly size: number;
  readonly edge: Edge;
  /** 32 bytes */
  readonly root: Uint8Array;
  readonly entriesLength: number;
  /** signed note of the checkpoint */
  readonly note: string;
  readonly sequence: number;
}

export interface LogParts {
  readonly key: LogKey;
  readonly files: TileFiles;
  readonly slots: CheckpointSlots;
  readonly lock: WriterLock;
  /** tree size whose hash tiles are on disk */
  readonly tilesSize: number;
}

/** Signed note of a checkpoint. */
export function signCheckpoint(key: LogKey, size: number, root: Uint8Array): string {
  return signNote(encodeCheckpoint({ origin: key.name, size, root, extensions: [] }), key);
}

export class Sequencer implements Log {
  readonly origin: string;
  readonly vkey: string;
  readonly #parts: LogParts;
  #state: LogState;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #running: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  #failure: unknown = null;
  #tilesSize: number;
  #tilesSync: Promise<void> | null = null;

  constructor(parts: LogParts, state: LogState) {
    this.origin = parts.key.name;
    this.vkey = parts.key.vkey;
    this.#parts = parts;
    this.#state = state;
    this.#tilesSize = parts.tilesSize;
  }

  get size(): number {
    return this.#state.size;
  }

  append(entry: Uint8Array): Promise<Inclusion> {
    const refusal = this.#refusal(entry.length);
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#pending.push({ entry: Buffer.from(entry), resolve, reject });
      this.#pendingBytes += entry.length;
      this.#running ??= this.#run();
    });
  }

  #refusal(length: number): unknown {
    if (this.#failure !== null) return this.#failure;
    if (this.#closed !== null) return new RunproofError('SHUTTING_DOWN', 'the log is being closed');
    if (length < 1 || length > ENTRY_BYTES_MAX) {
      return new RunproofError('PARAMETER_INVALID', `an entry has 1 to ${ENTRY_BYTES_MAX} bytes, not ${length}`);
    }
    if (this.#pending.length < PENDING_ENTRIES_MAX && this.#pendingBytes + length <= PENDING_BYTES_MAX) return null;
    return new RunproofError('OVERLOADED', `${this.#pending.length} entries wait for the log already`);
  }

  async #run(): Promise<void> {
    // One turn of the event loop, so that what is appended together is committed together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0 && this.#failure === null) {
      const batch = this.#takeBatch();
      try {
        await this.#commit(batch);
      } catch (error) {
        this.#fail(error, batch);
      }
    }
    this.#running = null;
  }

  #takeBatch(): Pending[] {
    let count = 0;
    let bytes = 0;
    for (const { entry } of this.#pending) {
      if (count === BATCH_ENTRIES_MAX || (count > 0 && bytes + entry.length > BATCH_BYTES_MAX)) break;
      count += 1;
      bytes += entry.length;
    }
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, count);
  }

  /** After an error of the disk its content is unknown until it was read again: nothing more is taken, everything is refused. */
  #fail(error: unknown, batch: readonly Pending[]): void {
    this.#failure = asUnwritable(error, 'the log could not be written; it takes nothing until it is opened again');
    const refused = [...batch, ...this.#pending];
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const { reject } of refused) reject(this.#failure);
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const { key, files, slots } = this.#parts;
    const before = this.#state;
    const entries = batch.map(({ entry }) => entry);
    const bytes = encodeEntries(entries);
    files.writeEntries(bytes, before.entriesLength);
    // The disk works on the entries while the processor hashes them.
    const [tree] = await Promise.all([this.#integrate(entries), files.syncEntries()]);
    const root = new Uint8Array(hashBytes([tree.root]));
    const note = signCheckpoint(key, tree.size, root);
    const sequence = before.sequence + 1;
    await slots.write({ sequence, tilesSize: this.#tilesSize, note });
    this.#state = {
      size: tree.size,
      edge: tree.edge,
      root,
      entriesLength: before.entriesLength + bytes.length,
      note,
      sequence,
    };
    const proofs = tree.proofs(`\n${note}`);
    for (const [offset, { resolve }] of batch.entries()) {
      const index = before.size + offset;
      resolve({ index, treeSize: tree.size, proof: `${PROOF_HEADER}\nindex ${index}\n${proofs[offset]}` });
    }
    this.#syncTilesSometimes();
  }

  /** Hashes a batch and writes what follows from it; the page cache is enough, since it can be derived again. */
  async #integrate(entries: readonly Uint8Array[]): Promise<ReturnType<typeof buildBatchTree>> {
    const { size, edge, entriesLength } = this.#state;
    const tree = buildBatchTree(size, edge, entries.map(hashLeaf));
    const offsets: number[] = [];
    let position = entriesLength;
    for (const [index, entry] of entries.entries()) {
      position += 2 + entry.length;
      if ((size + index + 1) % TILE_WIDTH === 0) offsets.push(position);
    }
    this.#parts.files.writeHashes(tree);
    this.#parts.files.writeOffsets(Math.floor(size / TILE_WIDTH) + 1, offsets);
    return tree;
  }

  #syncTilesSometimes(): void {
    const { size } = this.#state;
    if (size - this.#tilesSize < TILES_SYNC_ENTRIES || this.#tilesSync !== null) return;
    this.#tilesSync = this.#parts.files
      .syncTiles()
      .then(() => {
        // The next checkpoint's slot carries it.
        this.#tilesSize = size;
      })
      .catch((error: unknown) => this.#fail(error, []))
      .finally(() => {
        this.#tilesSync = null;
      });
  }

  async checkpoint(): Promise<string> {
    return this.#state.note;
  }

  async read(path: string): Promise<Uint8Array | null> {
    if (path === 'checkpoint') return Buffer.from(this.#state.note);
    const address = parseTilePath(path);
    return address === null ? null : this.#parts.files.readTile(address, this.#state.size);
  }

  async proofFor(index: number): Promise<Inclusion> {
    const { size, root, note } = this.#state;
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
      throw new RunproofError('NOT_FOUND', `the log has ${size} entries; there is no entry ${index}`, { index, size });
    }
    const { files } = this.#parts;
    const node = (level: number, position: number): Uint8Array => {
      const hash = files.readNode(level, position);
      if (hash === null)
        throw corrupt(`the hash tiles end before node ${position} of level ${level}`, { level, position });
      return hash;
    };
    const hashes = inclusionProof(index, size, node);
    try {
      verifyInclusion({ index, size, leafHash: node(0, index), root, proof: hashes });
    } catch (error) {
      throw new RunproofError(
        'LOG_CORRUPT',
        `the hash tiles do not prove entry ${index}`,
        { index, size },
        { cause: error },
      );
    }
    return { index, treeSize: size, proof: encodeTlogProof({ extra: null, index, hashes, checkpoint: note }) };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { files, slots, lock } = this.#parts;
    // A turn for `#closed` to be set, then whatever still is pending.
    await null;
    while (this.#running !== null) await this.#running;
    if (this.#tilesSync !== null) await this.#tilesSync;
    try {
      const { size, note, sequence } = this.#state;
      if (this.#failure === null && this.#tilesSize < size) {
        await files.syncTiles();
        await slots.write({ sequence: sequence + 1, tilesSize: size, note });
      }
    } finally {
      files.close();
      slots.close();
      lock.release();
    }
  }
}
