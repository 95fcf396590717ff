// A write-ahead journal: what is appended is durable when the call resolves, and callers that come together share one sync of the disk.
//
//   <id, 64 hex digits> <bundle: one line of canonical JSON>\n      once per receipt
import { type FileHandle, open } from 'node:fs/promises';

interface Append {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class ReceiptJournal {
  readonly path: string;
  readonly #file: FileHandle;
  #waiting: Append[] = [];
  #flushing: Promise<void> | null = null;
  #size = 0;
  #failed = false;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** A new journal, mode 0600; the caller makes its name durable. */
  static async create(path: string): Promise<ReceiptJournal> {
    return new ReceiptJournal(path, await open(path, 'wx', 0o600));
  }

  /** bytes appended so far */
  get size(): number {
    return this.#size;
  }

  /** After a failed write or sync nobody knows what is on the disk: such a journal takes nothing more. */
  get failed(): boolean {
    return this.#failed;
  }

  append(id: string, bundle: string): Promise<void> {
    const bytes = Buffer.from(`${id} ${bundle}\n`, 'utf8');
    this.#size += bytes.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#failed) throw new Error('the journal has failed before');
        await this.#write(
          batch.length === 1 ? (batch[0] as Append).bytes : Buffer.concat(batch.map((append) => append.bytes)),
        );
        await this.#file.datasync();
        for (const append of batch) append.resolve();
      } catch (error) {
        this.#failed = true;
        for (const append of batch) append.reject(error);
      }
    }
    this.#flushing = null;
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, offset);
      offset += bytesWritten;
    }
  }
}
