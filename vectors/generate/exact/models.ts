// Vectors of whole models (specs/exact-1.md §6 and §9): tiny random ones, in the file, with the hash of every row of logits.

import {
  createTokenizer,
  type ExactModel,
  Generation,
  loadOracle,
  readGguf,
  replay,
  sample,
  type Tokenizer,
} from '@runproof/exact';
import { memorySource, type RandomModelOptions, randomModel } from '@runproof/exact/testing';
import { concatBytes, type Disclosure, encodeBase64, encodeHex, sha256 } from '@runproof/protocol';
import { f32List } from './encoding.ts';
import { DEFAULT_SAMPLING } from './sampling.ts';

const SHAPE = { width: 32, layers: 1, heads: 4, kvHeads: 2, ffnWidth: 32, vocabSize: 37, contextLength: 32 } as const;
const DIGEST = `sha256:${'5e'.repeat(32)}`;

const MODELS: readonly (readonly [string, RandomModelOptions])[] = [
  ['llama, F32', { ...SHAPE, seed: 51, architecture: 'llama', type: 'F32', tied: true }],
  ['llama, F16, one KV head', { ...SHAPE, seed: 52, architecture: 'llama', type: 'F16', kvHeads: 1 }],
  ['llama, BF16, two layers', { ...SHAPE, seed: 53, architecture: 'llama', type: 'BF16', layers: 2 }],
  [
    'llama, Q8_0, RoPE divisors',
    { ...SHAPE, seed: 54, architecture: 'llama', type: 'Q8_0', ropeFreqs: true, ropeBase: 500_000 },
  ],
  [
    'llama, Q4_0, RoPE on half of each head',
    { ...SHAPE, seed: 55, architecture: 'llama', type: 'Q4_0', headDim: 16, ropeDimension: 8 },
  ],
  [
    'qwen2, F32 embedding, Q8_0',
    { ...SHAPE, seed: 56, architecture: 'qwen2', type: 'Q8_0', embeddingType: 'F32', tied: true },
  ],
  [
    'llama, nine types in one file',
    {
      ...SHAPE,
      seed: 58,
      architecture: 'llama',
      width: 256,
      headDim: 8,
      type: 'Q4_K',
      types: {
        attn_k: 'Q5_K',
        attn_v: 'Q6_K',
        attn_output: 'Q5_1',
        ffn_gate: 'Q3_K',
        ffn_up: 'Q2_K',
        ffn_down: 'IQ4_NL',
        token_embd: 'Q4_1',
        output: 'Q5_0',
      },
    },
  ],
  ['qwen2, Q4_0, linear RoPE', { ...SHAPE, seed: 57, architecture: 'qwen2', type: 'Q4_0', ropeLinear: 4, layers: 2 }],
  ['qwen3, Q8_0, wide heads', { ...SHAPE, seed: 61, architecture: 'qwen3', type: 'Q8_0', headDim: 16 }],
  [
    'smollm3, Q4_0, the fourth layer without RoPE',
    { ...SHAPE, seed: 62, architecture: 'smollm3', type: 'Q4_0', layers: 4, tied: true },
  ],
  ['granite, Q8_0', { ...SHAPE, seed: 63, architecture: 'granite', type: 'Q8_0', tied: true }],
  [
    'phi3, Q8_0, partial RoPE',
    { ...SHAPE, seed: 64, architecture: 'phi3', type: 'Q8_0', ropeDimension: 6, tied: true },
  ],
  ['phi3, Q4_0, longrope', { ...SHAPE, seed: 67, architecture: 'phi3', type: 'Q4_0', originalContext: 16, tied: true }],
  [
    'gemma2, Q8_0, a window of 5',
    { ...SHAPE, seed: 65, architecture: 'gemma2', type: 'Q8_0', layers: 2, window: 5, tied: true },
  ],
  [
    'gemma3, Q4_0, a window of 5, linear RoPE in the global layer',
    {
      ...SHAPE,
      ...{ seed: 66, architecture: 'gemma3', type: 'Q4_0', layers: 6, window: 5, tied: true },
      ...{ ropeLinear: 8, ropeBase: 1_000_000 },
    },
  ],
];

function logitHash(row: Float32Array): string {
  const view = new DataView(new ArrayBuffer(row.length * 4));
  row.forEach((value, id) => {
    view.setFloat32(id * 4, value, true);
  });
  return encodeHex(sha256(new Uint8Array(view.buffer)));
}

/** Greedy continuation by `count` tokens. */
function greedy(model: ExactModel, prompt: readonly number[], count: number): number[] {
  const sequence = model.createSequence(prompt.length + count);
  const ids: number[] = [];
  let rows = sequence.extend(prompt, prompt.length - 1);
  while (ids.length < count) {
    const sampling = { ...DEFAULT_SAMPLING, temperature: 0 };
    const id = sample(rows[0] as Float32Array, { sampling, promptIds: prompt, outputIds: ids, position: ids.length });
    ids.push(id);
    rows = sequence.extend([id], 0);
  }
  return ids;
}

export async function modelVectors(): Promise<object[]> {
  const cases: object[] = [];
  for (const [comment, options] of MODELS) {
    const file = randomModel(options);
    const model = await loadOracle(memorySource(file));
    const ids = Array.from({ length: 12 }, (_, index) => (index * 29 + 3) % SHAPE.vocabSize);
    const rows = model.createSequence(ids.length).extend(ids, 0);
    cases.push({
      comment,
      file: encodeBase64(file),
      sha256: encodeHex(sha256(file)),
      ids,
      logits_0: f32List(rows[0] as Float32Array),
      logit_hashes: rows.map(logitHash),
      greedy: greedy(model, ids, 12),
    });
  }
  return cases;
}

interface ReplayMaterial {
  readonly file: Uint8Array;
  readonly model: ExactModel;
  readonly tokenizer: Tokenizer;
  readonly prompt: readonly number[];
}

async function replayMaterial(): Promise<ReplayMaterial> {
  const file = randomModel({
    seed: 58,
    architecture: 'llama',
    type: 'F32',
    width: 8,
    layers: 1,
    heads: 2,
    kvHeads: 1,
    ffnWidth: 8,
    vocabSize: 260,
    tied: true,
    contextLength: 24,
  });
  const tokenizer = createTokenizer((await readGguf(memorySource(file))).metadata);
  return { file, model: await loadOracle(memorySource(file)), tokenizer, prompt: tokenizer.encode('Once') };
}

/** A run of `count` tokens: what its receipt says. */
function runOf(
  { model, tokenizer, prompt }: ReplayMaterial,
  count: number,
): { sampling: typeof DEFAULT_SAMPLING; disclosure: Disclosure; trace: string } {
  const sampling = { ...DEFAULT_SAMPLING, max_tokens: 8, logit_bias: { '256': -100, '257': -100, '258': -100 } };
  const generation = new Generation({
    prompt,
    sampling,
    tokenizer,
    modelDigest: DIGEST,
    contextLength: model.config.contextLength,
  });
  const sequence = model.createSequence(prompt.length + count);
  let rows = sequence.extend(prompt, prompt.length - 1);
  const completion: number[] = [];
  const hashes: Uint8Array[] = [];
  while (completion.length < count) {
    const { id, trace } = generation.next(rows[0] as Float32Array);
    completion.push(id);
    hashes.push(trace);
    rows = sequence.extend([id], 0);
  }
  const prefixes = concatBytes(...hashes.map((hash) => hash.subarray(0, 8)));
  return {
    sampling,
    disclosure: { completion, prompt, trace: encodeBase64(prefixes) },
    trace: encodeHex(hashes.at(-1) ?? new Uint8Array(32)),
  };
}

/** Replays: the outcome of what a receipt says. All use one model, which stands in the first case. */
export async function replayVectors(): Promise<[object[], object[]]> {
  const material = await replayMaterial();
  const whole = runOf(material, 8);
  const { disclosure, sampling } = whole;
  const first = disclosure.completion[0] as number;
  const valid: (readonly [string, typeof whole])[] = [
    ['complete', whole],
    ['cut after 3 tokens', runOf(material, 3)],
    ['cut before the first token', runOf(material, 0)],
  ];
  const invalid: (readonly [string, typeof whole])[] = [
    ['another seed', { ...whole, sampling: { ...sampling, seed: 'ff'.repeat(32) } }],
    [
      'a token exchanged',
      {
        ...whole,
        disclosure: {
          ...disclosure,
          completion: disclosure.completion.with(5, (disclosure.completion[5] as number) ^ 1),
        },
      },
    ],
    ['a prompt token more', { ...whole, disclosure: { ...disclosure, prompt: [first, ...disclosure.prompt] } }],
    ['another root', { ...whole, trace: '0'.repeat(64) }],
    ['a hash too few', { ...whole, disclosure: { ...disclosure, trace: runOf(material, 7).disclosure.trace } }],
    ['tokens beyond max_tokens', { ...whole, sampling: { ...sampling, max_tokens: 6 } }],
    [
      'an id outside of the vocabulary',
      { ...whole, disclosure: { ...disclosure, completion: disclosure.completion.with(2, 260) } },
    ],
  ];
  const write = ([comment, said]: readonly [string, typeof whole]): object => ({
    comment,
    model: DIGEST,
    ...said,
    outcome: replay(material.model, material.tokenizer, { ...said, modelDigest: DIGEST }),
  });
  const file = { file: encodeBase64(material.file) };
  return [valid, invalid].map((cases) =>
    cases.map(write).map((item, index) => (index === 0 ? { ...item, ...file } : item)),
  ) as [object[], object[]];
}
