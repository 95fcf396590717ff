// Loading, memory, RoPE rows and errors of the engine.
import { describe, expect, it } from 'vitest';
import { readGguf } from '../gguf/reader.ts';
import type { ByteSource, ExactModel, ModelConfig } from '../interfaces.ts';
import { parseModelConfig } from '../model/config.ts';
import { tensorPlan } from '../model/plan.ts';
import { loadOracle } from '../oracle/model.ts';
import { ropeFrequencies as oracleFrequencies, ropeRotations } from '../oracle/rope.ts';
import { memorySource, randomModel } from '../testing/index.ts';
import { planLayout } from './layout.ts';
import { loadExactModel } from './load.ts';
import { ropeFrequencies, writeRopeRow } from './rope-table.ts';

const OPTIONS = {
  seed: 3,
  architecture: 'llama',
  type: 'Q8_0',
  width: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  ffnWidth: 96,
  vocabSize: 50,
  contextLength: 128,
} as const;

/** The random model with some f32 values of a tensor overwritten. */
async function patched(
  tensor: string,
  value: number,
  first = 0,
  count = 1,
  options: Parameters<typeof randomModel>[0] = OPTIONS,
): Promise<ByteSource> {
  const file = randomModel(options);
  const info = (await readGguf(memorySource(file))).tensors.get(tensor);
  if (info === undefined) throw new Error(`no tensor ${tensor}`);
  const view = new DataView(file.buffer);
  for (let index = first; index < first + count; index += 1) view.setFloat32(info.offset + index * 4, value, true);
  return memorySource(file);
}

describe('loading', () => {
  it('reads every byte of weights once, in ascending order, in bounded pieces', async () => {
    const file = randomModel({ ...OPTIONS, vocabSize: 9000, width: 512, type: 'F32' });
    const inner = memorySource(file);
    const { tensors } = await readGguf(inner);
    const start = Math.min(...[...tensors.values()].map(({ offset }) => offset));
    let end = 0;
    let read = 0;
    const progress: number[] = [];
    const source: ByteSource = {
      size: inner.size,
      read(offset, length) {
        if (offset >= start) {
          expect(offset).toBeGreaterThanOrEqual(end);
          expect(length).toBeLessThanOrEqual(4 * 1024 * 1024);
          end = offset + length;
          read += length;
        }
        return inner.read(offset, length);
      },
    };
    const header = await readGguf(inner);
    await loadExactModel(source, { file: header, onProgress: (done, total) => progress.push(done / total) });
    expect(read).toBe([...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0));
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual(progress.toSorted((left, right) => left - right));
  });

  it('refuses weights that are not finite, and names the tensor', async () => {
    for (const tensor of ['blk.1.ffn_norm.weight', 'output_norm.weight']) {
      const source = await patched(tensor, Number.NaN, 5);
      await expect(loadExactModel(source)).rejects.toMatchObject({ code: 'MODEL_NONFINITE', evidence: { tensor } });
    }
    const source = await patched('blk.0.attn_k.weight', Number.POSITIVE_INFINITY, 77, 1, { ...OPTIONS, type: 'F32' });
    await expect(loadExactModel(source)).rejects.toMatchObject({
      code: 'MODEL_NONFINITE',
      evidence: { tensor: 'blk.0.attn_k.weight' },
    });
  });

  it('refuses a file that shrinks, and options out of bounds', async () => {
    const file = randomModel(OPTIONS);
    const header = await readGguf(memorySource(file));
    const inner = memorySource(file);
    const short: ByteSource = {
      size: inner.size,
      read: async (offset, length) => (await inner.read(offset, length)).subarray(0, length - 1),
    };
    await expect(loadExactModel(short, { file: header })).rejects.toMatchObject({ code: 'MODEL_SYNTAX' });
    for (const options of [{ batchRows: 0 }, { batchRows: 1025 }, { sequences: 0 }, { sequences: 1.5 }]) {
      await expect(loadExactModel(memorySource(file), options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });

  it('says the numbers when 4 GiB do not hold it', async () => {
    const file = await readGguf(memorySource(randomModel(OPTIONS)));
    const config = parseModelConfig(file);
    const limits = { parts: 1, batchRows: 128, sequences: 4, recordBytes: 40 };
    const plan = tensorPlan(config, file);
    expect(() => planLayout(config, plan, { ...limits, kvPositions: 20_000_000 })).toThrow(
      /K and V cache of 20000000 positions.* needs \d+ bytes.*4294901760/,
    );
    const huge = plan.map((tensor) => (tensor.role === 'token_embd' ? { ...tensor, rows: 64_000_000 } : tensor));
    expect(() => planLayout(config, huge, { ...limits, kvPositions: null })).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }),
    );
    const layout = planLayout(config, plan, { ...limits, kvPositions: null });
    expect(layout.kv.pages * 32).toBe(8 * 128);
    expect(layout.bytes).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('sequences', () => {
  it('live anywhere in 4 GiB: addresses beyond 2 GiB give the same bits', async () => {
    const shape = { ...OPTIONS, heads: 4, kvHeads: 4, headDim: 64, contextLength: 900_000 };
    const model = await loadExactModel(memorySource(randomModel(shape)), { kvPositions: 900_000 });
    // Two layers of 4 heads, 64 dimensions, K and V: 4 KiB per position. Pages that nobody writes take no memory.
    const low = model.createSequence(800_000);
    const high = model.createSequence(40);
    const ids = Array.from({ length: 40 }, (_, index) => (index * 7) % 50);
    expect(high.extend(ids, 0)).toEqual(low.extend(ids, 0));
  });

  it('hold what they were made for, and give everything back', async () => {
    const model = await loadExactModel(memorySource(randomModel(OPTIONS)), { kvPositions: 96, sequences: 3 });
    expect(model.maxCapacity).toBe(96);
    for (let round = 0; round < 5; round += 1) {
      const first = model.createSequence(33);
      expect(model.hasRoom(32)).toBe(true);
      expect(model.hasRoom(33)).toBe(false);
      expect(() => model.createSequence(33)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
      const second = model.createSequence(32);
      expect(() =>
        second.extend(
          Array.from({ length: 33 }, () => 1),
          0,
        ),
      ).toThrow(expect.objectContaining({ code: 'MODEL_CONTEXT' }));
      first.release();
      first.release();
      second.release();
      expect(() => second.extend([1], 0)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    }
    expect(() => model.createSequence(97)).toThrow(expect.objectContaining({ code: 'MODEL_CONTEXT' }));
    expect(() => model.createSequence(0)).toThrow(expect.objectContaining({ code: 'MODEL_CONTEXT' }));
    const slots = [1, 2, 3].map(() => model.createSequence(1));
    expect(() => model.createSequence(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    for (const slot of slots) slot.release();
  });

  it('refuse ids outside the vocabulary, strangers, twins and impossible lengths', async () => {
    const model = await loadExactModel(memorySource(randomModel(OPTIONS)));
    const other = await loadExactModel(memorySource(randomModel(OPTIONS)));
    const sequence = model.createSequence(8);
    for (const id of [-1, 50, 0.5, Number.NaN]) {
      expect(() => sequence.extend([1, id], 0)).toThrow(expect.objectContaining({ code: 'PARAMETER_INVALID' }));
      expect(sequence.length).toBe(0);
    }
    const job = { sequence, ids: [1], logitsFrom: 0 };
    expect(() => model.extendBatch([job, job])).toThrow('twice');
    expect(() => other.extendBatch([job])).toThrow('another model');
    expect(() => sequence.truncate(1)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(() => sequence.extend([1], -1)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(sequence.extend([], 0)).toEqual([]);
  });
});

describe('NaN and infinity become an error with a place, never a token', () => {
  async function failure(source: ByteSource, load: (source: ByteSource) => Promise<ExactModel>): Promise<unknown> {
    const sequence = (await load(source)).createSequence(4);
    try {
      sequence.extend([7, 8, 9], 0);
    } catch (error) {
      return error;
    }
    return sequence;
  }

  const f32 = { ...OPTIONS, type: 'F32' } as const;
  const gemma2 = { ...f32, architecture: 'gemma2' } as const;
  const cases: [string, number, string, Parameters<typeof patched>][] = [
    ['key', 1, 'key', ['blk.1.attn_k.weight', 3e38, 0, 64, f32]],
    ['value', 0, 'value', ['blk.0.attn_v.weight', 3e38, 0, 64, f32]],
    ['key beyond f16', 0, 'key', ['blk.0.attn_k.weight', 1e5, 0, 64, f32]],
    ['activation block', 1, 'feed-forward input', ['blk.1.ffn_norm.weight', 3e38, 0, 64, OPTIONS]],
    ['attention score', 0, 'attention score', ['blk.0.attn_q.weight', 3e38, 0, 4096, f32]],
    ['logits', 2, 'logits', ['output.weight', 3e38, 0, 64, f32]],
    // A soft cap would hide an infinity: it is noticed before.
    ['capped score', 0, 'attention score', ['blk.0.attn_q.weight', 3e38, 0, 4096, gemma2]],
    ['capped logits', 2, 'logits', ['output.weight', 3e38, 0, 64, gemma2]],
  ];
  it.each(cases)('%s', async (_, layer, operation, patch) => {
    const source = await patched(...patch);
    const found = await failure(source, (from) => loadExactModel(from));
    expect(found).toMatchObject({ code: 'ENGINE_NONFINITE', evidence: { layer, operation } });
    expect(await failure(source, loadOracle)).toMatchObject({ code: 'ENGINE_NONFINITE' });
  });

  it('fails the job that met it; its neighbours in the batch and its own past stay', async () => {
    // Only the embedding of token 7 has a first dimension, and only the keys of layer 0 look at it, with a factor that overflows.
    const file = randomModel(f32);
    const { tensors } = await readGguf(memorySource(file));
    const view = new DataView(file.buffer);
    const embedding = tensors.get('token_embd.weight')?.offset ?? 0;
    for (let id = 0; id < f32.vocabSize; id += 1) view.setFloat32(embedding + id * 64 * 4, id === 7 ? 1 : 0, true);
    view.setFloat32(tensors.get('blk.0.attn_k.weight')?.offset ?? 0, 3e38, true);
    const model = await loadExactModel(memorySource(file));
    const [good, bad] = [model.createSequence(8), model.createSequence(8)];
    bad.extend([1, 2], 2);
    const alone = model.createSequence(8);
    const expected = alone.extend([3, 4], 0);
    const results = model.extendBatch([
      { sequence: bad, ids: [5, 7], logitsFrom: 0 },
      { sequence: good, ids: [3, 4], logitsFrom: 0 },
    ]);
    expect(results[0]).toMatchObject({ error: { code: 'ENGINE_NONFINITE' } });
    expect(results[1]).toEqual({ logits: expected });
    expect([bad.length, good.length]).toEqual([2, 2]);
    alone.truncate(0);
    expect(bad.extend([5], 0)).toEqual(alone.extend([1, 2, 5], 2));
  });
});

describe('RoPE rows', () => {
  const ropes: ModelConfig['rope'][] = [
    { dimension: 64, base: 10_000, linearFactor: 1, magnitude: 1, layout: 'adjacent', frequencyFactors: null },
    {
      dimension: 128,
      base: 500_000,
      linearFactor: 1,
      magnitude: 1,
      layout: 'halves',
      frequencyFactors: Float32Array.from({ length: 64 }, (_, index) => 1 + index / 9),
    },
    {
      dimension: 10,
      base: 3.4e38,
      linearFactor: 3.7,
      magnitude: 1.1902380714238083,
      layout: 'adjacent',
      frequencyFactors: null,
    },
    { dimension: 2, base: 1, linearFactor: 1, magnitude: 1, layout: 'halves', frequencyFactors: null },
  ];
  it.each(ropes)('dimension $dimension, base $base: the bits of the oracle', (rope) => {
    const frequencies = ropeFrequencies(rope);
    expect([...frequencies]).toEqual([...oracleFrequencies(rope)]);
    for (const position of [0, 1, 2, 3, 100, 4095, 131_071, 1_000_003]) {
      const row = new Float32Array(rope.dimension);
      writeRopeRow(row, position, frequencies, rope);
      const { cos, sin } = ropeRotations(rope, frequencies, position);
      expect([...row]).toEqual([...cos, ...sin]);
    }
  });
});
