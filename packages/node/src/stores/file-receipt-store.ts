// Receipts as files: one per bundle, in 256 folders, readable by their owner only.
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { RunproofError } from '@runproof/protocol';
import type { ReceiptStore } from '../ports.ts';

export interface FileReceiptStoreOptions {
  /** made when it is not there, mode 0700 */
  readonly directory: string;
}

const ID = /^[0-9a-f]{64}$/;

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The new file, written and on its disk, under a name that no reader looks for. */
async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text, 'utf8');
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Concurrent callers that change one folder share the next sync of it: a sync that has begun may have missed their change. */
class FolderSyncs {
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #running = new Map<string, Promise<void>>();

  sync(path: string): Promise<void> {
    const waiting = this.#waiting.get(path);
    if (waiting !== undefined) return waiting;
    const before = this.#running.get(path) ?? Promise.resolve();
    const next = before
      .catch(() => {})
      .then(() => {
        this.#waiting.delete(path);
        const running = syncFolder(path).finally(() => {
          if (this.#running.get(path) === running) this.#running.delete(path);
        });
        this.#running.set(path, running);
        return running;
      });
    this.#waiting.set(path, next);
    return next;
  }
}

function unwritable(cause: unknown): RunproofError {
  const code = (cause as { code?: unknown }).code;
  const reason = typeof code === 'string' ? code : 'unknown';
  return new RunproofError('STORE_UNWRITABLE', `The receipt could not be stored (${reason}).`, { reason }, { cause });
}

/**
 * A durable store: when `put` resolves, the bundle survives a loss of power. A bundle is written beside its place and renamed into
 * it, so that a reader finds all of it or nothing. Errors: `STORE_UNWRITABLE`.
 */
export class FileReceiptStore implements ReceiptStore {
  readonly #directory: string;
  readonly #folders = new Set<string>();
  readonly #syncs = new FolderSyncs();
  #sequence = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(options: FileReceiptStoreOptions): Promise<FileReceiptStore> {
    try {
      await mkdir(options.directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw unwritable(error);
    }
    return new FileReceiptStore(options.directory);
  }

  async put(id: string, bundle: string): Promise<void> {
    if (!ID.test(id)) throw new RunproofError('INTERNAL', 'A receipt id has 64 hex digits.');
    const folder = join(this.#directory, id.slice(0, 2));
    this.#sequence += 1;
    const temporary = join(folder, `.${id}.${process.pid}.${this.#sequence}.new`);
    try {
      await this.#assertFolder(folder);
      await writeDurably(temporary, bundle);
      await rename(temporary, this.#path(id));
      await this.#syncs.sync(folder);
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw unwritable(error);
    }
  }

  async get(id: string): Promise<string | null> {
    if (!ID.test(id)) return null;
    try {
      return await readFile(this.#path(id), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  #path(id: string): string {
    return join(this.#directory, id.slice(0, 2), `${id}.receipt.json`);
  }

  /** A folder that is made here must itself be on disk in its parent, or the receipt in it may vanish with it. */
  async #assertFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#syncs.sync(this.#directory);
    this.#folders.add(folder);
  }
}
