// Every vector of vectors/exact-1, one test each, read as a second implementation would read them.
import { readFileSync } from 'node:fs';
import {
  type Disclosure,
  encodeHex,
  parseBase64,
  parseHex,
  type ReplayOutcome,
  RunproofError,
  type SamplingParameters,
  sha256,
} from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { readGguf } from './gguf/reader.ts';
import { readTensor } from './gguf/tensor-data.ts';
import type { TensorType } from './interfaces.ts';
import { readModelConfig } from './model/config.ts';
import { tensorPlan } from './model/plan.ts';
import { exp32, exp64, gelu32, ln64, sincos64, tanh32 } from './oracle/elementary.ts';
import { bitsOfF32, encodeHalf, f32OfBits } from './oracle/half.ts';
import { decodeMatrix, dot, matrixRow, multiply, quantizeActivations, sum4 } from './oracle/linear.ts';
import { loadOracle } from './oracle/model.ts';
import { ropeFrequencies, ropeRotations } from './oracle/rope.ts';
import { PositionRandom } from './sampling/gumbel.ts';
import { philox4x32 } from './sampling/philox.ts';
import { replay } from './sampling/replay.ts';
import { sample } from './sampling/sampler.ts';
import { TextAssembler } from './sampling/text-assembler.ts';
import { TokenTrace } from './sampling/trace.ts';
import { memorySource } from './testing/memory-source.ts';
import { createTokenizer } from './tokenizer/tokenizer.ts';

interface Named {
  readonly comment: string;
}

/** Cases of one file, with its name in front of each comment. */
function cases<T>(kind: 'valid' | 'invalid', name: string): [string, T & Named][] {
  const url = new URL(`../../../vectors/exact-1/${kind}/${name}.json`, import.meta.url);
  const file = JSON.parse(readFileSync(url, 'utf8')) as { cases: (T & Named)[] };
  if (file.cases.length === 0) throw new Error(`${name} has no cases`);
  return file.cases.map((item) => [item.comment, item]);
}

const f32 = (hex: string): number => f32OfBits(Number.parseInt(hex, 16));
const list = (text: string): Float32Array => Float32Array.from(text === '' ? [] : text.split(' ').map(f32));
const hex32 = (value: number): string => bitsOfF32(value).toString(16).padStart(8, '0');
const spell = (values: Float32Array): string => [...values].map(hex32).join(' ');

function f64(hex: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${hex}`));
  return view.getFloat64(0);
}

function hex64(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

function bytesOf(base64: string): Uint8Array {
  const bytes = parseBase64(base64);
  if (bytes === null) throw new Error('not base64');
  return bytes;
}

/** The code that `run` ends with, or null. */
async function codeOf(run: () => unknown): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code;
    throw error;
  }
}

describe('elementary', () => {
  it.each(
    cases<{ function: string; input: string; output?: string; sin?: string; cos?: string }>('valid', 'elementary'),
  )('%s', (_, item) => {
    const single = new Map(Object.entries({ exp32, tanh32, gelu: gelu32 })).get(item.function);
    if (single !== undefined) expect(hex32(single(f32(item.input)))).toBe(item.output);
    else if (item.function === 'sincos64') {
      const { sin, cos } = sincos64(f64(item.input));
      expect([hex64(sin), hex64(cos)]).toEqual([item.sin, item.cos]);
    } else expect(hex64((item.function === 'exp64' ? exp64 : ln64)(f64(item.input)))).toBe(item.output);
  });
});

describe('half', () => {
  it.each(cases<{ input: string; output: string }>('valid', 'half'))('%s', (_, { input, output }) => {
    expect(encodeHalf(f32(input))).toBe(Number.parseInt(output, 16));
  });
  it.each(cases<{ input: string }>('invalid', 'half'))('refused: %s', (_, { input }) => {
    expect(encodeHalf(f32(input))).toBeNull();
  });
});

describe('sums', () => {
  it.each(cases<{ function: string; input: string; other?: string; output: string }>('valid', 'sums'))(
    '%s',
    (_, item) => {
      const values = list(item.input);
      const got = item.function === 'sum4' ? sum4(values) : dot(values, 0, list(item.other ?? ''), 0, values.length);
      expect(hex32(got)).toBe(item.output);
    },
  );
});

describe('activation blocks', () => {
  it.each(cases<{ limit: 63 | 127; input: string; codes: number[]; scales: string }>('valid', 'activation-blocks'))(
    '%s',
    (_, item) => {
      const { codes, scales } = quantizeActivations(list(item.input), item.limit, 'vector');
      expect({ codes: [...codes], scales: spell(scales) }).toEqual({ codes: item.codes, scales: item.scales });
    },
  );
  it.each(cases<{ limit: 63 | 127; input: string; code: string }>('invalid', 'activation-blocks'))(
    'refused: %s',
    async (_, item) => {
      expect(await codeOf(() => quantizeActivations(list(item.input), item.limit, 'vector'))).toBe(item.code);
    },
  );
});

describe('products', () => {
  type Product = {
    type: TensorType;
    rows: number;
    cols: number;
    weights: string;
    input: string;
    output: string;
    row_0: string;
  };
  it.each(cases<Product>('valid', 'products'))('%s', (_, item) => {
    const matrix = decodeMatrix(item.type, item.rows, item.cols, parseHex(item.weights));
    expect(spell(multiply(matrix, list(item.input), 'vector'))).toBe(item.output);
    expect(spell(matrixRow(matrix, 0))).toBe(item.row_0);
  });
});

describe('rope', () => {
  type Rope = {
    dimension: number;
    base: number;
    linear_factor: number;
    magnitude: number;
    divisors: string | null;
    position: number;
    cos: string;
    sin: string;
  };
  it.each(cases<Rope>('valid', 'rope'))('%s', (_, item) => {
    const frequencyFactors = item.divisors === null ? null : list(item.divisors);
    const rope = {
      dimension: item.dimension,
      base: item.base,
      linearFactor: item.linear_factor,
      magnitude: item.magnitude,
      layout: 'adjacent' as const,
      frequencyFactors,
    };
    const { cos, sin } = ropeRotations(rope, ropeFrequencies(rope), item.position);
    expect([spell(cos), spell(sin)]).toEqual([item.cos, item.sin]);
  });
});

describe('models', () => {
  it.each(
    cases<{ file: string; sha256: string; ids: number[]; logits_0: string; logit_hashes: string[]; greedy: number[] }>(
      'valid',
      'models',
    ),
  )('%s', async (_, item) => {
    const file = bytesOf(item.file);
    expect(encodeHex(sha256(file))).toBe(item.sha256);
    const model = await loadOracle(memorySource(file));
    const sequence = model.createSequence(item.ids.length + item.greedy.length);
    const rows = sequence.extend(item.ids, 0);
    expect(spell(rows[0] as Float32Array)).toBe(item.logits_0);
    expect(rows.map((row) => encodeHex(sha256(new Uint8Array(row.buffer))))).toEqual(item.logit_hashes);
    let last = rows.at(-1) as Float32Array;
    for (const id of item.greedy) {
      expect(last.indexOf(Math.max(...last))).toBe(id);
      last = sequence.extend([id], 0)[0] as Float32Array;
    }
  });
});

describe('random', () => {
  type Random = {
    function: string;
    counter: [number, number, number, number];
    key: [number, number];
    seed: string;
    position: number;
    id: number;
    output: number[] | string;
  };
  it.each(cases<Random>('valid', 'random'))('%s', (_, item) => {
    if (item.function === 'uniform')
      expect(hex64(new PositionRandom(parseHex(item.seed), item.position, sha256).uniform(item.id))).toBe(item.output);
    else {
      const words = Uint32Array.from(item.counter);
      philox4x32(words, item.key[0], item.key[1]);
      expect([...words]).toEqual(item.output);
    }
  });
});

describe('sampler', () => {
  it.each(
    cases<{ sampling: SamplingParameters; logits: string; prompt: number[]; output: number[]; id: number }>(
      'valid',
      'sampler',
    ),
  )('%s', (_, item) => {
    const context = {
      sampling: item.sampling,
      promptIds: item.prompt,
      outputIds: item.output,
      position: item.output.length,
    };
    expect(sample(list(item.logits), context)).toBe(item.id);
  });
});

describe('text', () => {
  it.each(
    cases<{ tokens: string[]; stop: string[]; deltas: string[]; end: string; stopped: boolean }>('valid', 'text'),
  )('%s', (_, item) => {
    const assembler = new TextAssembler(item.stop);
    const got = item.tokens.slice(0, item.deltas.length).map((token) => assembler.push(parseHex(token)));
    expect(got.map(({ text }) => text)).toEqual(item.deltas);
    expect(got.some(({ stopped }) => stopped)).toBe(item.stopped);
    expect(assembler.end()).toBe(item.end);
  });
});

describe('trace', () => {
  it.each(
    cases<{ model: string; prompt: number[]; start: string; steps: { id: number; logits: string; hash: string }[] }>(
      'valid',
      'trace',
    ),
  )('%s', (_, item) => {
    const trace = new TokenTrace({ modelDigest: item.model, prompt: item.prompt });
    expect(encodeHex(trace.hash)).toBe(item.start);
    for (const { id, logits, hash } of item.steps) expect(encodeHex(trace.append(id, list(logits)))).toBe(hash);
  });
});

describe('replay', () => {
  type Replay = {
    file?: string;
    model: string;
    sampling: SamplingParameters;
    disclosure: Disclosure;
    trace: string;
    outcome: ReplayOutcome;
  };
  it.each(
    (['valid', 'invalid'] as const).flatMap((kind) => {
      const all = cases<Replay>(kind, 'replay');
      const file = all[0]?.[1].file ?? '';
      return all.map(([comment, item]) => [comment, item, file, kind] as const);
    }),
  )('%s', async (_, item, file, kind) => {
    const source = memorySource(bytesOf(file));
    const model = await loadOracle(source);
    const tokenizer = createTokenizer((await readGguf(source)).metadata);
    const { sampling, disclosure, trace } = item;
    expect(replay(model, tokenizer, { sampling, disclosure, trace, modelDigest: item.model })).toEqual(item.outcome);
    expect(item.outcome.equal).toBe(kind === 'valid');
  });
});

describe('files', () => {
  async function load(file: Uint8Array): Promise<void> {
    const source = memorySource(file);
    const header = await readGguf(source);
    for (const { info } of tensorPlan(await readModelConfig(source, header), header)) await readTensor(source, info);
  }
  it.each(cases<{ file: string }>('valid', 'files'))('%s', async (_, { file }) => {
    expect(await codeOf(() => load(bytesOf(file)))).toBeNull();
  });
  it.each(cases<{ file: string; code: string }>('invalid', 'files'))('refused: %s', async (_, { file, code }) => {
    expect(await codeOf(() => load(bytesOf(file)))).toBe(code);
  });
});
