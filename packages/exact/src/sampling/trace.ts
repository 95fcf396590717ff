// Token trace (specs/exact-1.md §8): a hash chain over every token and the logits it was sampled from.
import {
  concatBytes,
  sha256 as defaultSha256,
  encodeTokenIds,
  parseHex,
  RunproofError,
  utf8,
} from '@runproof/protocol';
import type { Sha256 } from './gumbel.ts';

/** Id of the contract that this package implements. */
export const CONTRACT = 'exact-1';

/** Bytes of each h_t in a disclosure. */
export const TRACE_PREFIX_BYTES = 8;

/** Root of an output without tokens, hex32 (specs/exact-1.md §8). */
export const EMPTY_TRACE = '0'.repeat(64);

const TRACE_LABEL = utf8('runproof/trace/1\0');
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Digest bytes of `sha256:<hex32>`; anything else is `PARAMETER_INVALID`. */
function digestBytes(digest: string): Uint8Array {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new RunproofError('PARAMETER_INVALID', 'the model digest must be sha256: and 64 hex digits');
  return parseHex(digest.slice('sha256:'.length));
}

/** `logits` as f32le bytes, in id order. On little-endian machines a view of the same memory. */
function logitBytes(logits: Float32Array): Uint8Array {
  if (LITTLE_ENDIAN) return new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
  const view = new DataView(new ArrayBuffer(logits.length * 4));
  logits.forEach((value, id) => {
    view.setFloat32(id * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** The chain of one generation: h_0 at first, then h_t after `append` number t. */
export class TokenTrace {
  readonly #sha256: Sha256;
  #hash: Uint8Array;

  /** `modelDigest` is `sha256:<hex32>`. */
  constructor(options: { readonly modelDigest: string; readonly prompt: readonly number[]; readonly sha256?: Sha256 }) {
    this.#sha256 = options.sha256 ?? defaultSha256;
    this.#hash = this.#sha256(
      concatBytes(
        TRACE_LABEL,
        digestBytes(options.modelDigest),
        this.#sha256(utf8(CONTRACT)),
        this.#sha256(encodeTokenIds(options.prompt)),
      ),
    );
  }

  /** The newest h, 32 bytes. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  /** Appends output token `id`, sampled from the raw `logits`; returns h_t. */
  append(id: number, logits: Float32Array): Uint8Array {
    this.#hash = this.#sha256(concatBytes(this.#hash, encodeTokenIds([id]), this.#sha256(logitBytes(logits))));
    return this.#hash;
  }
}
