// Where the newest checkpoint is durable: one file with two slots that are written in turn.
//
// A slot is 4096 bytes:  magic, sequence, tiles size, SHA-256 of what follows and of these numbers, note, zeros.
// Overwriting in place needs one fdatasync and no change of metadata; a crash in the middle tears only the slot that is being
// written, whose checkpoint has not left the process, and the other one stands. docs/decisions/2026-11-20-log-files.md has the
// measurement against rename and against a journal.
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { RunproofError } from '@runproof/protocol';
import { readUpTo, syncData, writeAll, writeFileDurably } from './files.ts';

const SLOT_BYTES = 4096;
const MAGIC = 'runproof/checkpoint/1';

export interface CheckpointSlot {
  readonly sequence: number;
  /** the hash tiles and bundle offsets of this tree size are on disk; the rest has to be derived again after a crash */
  readonly tilesSize: number;
  /** signed note */
  readonly note: string;
}

function checksum(head: string, note: string): string {
  return createHash('sha256').update(`${head}\n${note}`).digest('hex');
}

function encodeSlot({ sequence, tilesSize, note }: CheckpointSlot): Buffer {
  const head = `${MAGIC} ${sequence} ${tilesSize}`;
  const record = Buffer.from(`${head} ${checksum(head, note)}\n${note}`);
  if (record.length > SLOT_BYTES)
    throw new RunproofError('INTERNAL', `a checkpoint of ${record.length} bytes does not fit its slot`);
  return Buffer.concat([record, Buffer.alloc(SLOT_BYTES - record.length)]);
}

/** What the slot holds, or null when it is torn, damaged or not written yet. */
function parseSlot(bytes: Buffer): CheckpointSlot | null {
  const end = bytes.indexOf(0);
  const text = bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  const match = /^(runproof\/checkpoint\/1 (\d{1,16}) (\d{1,16})) ([0-9a-f]{64})\n/.exec(text);
  if (match === null) return null;
  const [line, head = '', sequence, tilesSize, sum] = match;
  const note = text.slice(line.length);
  return checksum(head, note) === sum ? { sequence: Number(sequence), tilesSize: Number(tilesSize), note } : null;
}

export class CheckpointSlots {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Makes the file with its first checkpoint, durably. */
  static create(path: string, note: string): void {
    const first = encodeSlot({ sequence: 0, tilesSize: 0, note });
    writeFileDurably(path, Buffer.concat([first, Buffer.alloc(SLOT_BYTES)]), 0o644);
  }

  /** Opens the file for writing, or for reading only. */
  static open(path: string, flags: 'r' | 'r+'): CheckpointSlots {
    return new CheckpointSlots(openSync(path, flags));
  }

  /** The newest checkpoint that is whole, and how many slots are damaged. Null when there is none. */
  read(): { newest: CheckpointSlot; damaged: number } | null {
    const slots = [0, 1].map((index) => readUpTo(this.#fd, index * SLOT_BYTES, SLOT_BYTES));
    const parsed = slots.map(parseSlot);
    const whole = parsed.filter((slot) => slot !== null).sort((left, right) => right.sequence - left.sequence);
    const damaged = slots.filter(
      (bytes, index) => parsed[index] === null && (bytes.length < SLOT_BYTES || bytes.some((byte) => byte !== 0)),
    );
    return whole[0] === undefined ? null : { newest: whole[0], damaged: damaged.length };
  }

  /** Resolves when `slot` is durable. */
  async write(slot: CheckpointSlot): Promise<void> {
    writeAll(this.#fd, encodeSlot(slot), (slot.sequence % 2) * SLOT_BYTES);
    await syncData(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
