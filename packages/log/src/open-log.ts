// From a directory to a running log.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RunproofError } from '@runproof/protocol';
import { EMPTY_ROOT, parseCheckpoint, parseNote } from '@runproof/tlog';
import { CheckpointSlots } from './checkpoint-slots.ts';
import { asUnwritable, corrupt } from './file-errors.ts';
import { writeFileDurably } from './files.ts';
import { type LogKey, logKey, readLogKey } from './log-key.ts';
import { recover } from './recover.ts';
import { type LogParts, type LogState, Sequencer, signCheckpoint } from './sequencer.ts';
import { TileFiles } from './tile-files.ts';
import type { Clock, Log, Random } from './types.ts';
import { takeWriterLock, type WriterLock } from './writer-lock.ts';

export interface OpenLogOptions {
  /** made with mode 0700 when it does not exist */
  readonly directory: string;
  /** first start: the name of the log (default: made from its key). Later: has to be the same. */
  readonly origin?: string;
  readonly clock: Clock;
  readonly random: Random;
  /** told what recovery found and did, in a sentence */
  readonly onWarning: (message: string) => void;
}

/**
 * Opens the log in `directory`, or makes one with a new key. Rejects with `LOG_LOCKED` (another process writes it), `LOG_CORRUPT`
 * (what is there does not lead to what was signed), `LOG_UNWRITABLE` (the file system refuses), `CONFIG_INVALID` (others can read
 * the key, or it is of another origin).
 */
export async function openLog(options: OpenLogOptions): Promise<Log> {
  const { directory } = options;
  let lock: WriterLock | null = null;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    lock = takeWriterLock(directory, options.clock);
    const key = existsSync(join(directory, 'key')) ? readKey(options) : createLog(options);
    return await openFiles(options, key, lock);
  } catch (error) {
    lock?.release();
    throw asUnwritable(error, `the log in ${directory} cannot be opened`);
  }
}

function readKey({ directory, origin }: OpenLogOptions): LogKey {
  const key = readLogKey(join(directory, 'key'));
  if (origin !== undefined && origin !== key.name) {
    throw new RunproofError('CONFIG_INVALID', `the log in ${directory} is ${key.name}, not ${origin}`, {
      origin: key.name,
    });
  }
  return key;
}

/**
 * Makes an empty log. The key comes last: whoever finds a key finds a log that belongs to it, and a crash before leaves nothing
 * that was ever signed for.
 */
function createLog({ directory, origin, random }: OpenLogOptions): LogKey {
  if (holdsEntries(directory)) throw corrupt(`${directory} holds a log, but its key is missing`, { directory });
  const key = logKey(random.bytes(32), origin ?? null);
  TileFiles.create(directory);
  CheckpointSlots.create(join(directory, 'checkpoint'), signCheckpoint(key, 0, EMPTY_ROOT));
  writeFileDurably(join(directory, 'log.vkey'), `${key.vkey}\n`, 0o644);
  writeFileDurably(join(directory, 'key'), key.privateText, 0o600);
  return key;
}

function holdsEntries(directory: string): boolean {
  const entries = join(directory, 'entries');
  if (existsSync(entries) && statSync(entries).size > 0) return true;
  const checkpoint = join(directory, 'checkpoint');
  if (!existsSync(checkpoint)) return false;
  const slots = CheckpointSlots.open(checkpoint, 'r');
  try {
    const newest = slots.read()?.newest;
    return newest === undefined || parseCheckpoint(parseNote(newest.note).text).size > 0;
  } finally {
    slots.close();
  }
}

async function openFiles({ directory, onWarning }: OpenLogOptions, key: LogKey, lock: WriterLock): Promise<Log> {
  for (const name of ['entries', 'checkpoint']) {
    if (!existsSync(join(directory, name)))
      throw corrupt(`${directory} has a key, but ${name} is missing`, { directory, name });
  }
  // Everything in it follows from the entries.
  if (!existsSync(join(directory, 'offsets'))) writeFileDurably(join(directory, 'offsets'), Buffer.alloc(6), 0o644);
  const vkeyPath = join(directory, 'log.vkey');
  const vkeyText = `${key.vkey}\n`;
  if (!existsSync(vkeyPath) || readFileSync(vkeyPath, 'utf8') !== vkeyText) writeFileDurably(vkeyPath, vkeyText, 0o644);
  const slots = CheckpointSlots.open(join(directory, 'checkpoint'), 'r+');
  let files: TileFiles | null = null;
  try {
    files = new TileFiles(directory, 'r+');
    const recovered = await recover(files, slots, key, onWarning);
    const { size, edge, root, entriesLength } = recovered;
    const behind = size > recovered.checkpoint.size;
    const note = behind ? signCheckpoint(key, size, root) : recovered.slot.note;
    const sequence = recovered.slot.sequence + 1;
    // Also when nothing was integrated: a torn slot is made whole before the next checkpoint overwrites the other one.
    await slots.write({ sequence, tilesSize: size, note });
    const state: LogState = { size, edge, root, entriesLength, note, sequence };
    const parts: LogParts = { key, files, slots, lock, tilesSize: size };
    return new Sequencer(parts, state);
  } catch (error) {
    files?.close();
    slots.close();
    throw error;
  }
}
