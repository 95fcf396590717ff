// Reader of GGUF version 3, little endian: the header only, strictly and within bounds. Every byte is attacker-controlled.
import { RunproofError } from '@runproof/protocol';
import { type ByteSource, TENSOR_TYPES, type TensorType } from '../interfaces.ts';
import { HeaderCursor } from './cursor.ts';
import {
  GGUF_LIMITS,
  type GgufFile,
  type GgufValue,
  OTHER_TYPE_NAMES,
  TENSOR_LAYOUT,
  type TensorInfo,
} from './types.ts';

const MAGIC = 0x46554747; // 'GGUF' read as u32le
const VERSION = 3;
const DEFAULT_ALIGNMENT = 32;

const TYPE_BY_ID: ReadonlyMap<number, TensorType> = new Map(TENSOR_TYPES.map((type) => [TENSOR_LAYOUT[type].id, type]));

/** Metadata value types of GGUF: number → bytes and how to take one. Strings (8) and arrays (9) are handled apart. */
const SCALARS: ReadonlyMap<number, { bytes: number; take: (cursor: HeaderCursor) => number | boolean }> = new Map([
  [0, { bytes: 1, take: (cursor: HeaderCursor) => cursor.u8() }],
  [1, { bytes: 1, take: (cursor: HeaderCursor) => cursor.i8() }],
  [2, { bytes: 2, take: (cursor: HeaderCursor) => cursor.u16() }],
  [3, { bytes: 2, take: (cursor: HeaderCursor) => cursor.i16() }],
  [4, { bytes: 4, take: (cursor: HeaderCursor) => cursor.u32() }],
  [5, { bytes: 4, take: (cursor: HeaderCursor) => cursor.i32() }],
  [6, { bytes: 4, take: (cursor: HeaderCursor) => cursor.f32() }],
  [7, { bytes: 1, take: takeBoolean }],
  [10, { bytes: 8, take: (cursor: HeaderCursor) => cursor.u64() }],
  [11, { bytes: 8, take: (cursor: HeaderCursor) => cursor.i64() }],
  [12, { bytes: 8, take: (cursor: HeaderCursor) => cursor.f64() }],
]);
const STRING = 8;
const ARRAY = 9;

function syntax(message: string, cursor: HeaderCursor): RunproofError {
  return new RunproofError('MODEL_SYNTAX', message, { offset: cursor.position });
}

function takeBoolean(cursor: HeaderCursor): boolean {
  const byte = cursor.u8();
  if (byte > 1) throw syntax(`a boolean is ${byte}, expected 0 or 1`, cursor);
  return byte === 1;
}

async function readString(cursor: HeaderCursor, limit: number, what: string): Promise<string> {
  if (!cursor.has(8)) await cursor.need(8);
  const length = cursor.u64();
  if (length > limit) throw syntax(`${what} has ${length} bytes, at most ${limit} are allowed`, cursor);
  if (!cursor.has(length)) await cursor.need(length);
  return cursor.text(length, what);
}

/** What is left of the file's budget of array elements. */
interface Budget {
  elements: number;
}

async function readArray(cursor: HeaderCursor, key: string, depth: number, budget: Budget): Promise<GgufValue> {
  if (depth > GGUF_LIMITS.arrayDepth)
    throw syntax(`${key}: arrays are nested deeper than ${GGUF_LIMITS.arrayDepth}`, cursor);
  await cursor.need(12);
  const type = cursor.u32();
  const count = cursor.u64();
  budget.elements -= count;
  if (budget.elements < 0)
    throw syntax(`${key}: more than ${GGUF_LIMITS.arrayElements} array elements in the file`, cursor);
  const values: GgufValue[] = [];
  const scalar = SCALARS.get(type);
  for (let index = 0; index < count; index += 1) {
    if (scalar !== undefined) {
      if (!cursor.has(scalar.bytes)) await cursor.need(scalar.bytes);
      values.push(scalar.take(cursor));
    } else {
      values.push(await readValue(cursor, key, type, depth, budget));
    }
  }
  if (count === 0 && scalar === undefined && type !== STRING && type !== ARRAY)
    throw unknownValueType(cursor, key, type);
  return values;
}

function unknownValueType(cursor: HeaderCursor, key: string, type: number): RunproofError {
  return syntax(`${key}: metadata value type ${type} does not exist`, cursor);
}

async function readValue(
  cursor: HeaderCursor,
  key: string,
  type: number,
  depth: number,
  budget: Budget,
): Promise<GgufValue> {
  if (type === STRING) return readString(cursor, GGUF_LIMITS.stringBytes, `a string of ${key}`);
  if (type === ARRAY) return readArray(cursor, key, depth + 1, budget);
  const scalar = SCALARS.get(type);
  if (scalar === undefined) throw unknownValueType(cursor, key, type);
  await cursor.need(scalar.bytes);
  return scalar.take(cursor);
}

async function readMetadata(cursor: HeaderCursor, count: number): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  const budget: Budget = { elements: GGUF_LIMITS.arrayElements };
  for (let index = 0; index < count; index += 1) {
    const key = await readString(cursor, GGUF_LIMITS.keyBytes, 'a metadata key');
    if (key === '') throw syntax('a metadata key is empty', cursor);
    if (metadata.has(key)) throw syntax(`the metadata key ${key} stands twice`, cursor);
    await cursor.need(4);
    metadata.set(key, await readValue(cursor, key, cursor.u32(), 0, budget));
  }
  return metadata;
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  const valid =
    typeof alignment === 'number' &&
    Number.isInteger(alignment) &&
    alignment >= 8 &&
    alignment <= GGUF_LIMITS.alignment;
  // A power of two has one bit set.
  if (!valid || (alignment & (alignment - 1)) !== 0) {
    throw new RunproofError(
      'MODEL_SYNTAX',
      `general.alignment is ${String(alignment)}, expected a power of two from 8 to 2^20`,
    );
  }
  return alignment;
}

function tensorType(id: number, name: string): TensorType {
  const type = TYPE_BY_ID.get(id);
  if (type !== undefined) return type;
  const known = OTHER_TYPE_NAMES[id];
  if (known === undefined) throw new RunproofError('MODEL_SYNTAX', `tensor ${name} has the unknown type ${id}`);
  throw new RunproofError(
    'MODEL_UNSUPPORTED',
    `tensor ${name} has type ${known}; supported are ${TENSOR_TYPES.join(', ')}`,
    {
      tensor: name,
      type: known,
    },
  );
}

/** Reads one tensor entry; `offset` is still relative to the data section. */
async function readTensorEntry(cursor: HeaderCursor): Promise<TensorInfo> {
  const name = await readString(cursor, GGUF_LIMITS.tensorNameBytes, 'a tensor name');
  if (name === '') throw syntax('a tensor name is empty', cursor);
  await cursor.need(4);
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > GGUF_LIMITS.dimensions)
    throw syntax(`tensor ${name} has ${dimensions} dimensions, expected 1 to 4`, cursor);
  await cursor.need(dimensions * 8 + 12);
  const shape: number[] = [];
  let values = 1;
  for (let index = 0; index < dimensions; index += 1) {
    const length = cursor.u64();
    if (length === 0) throw syntax(`tensor ${name} has a dimension of 0`, cursor);
    shape.push(length);
    values *= length;
    // Checked at every step: a product of safe integers that is itself safe was not rounded.
    if (!Number.isSafeInteger(values)) throw syntax(`tensor ${name} has more than 2^53 values`, cursor);
  }
  const type = tensorType(cursor.u32(), name);
  const { blockValues, blockBytes } = TENSOR_LAYOUT[type];
  if ((shape[0] ?? 0) % blockValues !== 0) {
    throw syntax(
      `tensor ${name} of type ${type} has rows of ${shape[0]} values, expected a multiple of ${blockValues}`,
      cursor,
    );
  }
  const byteLength = (values / blockValues) * blockBytes;
  if (!Number.isSafeInteger(byteLength)) throw syntax(`tensor ${name} has more than 2^53 bytes`, cursor);
  return { name, type, shape, offset: cursor.u64(), byteLength };
}

/** Makes offsets absolute, and checks that every tensor is aligned, inside the file, and apart from the others. */
function placeTensors(
  entries: readonly TensorInfo[],
  dataStart: number,
  alignment: number,
  size: number,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const entry of entries) {
    const offset = dataStart + entry.offset;
    if (tensors.has(entry.name)) throw new RunproofError('MODEL_SYNTAX', `the tensor ${entry.name} stands twice`);
    if (entry.offset % alignment !== 0) {
      throw new RunproofError('MODEL_SYNTAX', `tensor ${entry.name} at ${entry.offset} is not aligned to ${alignment}`);
    }
    if (offset + entry.byteLength > size) {
      throw new RunproofError(
        'MODEL_SYNTAX',
        `tensor ${entry.name} ends at ${offset + entry.byteLength}, behind the end of the file at ${size}`,
      );
    }
    tensors.set(entry.name, { ...entry, offset });
  }
  const inOrder = [...tensors.values()].sort((left, right) => left.offset - right.offset);
  inOrder.forEach((tensor, index) => {
    const previous = inOrder[index - 1];
    if (previous !== undefined && previous.offset + previous.byteLength > tensor.offset) {
      throw new RunproofError('MODEL_SYNTAX', `tensors ${previous.name} and ${tensor.name} overlap`);
    }
  });
  return tensors;
}

/**
 * Reads the header of a GGUF file: version 3, little endian. Tensor data is not read.
 *
 * Errors: `MODEL_SYNTAX` for anything that breaks the format or a limit of `GGUF_LIMITS`, `MODEL_UNSUPPORTED` for a tensor type outside
 * the contract. What `source.read` rejects with passes through.
 */
export async function readGguf(source: ByteSource): Promise<GgufFile> {
  const { size } = source;
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RunproofError('MODEL_SYNTAX', `the size of the file is ${size}`);
  const cursor = new HeaderCursor(source);
  await cursor.need(24);
  if (cursor.u32() !== MAGIC) throw syntax('the file does not begin with GGUF', cursor);
  const version = cursor.u32();
  if (version !== VERSION)
    throw syntax(`the file is GGUF version ${version}, expected ${VERSION} in little endian`, cursor);
  const tensorCount = cursor.u64();
  const metadataCount = cursor.u64();
  if (tensorCount > GGUF_LIMITS.tensors)
    throw syntax(`${tensorCount} tensors, at most ${GGUF_LIMITS.tensors} are allowed`, cursor);
  if (metadataCount > GGUF_LIMITS.metadataEntries) {
    throw syntax(`${metadataCount} metadata entries, at most ${GGUF_LIMITS.metadataEntries} are allowed`, cursor);
  }
  const metadata = await readMetadata(cursor, metadataCount);
  const alignment = alignmentOf(metadata);
  const entries: TensorInfo[] = [];
  for (let index = 0; index < tensorCount; index += 1) entries.push(await readTensorEntry(cursor));
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { metadata, tensors: placeTensors(entries, dataStart, alignment, size), size };
}
