// Writer of GGUF version 3, little endian: the counterpart of the reader, for test models and for programs that make models.
import { utf8 } from '@runproof/protocol';
import { TENSOR_LAYOUT } from '../gguf/types.ts';
import type { TensorType } from '../interfaces.ts';

/** Metadata with its GGUF type. */
export type GgufMetadataValue =
  | {
      readonly type: 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'u64' | 'i64' | 'f64';
      readonly value: number;
    }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly of: GgufMetadataValue['type']; readonly values: readonly GgufMetadataValue[] };

export interface GgufTensor {
  readonly name: string;
  readonly type: TensorType;
  /** GGUF order: the first is the length of a row */
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface GgufContent {
  readonly metadata: ReadonlyMap<string, GgufMetadataValue>;
  readonly tensors: readonly GgufTensor[];
  /** bytes; a power of two. 32 when absent; otherwise it is written as general.alignment */
  readonly alignment?: number;
}

const VALUE_TYPE_ID: Readonly<Record<GgufMetadataValue['type'], number>> = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
};

/** As concatBytes of the protocol, for lists too long to be passed as arguments. */
function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function scalar(bytes: number, write: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  write(view);
  return new Uint8Array(view.buffer);
}

function encodeU32(value: number): Uint8Array {
  return scalar(4, (view) => view.setUint32(0, value, true));
}

function encodeU64(value: number): Uint8Array {
  return scalar(8, (view) => view.setBigUint64(0, BigInt(value), true));
}

function encodeString(text: string): Uint8Array {
  const bytes = utf8(text);
  return join([encodeU64(bytes.length), bytes]);
}

function encodeValue(value: GgufMetadataValue): Uint8Array {
  switch (value.type) {
    case 'u8':
      return scalar(1, (view) => view.setUint8(0, value.value));
    case 'i8':
      return scalar(1, (view) => view.setInt8(0, value.value));
    case 'u16':
      return scalar(2, (view) => view.setUint16(0, value.value, true));
    case 'i16':
      return scalar(2, (view) => view.setInt16(0, value.value, true));
    case 'u32':
      return encodeU32(value.value);
    case 'i32':
      return scalar(4, (view) => view.setInt32(0, value.value, true));
    case 'f32':
      return scalar(4, (view) => view.setFloat32(0, value.value, true));
    case 'f64':
      return scalar(8, (view) => view.setFloat64(0, value.value, true));
    case 'u64':
      return encodeU64(value.value);
    case 'i64':
      return scalar(8, (view) => view.setBigInt64(0, BigInt(value.value), true));
    case 'bool':
      return scalar(1, (view) => view.setUint8(0, value.value ? 1 : 0));
    case 'string':
      return encodeString(value.value);
    case 'array':
      return join([
        encodeU32(VALUE_TYPE_ID[value.of]),
        encodeU64(value.values.length),
        ...value.values.map(encodeValue),
      ]);
  }
}

/** Bytes of a GGUF file. Tensors lie in the given order, each aligned; the padding is zero. */
export function writeGguf({ metadata, tensors, alignment }: GgufContent): Uint8Array<ArrayBuffer> {
  const step = alignment ?? 32;
  const align = (size: number): number => Math.ceil(size / step) * step;
  const entries = new Map(metadata);
  if (alignment !== undefined) entries.set('general.alignment', { type: 'u32', value: alignment });
  const parts: Uint8Array[] = [utf8('GGUF'), encodeU32(3), encodeU64(tensors.length), encodeU64(entries.size)];
  for (const [key, value] of entries)
    parts.push(encodeString(key), encodeU32(VALUE_TYPE_ID[value.type]), encodeValue(value));
  let offset = 0;
  for (const { name, type, shape, data } of tensors) {
    parts.push(
      encodeString(name),
      encodeU32(shape.length),
      ...shape.map(encodeU64),
      encodeU32(TENSOR_LAYOUT[type].id),
      encodeU64(offset),
    );
    offset = align(offset + data.length);
  }
  const header = join(parts);
  const dataStart = align(header.length);
  const file = new Uint8Array(dataStart + offset);
  file.set(header);
  offset = 0;
  for (const { data } of tensors) {
    file.set(data, dataStart + offset);
    offset = align(offset + data.length);
  }
  return file;
}
