// The bytes of one tensor, in chunks, with every weight and scale checked to be finite (specs/exact-1.md §0).
import { RunproofError } from '@runproof/protocol';
import type { ByteSource, TensorType } from '../interfaces.ts';
import { HALVES_AT, TENSOR_LAYOUT, type TensorInfo } from './types.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/** A piece of a tensor: whole blocks, `offset` bytes after the tensor's first one. */
export interface TensorChunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface ReadTensorOptions {
  /** called after every chunk with the bytes of this tensor read so far */
  readonly onProgress?: (done: number, total: number) => void;
  /** upper bound of a chunk in bytes; 4 MiB when absent */
  readonly chunkBytes?: number;
}

/**
 * The data of `info` in ascending chunks of whole blocks. The bytes of a chunk belong to the caller.
 *
 * Errors: `MODEL_NONFINITE` names the tensor and the block whose weight or scale is NaN or infinite; `MODEL_SYNTAX` when the
 * source gives fewer bytes than asked for.
 */
export async function* readTensorChunks(
  source: ByteSource,
  info: TensorInfo,
  options: ReadTensorOptions = {},
): AsyncGenerator<TensorChunk> {
  const { blockBytes } = TENSOR_LAYOUT[info.type];
  const step = Math.max(1, Math.floor((options.chunkBytes ?? CHUNK_BYTES) / blockBytes)) * blockBytes;
  for (let offset = 0; offset < info.byteLength; offset += step) {
    const length = Math.min(step, info.byteLength - offset);
    const bytes = await source.read(info.offset + offset, length);
    if (bytes.length !== length) throw new RunproofError('MODEL_SYNTAX', 'the file became shorter while it was read');
    const block = firstNonFinite(info.type, bytes);
    if (block >= 0) {
      const index = offset / blockBytes + block;
      throw new RunproofError('MODEL_NONFINITE', `tensor ${info.name} is NaN or infinite in block ${index}`, {
        tensor: info.name,
        block: index,
      });
    }
    yield { offset, bytes };
    options.onProgress?.(offset + length, info.byteLength);
  }
}

/** All bytes of `info`. For large tensors prefer `readTensorChunks`. Errors as there. */
export async function readTensor(
  source: ByteSource,
  info: TensorInfo,
  options: ReadTensorOptions = {},
): Promise<Uint8Array> {
  const data = new Uint8Array(info.byteLength);
  for await (const { offset, bytes } of readTensorChunks(source, info, options)) data.set(bytes, offset);
  return data;
}

/** Index of the first block with a weight, scale or minimum that is NaN or infinite (all exponent bits set); -1 when there is none. */
function firstNonFinite(type: TensorType, bytes: Uint8Array): number {
  const { blockBytes } = TENSOR_LAYOUT[type];
  // Little endian: the exponent is in the top two bytes of an f32 or bf16, and in the top byte of an f16.
  const [low, lowMask, highMask] = type === 'F32' ? [2, 0x80, 0x7f] : type === 'BF16' ? [0, 0x80, 0x7f] : [0, 0, 0x7c];
  const places = (HALVES_AT[type] ?? [0]).map((place) => place + low);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    for (const place of places) {
      const lowByte = bytes[at + place] ?? 0;
      const highByte = bytes[at + place + 1] ?? 0;
      if ((highByte & highMask) === highMask && (lowByte & lowMask) === lowMask) return at / blockBytes;
    }
  }
  return -1;
}
