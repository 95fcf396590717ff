import { describe, expect, it } from 'vitest';
import { TENSOR_TYPES, type TensorType } from '../interfaces.ts';
import { memorySource } from '../testing/memory-source.ts';
import { encodeTensor } from '../testing/quantize.ts';
import { SeededRandom } from '../testing/random.ts';
import { writeGguf } from '../testing/write-gguf.ts';
import { readGguf } from './reader.ts';
import { readTensor, readTensorChunks } from './tensor-data.ts';
import { HALVES_AT, TENSOR_LAYOUT, type TensorInfo } from './types.ts';

async function open(
  type: TensorType,
  data: Uint8Array,
): Promise<{ source: ReturnType<typeof memorySource>; info: TensorInfo }> {
  const { blockBytes, blockValues } = TENSOR_LAYOUT[type];
  const shape = [(data.length / blockBytes) * blockValues];
  const source = memorySource(writeGguf({ metadata: new Map(), tensors: [{ name: 'w', type, shape, data }] }));
  const info = (await readGguf(source)).tensors.get('w');
  if (info === undefined) throw new Error('no tensor');
  return { source, info };
}

const dataOf = (type: TensorType): Uint8Array => encodeTensor(type, new SeededRandom(5).values(1280, 1));

describe.each(TENSOR_TYPES)('tensor data of type %s', (type) => {
  it('arrives whole, in chunks of whole blocks, with progress', async () => {
    const data = dataOf(type);
    const { source, info } = await open(type, data);
    const seen: number[] = [];
    const chunkBytes = Math.max(40, TENSOR_LAYOUT[type].blockBytes);
    expect(await readTensor(source, info, { chunkBytes, onProgress: (done) => seen.push(done) })).toEqual(data);
    expect(seen.at(-1)).toBe(data.length);
    expect(seen.length).toBeGreaterThan(3);
    for await (const { offset, bytes } of readTensorChunks(source, info, { chunkBytes })) {
      expect(offset % TENSOR_LAYOUT[type].blockBytes).toBe(0);
      expect(bytes.length).toBeLessThanOrEqual(chunkBytes);
    }
  });

  it.each(['NaN', 'infinity', 'negative infinity'])('refuses %s wherever it stands', async (what) => {
    const half = what === 'NaN' ? [1, 0x7c] : [0, what === 'infinity' ? 0x7c : 0xfc];
    const bits: Partial<Record<TensorType, number[]>> = {
      F32: what === 'NaN' ? [1, 0, 0x80, 0x7f] : [0, 0, 0x80, what === 'infinity' ? 0x7f : 0xff],
      BF16: what === 'NaN' ? [0x81, 0x7f] : [0x80, what === 'infinity' ? 0x7f : 0xff],
    };
    const { blockBytes } = TENSOR_LAYOUT[type];
    const blocks = dataOf(type).length / blockBytes;
    for (const place of HALVES_AT[type] ?? [0]) {
      for (const block of [0, 1, blocks - 1]) {
        const data = dataOf(type);
        data.set(bits[type] ?? half, block * blockBytes + place);
        const { source, info } = await open(type, data);
        await expect(readTensor(source, info, { chunkBytes: 64 })).rejects.toMatchObject({
          code: 'MODEL_NONFINITE',
          evidence: { tensor: 'w', block },
        });
      }
    }
  });

  it('accepts the largest finite values', async () => {
    const data = dataOf(type);
    const { blockBytes } = TENSOR_LAYOUT[type];
    const largest = type === 'F32' ? [0xff, 0xff, 0x7f, 0x7f] : type === 'BF16' ? [0x7f, 0x7f] : [0xff, 0x7b];
    for (const place of HALVES_AT[type] ?? [0]) data.set(largest, blockBytes + place);
    const { source, info } = await open(type, data);
    expect(await readTensor(source, info)).toEqual(data);
  });
});

describe('readTensor', () => {
  it('notices a source that gives fewer bytes', async () => {
    const { source, info } = await open('F32', dataOf('F32'));
    const short = { size: source.size, read: (offset: number, length: number) => source.read(offset, length - 1) };
    await expect(readTensor(short, info)).rejects.toMatchObject({ code: 'MODEL_SYNTAX' });
  });
});
