// One writer per log, held by the operating system.
//
// A lock file with a process id in it can outlive its process, and an id is reused, or means another process in another
// container. SQLite takes a lock of the kernel (fcntl, LockFileEx) on the file: it is gone the moment the process is, however it
// ended, and it holds between containers that share a directory. Nothing is ever stored in that database.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RunproofError } from '@runproof/protocol';
import { asUnwritable } from './file-errors.ts';
import type { Clock } from './types.ts';

const SQLITE_BUSY = 5;

export interface WriterLock {
  release(): void;
}

/** Takes the lock of `directory` or throws `LOG_LOCKED` with what is known of its holder. */
export function takeWriterLock(directory: string, clock: Clock): WriterLock {
  const ownerPath = join(directory, 'lock.owner');
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(join(directory, 'lock'));
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    // For people only: the message of the process that is refused.
    writeFileSync(ownerPath, `process ${process.pid} since ${new Date(clock.now()).toISOString()}\n`);
  } catch (error) {
    if (database?.isOpen) database.close();
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) {
      const owner = readOwner(ownerPath);
      throw new RunproofError(
        'LOG_LOCKED',
        `the log in ${directory} is written by ${owner}`,
        { directory, owner },
        { cause: error },
      );
    }
    throw asUnwritable(error, `the log in ${directory} cannot be locked`);
  }
  const held = database;
  return { release: () => held.close() };
}

function readOwner(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || 'another process';
  } catch {
    return 'another process';
  }
}
