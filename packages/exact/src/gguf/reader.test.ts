import { RunproofError } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../interfaces.ts';
import { memorySource } from '../testing/memory-source.ts';
import { encodeTensor } from '../testing/quantize.ts';
import { randomModel } from '../testing/random-model.ts';
import { type GgufContent, type GgufMetadataValue, type GgufTensor, writeGguf } from '../testing/write-gguf.ts';
import { readGguf } from './reader.ts';
import type { GgufValue } from './types.ts';

const tensor = (name: string, values: number): GgufTensor => ({
  name,
  type: 'F32',
  shape: [values],
  data: encodeTensor(
    'F32',
    Float32Array.from({ length: values }, (_, index) => index),
  ),
});

function file(
  metadata: Record<string, GgufMetadataValue>,
  tensors: readonly GgufTensor[] = [],
  rest: Partial<GgufContent> = {},
): Uint8Array<ArrayBuffer> {
  return writeGguf({ metadata: new Map(Object.entries(metadata)), tensors, ...rest });
}

async function codeOf(bytes: Uint8Array): Promise<string> {
  try {
    await readGguf(memorySource(bytes));
    return 'accepted';
  } catch (error) {
    return RunproofError.isInstance(error) ? error.code : `threw ${String(error)}`;
  }
}

/** `bytes` with `patch` written at `offset`. */
function patched(bytes: Uint8Array, offset: number, ...patch: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(patch, offset);
  return copy;
}

const plain = (value: GgufMetadataValue): GgufValue => (value.type === 'array' ? value.values.map(plain) : value.value);

const scalarArbitrary: fc.Arbitrary<GgufMetadataValue> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((value) => ({ type: 'u8', value }) as const),
  fc.integer({ min: -128, max: 127 }).map((value) => ({ type: 'i8', value }) as const),
  fc.integer({ min: 0, max: 65_535 }).map((value) => ({ type: 'u16', value }) as const),
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({ type: 'i16', value }) as const),
  fc.nat().map((value) => ({ type: 'u32', value }) as const),
  fc.integer().map((value) => ({ type: 'i32', value }) as const),
  fc.float({ noNaN: true }).map((value) => ({ type: 'f32', value }) as const),
  fc.double({ noNaN: true }).map((value) => ({ type: 'f64', value }) as const),
  fc.maxSafeNat().map((value) => ({ type: 'u64', value }) as const),
  fc.maxSafeInteger().map((value) => ({ type: 'i64', value }) as const),
  fc.boolean().map((value) => ({ type: 'bool', value }) as const),
  fc.string({ unit: 'grapheme' }).map((value) => ({ type: 'string', value }) as const),
);
const arrayOf = (items: fc.Arbitrary<GgufMetadataValue>): fc.Arbitrary<GgufMetadataValue> =>
  items.chain((first) =>
    fc
      .array(
        items.filter((item) => item.type === first.type),
        { maxLength: 4 },
      )
      .map((rest) => ({ type: 'array', of: first.type, values: [first, ...rest] })),
  );
const valueArbitrary = fc.oneof(scalarArbitrary, arrayOf(scalarArbitrary), arrayOf(arrayOf(scalarArbitrary)));

describe('readGguf', () => {
  it('gives back what was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((key) => key !== 'general.alignment'),
          valueArbitrary,
          { maxKeys: 6 },
        ),
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 5 }),
        fc.constantFrom(undefined, 8, 64, 4096),
        async (metadata, names, alignment) => {
          const tensors = names.map((name, index) => tensor(name, index + 1));
          const bytes = file(metadata, tensors, alignment === undefined ? {} : { alignment });
          const read = await readGguf(memorySource(bytes));
          for (const [key, value] of Object.entries(metadata)) expect(read.metadata.get(key)).toEqual(plain(value));
          expect([...read.tensors.keys()]).toEqual(names);
          for (const { name, shape, data } of tensors) {
            const info = read.tensors.get(name);
            expect(info).toMatchObject({ type: 'F32', shape, byteLength: data.length });
            expect(bytes.subarray(info?.offset, (info?.offset ?? 0) + data.length)).toEqual(data);
            expect((info?.offset ?? 1) % (alignment ?? 32)).toBe(0);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads a header that spans many chunks, and none of the data', async () => {
    const long: GgufMetadataValue = { type: 'string', value: 'x'.repeat(3_000_000) };
    const many: GgufMetadataValue = {
      type: 'array',
      of: 'string',
      values: Array.from({ length: 50_000 }, (_, index) => ({ type: 'string', value: `t${index}` })),
    };
    const bytes = file({ long, many }, [tensor('w', 4_000_000)]);
    let read = 0;
    const inner = memorySource(bytes);
    const source: ByteSource = {
      size: inner.size,
      read(offset, length) {
        read = Math.max(read, offset + length);
        return inner.read(offset, length);
      },
    };
    const header = await readGguf(source);
    expect(header.metadata.get('long')).toBe(long.value);
    expect((header.metadata.get('many') as string[])[49_999]).toBe('t49999');
    const start = header.tensors.get('w')?.offset ?? 0;
    expect(read).toBeLessThan(start + 1_100_000);
    expect(bytes.length).toBeGreaterThan(start + 15_000_000);
  });

  const u32 = (value: number): GgufMetadataValue => ({ type: 'u32', value });
  const good = file({ a: u32(1) }, [tensor('w', 8), tensor('v', 8)]);
  // The layout of `good`: 24 bytes of counts; key 'a' (8 + 1), its type (4) and value (4); then the tensors, each 8 + 1 name,
  // 4 dimensions, 8 length, 4 type, 8 offset.
  const entry = 24 + 9 + 8;
  const second = entry + 33;

  it('accepts the file that the invalid cases are made from', async () => {
    expect(await codeOf(good)).toBe('accepted');
  });

  it.each<[string, RegExp, Uint8Array]>([
    ['an empty file', /ends inside its header/, new Uint8Array(0)],
    ['another magic', /begin with GGUF/, patched(good, 0, 0x58)],
    ['version 2', /version 2/, patched(good, 4, 2)],
    ['big endian', /version 50331648/, patched(good, 4, 0, 0, 0, 3)],
    ['too many tensors', /65537 tensors/, patched(good, 8, 1, 0, 1)],
    ['a tensor count beyond 2^53', /beyond 2\^53/, patched(good, 8, 0, 0, 0, 0, 0, 0, 0, 0x80)],
    ['too many metadata entries', /65537 metadata entries/, patched(good, 16, 1, 0, 1)],
    ['a key longer than the file', /ends inside/, patched(good, 24, 0xff, 0xff)],
    ['a key longer than the limit', /at most 65535/, patched(good, 24, 0, 0, 1)],
    ['a key that is not UTF-8', /not UTF-8/, patched(good, 32, 0xff)],
    ['an empty key', /key is empty/, file({ '': u32(1) })],
    ['a metadata type that does not exist', /type 13/, patched(good, 33, 13)],
    ['a boolean of 2', /boolean is 2/, patched(file({ b: { type: 'bool', value: true } }), 37, 2)],
    [
      'an integer of 2^53',
      /9007199254740992/,
      patched(file({ b: { type: 'u64', value: 0 } }), 37, 0, 0, 0, 0, 0, 0, 0x20, 0),
    ],
    [
      'an integer of -2^53',
      /-9007199254740992/,
      patched(file({ b: { type: 'i64', value: 0 } }), 37, 0, 0, 0, 0, 0, 0, 0xe0, 0xff),
    ],
    [
      'an array of more elements than the file has',
      /ends inside/,
      patched(file({ b: { type: 'array', of: 'u8', values: [] } }), 41, 0, 0, 0x10),
    ],
    [
      'an array beyond the limit',
      /array elements/,
      patched(file({ b: { type: 'array', of: 'u8', values: [] } }), 41, 0, 0, 0, 0, 1),
    ],
    [
      'an empty array of a type that does not exist',
      /type 13/,
      patched(file({ b: { type: 'array', of: 'u8', values: [] } }), 37, 13),
    ],
    ['an alignment of 0', /general.alignment is 0/, file({ 'general.alignment': u32(0) })],
    ['an alignment of 48', /is 48/, file({ 'general.alignment': u32(48) })],
    ['an alignment of 2^21', /is 2097152/, file({ 'general.alignment': u32(2_097_152) })],
    ['an alignment that is text', /is 32/, file({ 'general.alignment': { type: 'string', value: '32' } })],
    ['a tensor name of 65 bytes', /at most 64/, file({}, [tensor('n'.repeat(65), 8)])],
    ['an empty tensor name', /name is empty/, file({}, [tensor('', 8)])],
    ['no dimensions', /0 dimensions/, patched(good, entry + 9, 0)],
    ['five dimensions', /5 dimensions/, patched(good, entry + 9, 5)],
    ['a dimension of 0', /dimension of 0/, patched(good, entry + 13, 0)],
    ['a tensor type that does not exist', /type 200/, patched(good, entry + 21, 200)],
    ['a removed tensor type', /type 4/, patched(good, entry + 21, 4)],
    ['an offset that is not aligned', /not aligned/, patched(good, second + 25, 33)],
    ['an offset behind the end', /behind the end/, patched(good, second + 25, 64)],
    ['overlapping tensors', /overlap/, patched(good, second + 25, 0)],
    ['a repeated tensor name', /stands twice/, file({}, [tensor('w', 8), tensor('w', 8)])],
    [
      'a product of dimensions that overflows',
      /2\^53 values/,
      writeGguf({ metadata: new Map(), tensors: [{ ...tensor('w', 8), shape: [2 ** 40, 2 ** 40] }] }),
    ],
    [
      'bytes that overflow',
      /2\^53 bytes/,
      writeGguf({ metadata: new Map(), tensors: [{ ...tensor('w', 8), shape: [2 ** 52] }] }),
    ],
    [
      'a row of Q8_0 that is no multiple of 32',
      /multiple of 32/,
      writeGguf({ metadata: new Map(), tensors: [{ ...tensor('w', 8), type: 'Q8_0', shape: [16, 2] }] }),
    ],
    [
      'a row of Q4_K that is no multiple of 256',
      /multiple of 256/,
      writeGguf({ metadata: new Map(), tensors: [{ ...tensor('w', 8), type: 'Q4_K', shape: [128, 2] }] }),
    ],
  ])('refuses %s', async (_name, message, bytes) => {
    const refusal = expect.objectContaining({ code: 'MODEL_SYNTAX', message: expect.stringMatching(message) });
    await expect(readGguf(memorySource(bytes))).rejects.toEqual(refusal);
  });

  it('refuses a header beyond 256 MiB before it reads it', async () => {
    const prefix = file({ k: { type: 'string', value: '' } });
    // One metadata entry whose string claims 16 MiB, again and again: every key is its own number.
    const entryBytes = 8 + 8 + 4 + 8 + 2 ** 24;
    let furthest = 0;
    const source: ByteSource = {
      size: 2 ** 40,
      read(offset, length) {
        furthest = Math.max(furthest, offset + length);
        const bytes = new Uint8Array(length).fill(0x61);
        const put = (at: number, values: Uint8Array): void => {
          for (let index = 0; index < values.length; index += 1) {
            if (at + index >= offset && at + index < offset + length)
              bytes[at + index - offset] = values[index] as number;
          }
        };
        put(0, patched(prefix.slice(0, 24), 16, 64));
        for (let entry = 0; entry < 20; entry += 1) {
          const head = new DataView(new ArrayBuffer(28));
          head.setUint32(0, 8, true);
          for (let index = 8; index < 16; index += 1) head.setUint8(index, 0x30 + ((entry >> (index - 8)) & 1));
          head.setUint32(16, 8, true);
          head.setUint32(20, 2 ** 24, true);
          put(24 + entry * entryBytes, new Uint8Array(head.buffer));
        }
        return Promise.resolve(bytes);
      },
    };
    await expect(readGguf(source)).rejects.toThrow('the header is larger than 268435456 bytes');
    expect(furthest).toBeLessThan(2 ** 28 + 2 ** 21);
  });

  it('refuses a repeated key', async () => {
    const twice = file({ a: u32(1), b: u32(1) });
    expect(await codeOf(twice)).toBe('accepted');
    // 24 counts, key 'a' with type and value (17), then the length of the second key (8).
    expect(await codeOf(patched(twice, 24 + 17 + 8, 'a'.charCodeAt(0)))).toBe('MODEL_SYNTAX');
  });

  it('refuses arrays that are nested too deeply', async () => {
    const nest = (depth: number): GgufMetadataValue =>
      depth === 0 ? u32(1) : { type: 'array', of: depth === 1 ? 'u32' : 'array', values: [nest(depth - 1)] };
    expect(await codeOf(file({ deep: nest(4) }))).toBe('accepted');
    expect(await codeOf(file({ deep: nest(5) }))).toBe('MODEL_SYNTAX');
  });

  it('names an unsupported type, and what is supported', async () => {
    const source = memorySource(patched(good, entry + 21, 16));
    await expect(readGguf(source)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message:
        'tensor w has type IQ2_XXS; supported are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K',
    });
  });

  it('refuses every truncation of a file', async () => {
    for (let length = 0; length < good.length; length += 1)
      expect(await codeOf(good.slice(0, length))).toBe('MODEL_SYNTAX');
  });

  it('survives mutations: a file or an error of ours', async () => {
    const bytes = randomModel({
      seed: 7,
      architecture: 'llama',
      type: 'Q4_0',
      width: 32,
      layers: 1,
      heads: 2,
      kvHeads: 1,
      ffnWidth: 32,
      vocabSize: 260,
    });
    const header = (await readGguf(memorySource(bytes))).tensors.get('token_embd.weight')?.offset ?? 0;
    const edit = fc.tuple(fc.nat(header - 1), fc.uint8Array({ minLength: 1, maxLength: 9 }));
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const hostile = edits.reduce(
          (copy, [offset, patch]) => patched(copy, Math.min(offset, header - patch.length), ...patch),
          bytes as Uint8Array,
        );
        expect(['accepted', 'MODEL_SYNTAX', 'MODEL_UNSUPPORTED']).toContain(await codeOf(hostile));
      }),
      { numRuns: 400 },
    );
  });
});
