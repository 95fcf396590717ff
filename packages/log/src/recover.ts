// What a log is after its process ended somehow.
//
// The rule: the newest whole checkpoint says what was signed at least. Everything it covers has to be there and hash to its root,
// or the log refuses to open. Entries behind it are integrated, never dropped: entries are durable before a checkpoint covers
// them, so a tree that holds every complete entry continues every checkpoint that ever left, also one whose slot was lost. What
// cannot be a complete entry at the end of the file was never durable as a whole, hence never signed, and is cut off.
import { RunproofError } from '@runproof/protocol';
import { type Checkpoint, ENTRY_BYTES_MAX, parseCheckpoint, TILE_WIDTH, verifyNote } from '@runproof/tlog';
import { type BatchTree, buildBatchTree, type Edge, type HashText, hashBytes, hashLeaf } from './batch-tree.ts';
import type { CheckpointSlot, CheckpointSlots } from './checkpoint-slots.ts';
import { corrupt } from './file-errors.ts';
import type { LogKey } from './log-key.ts';
import type { TileFiles } from './tile-files.ts';

/** Opening a log proves at least its newest entries again; `fsck` proves all. */
const REPROVED_ENTRIES = 16_384;
const CHUNK_BYTES = 1 << 20;
const BATCH_ENTRIES = 4096;

interface Recovered {
  readonly slot: CheckpointSlot;
  readonly checkpoint: Checkpoint;
  /** all complete entries; more than the checkpoint's size after a crash between the two syncs */
  readonly size: number;
  readonly edge: Edge;
  /** 32 bytes; root at `size` */
  readonly root: Uint8Array;
  /** bytes of complete entries */
  readonly entriesLength: number;
}

/** Complete entries from `start` on, each with the position after it. Ends where no further complete entry can be. */
function* scanEntries(files: TileFiles, start: number): Generator<{ entry: Buffer; end: number }> {
  let chunk = files.readEntries(start, CHUNK_BYTES);
  let chunkStart = start;
  for (let position = start; ; ) {
    let offset = position - chunkStart;
    if (chunk.length === CHUNK_BYTES && chunk.length - offset < 2 + ENTRY_BYTES_MAX) {
      chunk = files.readEntries(position, CHUNK_BYTES);
      chunkStart = position;
      offset = 0;
    }
    const length = offset + 2 <= chunk.length ? chunk.readUInt16BE(offset) : 0;
    // An entry is never empty: a length of zero is space that was allocated and not written.
    if (length === 0 || offset + 2 + length > chunk.length) return;
    position += 2 + length;
    yield { entry: chunk.subarray(offset + 2, offset + 2 + length), end: position };
  }
}

interface Derived {
  readonly size: number;
  readonly edge: Edge;
  readonly root: HashText;
  readonly entriesLength: number;
}

/**
 * Hashes the entries from leaf `start` (a multiple of 256) on and compares the root at the checkpoint's size. Null when they do
 * not lead there. With `write`, puts hashes and offsets into their files.
 */
function derive(files: TileFiles, start: number, checkpoint: Checkpoint, write: boolean): Derived | null {
  const startEdge = files.readEdge(start);
  const startPosition = start === 0 ? 0 : files.readOffset(start / TILE_WIDTH);
  if (startEdge === null || startPosition === null) return null;
  if (write && start === 0) files.writeOffsets(0, [0]);
  let tree: BatchTree = buildBatchTree(start, startEdge, []);
  let proved = start === checkpoint.size && hashBytes([tree.root]).equals(checkpoint.root);
  let leaves: HashText[] = [];
  let offsets: number[] = [];
  let entriesLength = startPosition;
  const flush = (): void => {
    const before = tree.size;
    tree = buildBatchTree(before, tree.edge, leaves);
    if (write) {
      files.writeHashes(tree);
      files.writeOffsets(Math.floor(before / TILE_WIDTH) + 1, offsets);
    }
    leaves = [];
    offsets = [];
    if (tree.size === checkpoint.size) proved = hashBytes([tree.root]).equals(checkpoint.root);
  };
  for (const { entry, end } of scanEntries(files, startPosition)) {
    leaves.push(hashLeaf(entry));
    entriesLength = end;
    const size = tree.size + leaves.length;
    if (size % TILE_WIDTH === 0) offsets.push(end);
    if (leaves.length === BATCH_ENTRIES || size === checkpoint.size) flush();
  }
  if (leaves.length > 0) flush();
  return proved ? { size: tree.size, edge: tree.edge, root: tree.root, entriesLength } : null;
}

function readCheckpoint(
  slots: CheckpointSlots,
  key: LogKey,
  onWarning: (message: string) => void,
): { slot: CheckpointSlot; checkpoint: Checkpoint } {
  const found = slots.read();
  if (found === null) throw corrupt("no slot of the log's checkpoint is whole");
  if (found.damaged > 0) {
    onWarning(
      'one slot of the checkpoint was torn or damaged; the log goes on from the other one and all complete entries',
    );
  }
  const slot = found.newest;
  let checkpoint: Checkpoint;
  try {
    checkpoint = parseCheckpoint(verifyNote(slot.note, [key.verifier]).text);
  } catch (error) {
    if (!RunproofError.isInstance(error)) throw error;
    throw new RunproofError(
      'LOG_CORRUPT',
      `the log's checkpoint is not by its key: ${error.message}`,
      { note: slot.note },
      { cause: error },
    );
  }
  if (checkpoint.origin !== key.name)
    throw corrupt(`the checkpoint is of ${checkpoint.origin}, the key of ${key.name}`);
  return { slot, checkpoint };
}

/**
 * Finds where the log stands and brings hashes and offsets up to there. `LOG_CORRUPT` when the entries do not lead to the signed
 * root. Does not sign: the caller signs for what was integrated.
 */
export async function recover(
  files: TileFiles,
  slots: CheckpointSlots,
  key: LogKey,
  onWarning: (message: string) => void,
): Promise<Recovered> {
  const { slot, checkpoint } = readCheckpoint(slots, key, onWarning);
  let start = Math.max(
    0,
    Math.floor((Math.min(slot.tilesSize, checkpoint.size) - REPROVED_ENTRIES) / TILE_WIDTH) * TILE_WIDTH,
  );
  let derived = derive(files, start, checkpoint, false);
  if (derived === null && start > 0) {
    onWarning('the newest hash tiles do not fit the entries; all of them are derived again');
    start = 0;
    derived = derive(files, start, checkpoint, false);
  }
  if (derived === null) {
    throw corrupt('the entries do not lead to the root that the log signed', {
      size: checkpoint.size,
      note: slot.note,
    });
  }
  derive(files, start, checkpoint, true);
  const rest = files.entriesLength - derived.entriesLength;
  if (rest > 0) {
    onWarning(`an entry of ${rest} bytes was cut short and never signed; it is removed`);
    files.truncateEntries(derived.entriesLength);
  }
  if (derived.size > checkpoint.size) {
    onWarning(`${derived.size - checkpoint.size} durable entries had no checkpoint yet; they are integrated`);
  }
  if (rest > 0 || derived.size > checkpoint.size) await files.syncEntries();
  await files.syncTiles();
  const { size, edge, entriesLength } = derived;
  return { slot, checkpoint, size, edge, entriesLength, root: new Uint8Array(hashBytes([derived.root])) };
}
