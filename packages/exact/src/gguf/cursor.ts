// Reads a header front to back in chunks, so that the size of a file never matters.
import { RunproofError } from '@runproof/protocol';
import type { ByteSource } from '../interfaces.ts';
import { GGUF_LIMITS } from './types.ts';

const CHUNK_BYTES = 1024 * 1024;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A forward reader over a ByteSource: `await need(n)`, then take what was asked for synchronously. */
export class HeaderCursor {
  readonly #source: ByteSource;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  /** offset of #bytes[0] in the file */
  #base = 0;
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Bytes from the start of the file to the next one. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** True when `length` bytes can be taken without reading. */
  has(length: number): boolean {
    return this.#bytes.length - this.#at >= length;
  }

  /** Makes `length` bytes available; a file or a header that ends before them is `MODEL_SYNTAX`. */
  async need(length: number): Promise<void> {
    if (this.has(length)) return;
    const { position } = this;
    if (position + length > this.#source.size) {
      throw new RunproofError('MODEL_SYNTAX', `the file ends inside its header, at byte ${this.#source.size}`, {
        offset: position,
      });
    }
    if (position + length > GGUF_LIMITS.headerBytes) {
      throw new RunproofError('MODEL_SYNTAX', `the header is larger than ${GGUF_LIMITS.headerBytes} bytes`, {
        offset: position,
      });
    }
    const left = this.#bytes.subarray(this.#at);
    const wanted = Math.min(Math.max(length, CHUNK_BYTES), this.#source.size - position) - left.length;
    const more = await this.#source.read(position + left.length, wanted);
    if (more.length !== wanted) throw new RunproofError('MODEL_SYNTAX', 'the file became shorter while it was read');
    const joined = new Uint8Array(left.length + more.length);
    joined.set(left);
    joined.set(more, left.length);
    this.#bytes = joined;
    this.#view = new DataView(joined.buffer);
    this.#base = position;
    this.#at = 0;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  i8(): number {
    return this.#view.getInt8(this.#advance(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  i16(): number {
    return this.#view.getInt16(this.#advance(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }
  f32(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  /** An unsigned 64-bit integer of at most 2^53 - 1. */
  u64(): number {
    return this.#safe(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** A signed 64-bit integer of magnitude at most 2^53 - 1. */
  i64(): number {
    return this.#safe(this.#view.getBigInt64(this.#advance(8), true));
  }

  /** `length` bytes of UTF-8. */
  text(length: number, what: string): string {
    const start = this.#advance(length);
    try {
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new RunproofError('MODEL_SYNTAX', `${what} is not UTF-8`, { offset: this.position - length });
    }
  }

  #advance(length: number): number {
    if (!this.has(length)) throw new RunproofError('INTERNAL', 'a header value was taken before it was read');
    const start = this.#at;
    this.#at += length;
    return start;
  }

  #safe(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw new RunproofError('MODEL_SYNTAX', `the integer ${value} is beyond 2^53 - 1`, { offset: this.position - 8 });
    }
    return number;
  }
}
