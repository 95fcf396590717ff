// Receipts as files: one per bundle, in 256 folders, readable by their owner only. A receipt is durable in the journal first; its
// file follows in the background, and a journal goes when all its files are on the disk. So a receipt costs one shared sync.
import { mkdir, open, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBundle, RunproofError, receiptIdOfBundle } from '@runproof/protocol';
import type { ReceiptStore } from '../ports.ts';
import { ReceiptJournal } from './receipt-journal.ts';

export interface FileReceiptStoreOptions {
  /** made when it is not there, mode 0700; one process at a time writes there */
  readonly directory: string;
  /** a journal that has grown beyond this is replaced (default 8 MiB) */
  readonly journalBytes?: number;
}

/** A journal, and the receipts whose files are not on the disk yet. */
interface Generation {
  readonly journal: ReceiptJournal;
  readonly ids: string[];
  unwritten: number;
}

const ID = /^[0-9a-f]{64}$/;
const JOURNAL = /^journal-(\d{8})\.txt$/;
const JOURNAL_BYTES = 8 * 1024 * 1024;
const WRITERS = 4;
const PENDING_MAX = 4_096;

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Runs `work` on every item, a few at a time. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: WRITERS }, worker));
}

function unwritable(cause: unknown): RunproofError {
  const code = (cause as { code?: unknown }).code;
  const reason = typeof code === 'string' ? code : 'unknown';
  return new RunproofError('STORE_UNWRITABLE', `The receipt could not be stored (${reason}).`, { reason }, { cause });
}

/** The receipts of a journal. What a loss of power has torn was never acknowledged; it does not hash to its id, and is left out. */
function readJournal(text: string): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (const line of text.split('\n')) {
    const [id, bundle] = [line.slice(0, 64), line.slice(65)];
    try {
      if (ID.test(id) && receiptIdOfBundle(parseBundle(bundle)) === id) found.push([id, bundle]);
    } catch {
      // Torn, as above.
    }
  }
  return found;
}

/**
 * A durable store: when `put` resolves, the bundle survives a loss of power. Errors: `STORE_UNWRITABLE`. A `put` that failed may
 * leave its receipt behind; nobody was told of it.
 */
export class FileReceiptStore implements ReceiptStore {
  readonly #directory: string;
  readonly #journalBytes: number;
  readonly #folders = new Set<string>();
  /** durable in a journal, not yet readable as a file */
  readonly #pending = new Map<string, string>();
  readonly #queue: (readonly [string, Generation])[] = [];
  readonly #retiring = new Set<Promise<void>>();
  #writers = 0;
  #current: Generation | null = null;
  #opening: Promise<Generation> | null = null;
  #sequence = 0;

  private constructor(options: FileReceiptStoreOptions) {
    this.#directory = options.directory;
    this.#journalBytes = options.journalBytes ?? JOURNAL_BYTES;
  }

  /** Opens the store and finishes what an earlier process had left in its journals. */
  static async open(options: FileReceiptStoreOptions): Promise<FileReceiptStore> {
    const store = new FileReceiptStore(options);
    try {
      await mkdir(options.directory, { recursive: true, mode: 0o700 });
      await store.#recover();
    } catch (error) {
      throw unwritable(error);
    }
    return store;
  }

  async put(id: string, bundle: string): Promise<void> {
    if (!ID.test(id)) throw new RunproofError('INTERNAL', 'A receipt id has 64 hex digits.');
    try {
      await this.#room();
      let generation = await this.#generation();
      // Nothing may come between the choice of a journal and the append to it: it could have been replaced meanwhile.
      while (generation !== this.#current) generation = await this.#generation();
      await generation.journal.append(id, bundle);
      this.#pending.set(id, bundle);
      generation.ids.push(id);
      generation.unwritten += 1;
      this.#queue.push([id, generation]);
    } catch (error) {
      throw unwritable(error);
    }
    this.#startWriter();
  }

  async get(id: string): Promise<string | null> {
    if (!ID.test(id)) return null;
    const pending = this.#pending.get(id);
    if (pending !== undefined) return pending;
    try {
      return await readFile(this.#path(id), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Brings every receipt into its file. Without it, the next `open` does. */
  async close(): Promise<void> {
    const last = this.#current;
    this.#current = null;
    if (last !== null) this.#retire(last);
    while (this.#retiring.size > 0) await Promise.all(this.#retiring);
  }

  #path(id: string): string {
    return join(this.#directory, id.slice(0, 2), `${id}.receipt.json`);
  }

  /** Receipts wait in memory for their files. When too many do, the next ones wait for them; when no file gets written, they fail. */
  async #room(): Promise<void> {
    while (this.#pending.size >= PENDING_MAX && this.#writers > 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.#pending.size >= PENDING_MAX) throw new Error('the files of earlier receipts cannot be written');
  }

  /** The journal to write to: a new one when there is none, when the last one is long, and when it has failed. */
  async #generation(): Promise<Generation> {
    const current = this.#current;
    if (current !== null && !current.journal.failed && current.journal.size < this.#journalBytes) return current;
    this.#opening ??= this.#openGeneration().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openGeneration(): Promise<Generation> {
    this.#sequence += 1;
    const name = `journal-${String(this.#sequence).padStart(8, '0')}.txt`;
    const journal = await ReceiptJournal.create(join(this.#directory, name));
    await syncPath(this.#directory);
    const last = this.#current;
    this.#current = { journal, ids: [], unwritten: 0 };
    if (last !== null) this.#retire(last);
    return this.#current;
  }

  #startWriter(): void {
    if (this.#writers >= WRITERS) return;
    this.#writers += 1;
    void this.#writeQueued().finally(() => {
      this.#writers -= 1;
    });
  }

  /** A file that cannot be written now stays in the journal and in memory, and is tried again by `open`. */
  async #writeQueued(): Promise<void> {
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      const [id, generation] = item;
      try {
        await this.#write(id, this.#pending.get(id) ?? null);
        this.#pending.delete(id);
        generation.unwritten -= 1;
      } catch {
        // The journal is not retired while a file of it is missing.
      }
    }
  }

  async #write(id: string, bundle: string | null): Promise<void> {
    if (bundle === null) return;
    const folder = join(this.#directory, id.slice(0, 2));
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      this.#folders.add(folder);
    }
    const temporary = join(folder, `.${id}.new`);
    await writeFile(temporary, bundle, { encoding: 'utf8', mode: 0o600 });
    await rename(temporary, this.#path(id));
  }

  /** Removes the journal of `generation` once all its files are on the disk; keeps it when they are not. */
  #retire(generation: Generation): void {
    const work = async (): Promise<void> => {
      await generation.journal.close();
      while (generation.unwritten > 0 && this.#writers > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      if (generation.unwritten > 0) return;
      await this.#sync(generation.ids);
      await unlink(generation.journal.path);
    };
    const retiring = work()
      .catch(() => {
        // The journal stays, and `open` tries again.
      })
      .finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  async #sync(ids: readonly string[]): Promise<void> {
    await forEach(ids, (id) => syncPath(this.#path(id)));
    await forEach([...new Set(ids.map((id) => join(this.#directory, id.slice(0, 2))))], syncPath);
    await syncPath(this.#directory);
  }

  async #recover(): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => JOURNAL.test(name)).sort();
    for (const name of names) {
      const path = join(this.#directory, name);
      const receipts = readJournal(await readFile(path, 'utf8'));
      await forEach(receipts, ([id, bundle]) => this.#write(id, bundle));
      await this.#sync(receipts.map(([id]) => id));
      await unlink(path);
      this.#sequence = Math.max(this.#sequence, Number(JOURNAL.exec(name)?.[1]));
    }
  }
}
