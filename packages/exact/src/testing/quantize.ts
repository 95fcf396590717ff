// Encoders of the tensor types, as the reference quantisers of ggml define them (ggml-quants.c, quantize_row_q8_0_ref and q4_0_ref).
import { RunproofError } from '@runproof/protocol';
import { TENSOR_LAYOUT } from '../gguf/types.ts';
import type { TensorType } from '../interfaces.ts';
import { bitsOfF32, decodeHalf, encodeHalf } from '../oracle/half.ts';
import { decodeMatrix, matrixRow } from '../oracle/linear.ts';
import { encodeCoded } from './quantize-blocks.ts';

const BLOCK = 32;

function half(value: number): number {
  const bits = encodeHalf(value);
  if (bits === null) throw new RunproofError('MODEL_NONFINITE', `${value} does not fit f16`);
  return bits;
}

function encodeF32(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

function encode16(values: Float32Array, bitsOf: (value: number) => number): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  values.forEach((value, index) => {
    view.setUint16(index * 2, bitsOf(value), true);
  });
  return new Uint8Array(view.buffer);
}

function bfloat(value: number): number {
  const bits = bitsOfF32(value);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Half away from zero, as C's roundf. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
}

function encodeQ8(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / BLOCK) * 34);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < values.length / BLOCK; block += 1) {
    const x = values.subarray(block * BLOCK, (block + 1) * BLOCK);
    const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    view.setUint16(block * 34, half(scale), true);
    x.forEach((value, index) => {
      view.setInt8(block * 34 + 2 + index, roundAway(Math.fround(value * inverse)));
    });
  }
  return bytes;
}

function encodeQ4(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / BLOCK) * 18);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < values.length / BLOCK; block += 1) {
    const x = values.subarray(block * BLOCK, (block + 1) * BLOCK);
    const extreme = x.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    const scale = Math.fround(extreme / -8);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const code = (index: number): number =>
      Math.max(0, Math.min(15, Math.trunc(Math.fround(Math.fround((x[index] ?? 0) * inverse) + 8.5))));
    view.setUint16(block * 18, half(scale), true);
    for (let index = 0; index < 16; index += 1) bytes[block * 18 + 2 + index] = code(index) | (code(index + 16) << 4);
  }
  return bytes;
}

/** `values` in the bytes of `type`; their number is a multiple of the type's block. */
export function encodeTensor(type: TensorType, values: Float32Array): Uint8Array {
  const { blockValues, blockBytes } = TENSOR_LAYOUT[type];
  if (values.length % blockValues !== 0) {
    throw new RunproofError('INTERNAL', `${values.length} values do not fill blocks of ${blockValues}`);
  }
  switch (type) {
    case 'F32':
      return encodeF32(values);
    case 'F16':
      return encode16(values, half);
    case 'BF16':
      return encode16(values, bfloat);
    case 'Q8_0':
      return encodeQ8(values);
    case 'Q4_0':
      return encodeQ4(values);
    default:
      return encodeCoded(type, values, blockValues, blockBytes);
  }
}

/** The f32 values that bytes of `type` stand for, rounded as a row lookup (specs/exact-1.md §4). */
export function decodeTensor(type: TensorType, bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = bytes.length / (type === 'Q8_0' ? 34 : 18);
  switch (type) {
    case 'F32':
      return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true));
    case 'F16':
      return Float32Array.from({ length: bytes.length / 2 }, (_, index) => decodeHalf(view.getUint16(index * 2, true)));
    case 'BF16':
      return Float32Array.from({ length: bytes.length / 2 }, (_, index) => {
        const word = new DataView(new ArrayBuffer(4));
        word.setUint16(0, view.getUint16(index * 2, true));
        return word.getFloat32(0);
      });
    case 'Q8_0':
      return Float32Array.from({ length: blocks * BLOCK }, (_, index) => {
        const at = Math.floor(index / BLOCK) * 34;
        return decodeHalf(view.getUint16(at, true)) * view.getInt8(at + 2 + (index % BLOCK));
      });
    case 'Q4_0':
      return Float32Array.from({ length: blocks * BLOCK }, (_, index) => {
        const at = Math.floor(index / BLOCK) * 18;
        const byte = bytes[at + 2 + (index % 16)] ?? 0;
        return decodeHalf(view.getUint16(at, true)) * ((index % BLOCK < 16 ? byte & 15 : byte >>> 4) - 8);
      });
    default:
      return decodeCoded(type, bytes);
  }
}

/** The types of blocks beyond Q8_0 and Q4_0 have no second decoder: the oracle's stands in, and the peers judge it. */
function decodeCoded(type: TensorType, bytes: Uint8Array): Float32Array {
  const { blockValues, blockBytes } = TENSOR_LAYOUT[type];
  return matrixRow(decodeMatrix(type, 1, (bytes.length / blockBytes) * blockValues, bytes), 0);
}
