// A model file as the engine reads it: every byte goes through SHA-256 in the same pass that loads it, so the digest is the digest
// of what was loaded, even when somebody replaces the file meanwhile.
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteSource } from '@runproof/exact';
import { RunproofError } from '@runproof/protocol';

const GAP_BYTES = 1024 * 1024;

async function readFully(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0)
      throw new RunproofError('MODEL_SYNTAX', `the file ends at ${offset + done}, expected ${offset + length}`);
    done += bytesRead;
  }
  return bytes;
}

/** A file that is hashed while it is read. Reads that ascend are hashed as they pass; what they skip is read and hashed too. */
export class HashingFile implements ByteSource {
  readonly size: number;
  /** Unix seconds of the last modification */
  readonly modifiedSeconds: number;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  #hashed = 0;

  private constructor(handle: FileHandle, size: number, modifiedSeconds: number) {
    this.#handle = handle;
    this.size = size;
    this.modifiedSeconds = modifiedSeconds;
  }

  /** Error: `MODEL_NOT_FOUND` when there is no readable file at `path`. */
  static async open(path: string): Promise<HashingFile> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (cause) {
      throw new RunproofError('MODEL_NOT_FOUND', `The model file ${path} cannot be read.`, {}, { cause });
    }
    const facts = await handle.stat();
    if (facts.isFile()) return new HashingFile(handle, facts.size, Math.floor(facts.mtimeMs / 1000));
    await handle.close();
    throw new RunproofError('MODEL_NOT_FOUND', `${path} is not a file.`);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset > this.#hashed) await this.#hashUpTo(offset);
    const bytes = await readFully(this.#handle, offset, length);
    const fresh = offset + length - this.#hashed;
    if (fresh > 0) {
      this.#hash.update(bytes.subarray(length - fresh));
      this.#hashed += fresh;
    }
    return bytes;
  }

  /** Hashes what is left, closes the file, and returns `sha256:<hex>` of all of it. */
  async finish(): Promise<string> {
    await this.#hashUpTo(this.size);
    await this.close();
    return `sha256:${this.#hash.digest('hex')}`;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #hashUpTo(offset: number): Promise<void> {
    while (this.#hashed < offset) {
      const bytes = await readFully(this.#handle, this.#hashed, Math.min(GAP_BYTES, offset - this.#hashed));
      this.#hash.update(bytes);
      this.#hashed += bytes.length;
    }
  }
}
