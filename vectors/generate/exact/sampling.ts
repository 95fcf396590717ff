// Vectors of specs/exact-1.md §7 and §8: random numbers, the sampler, text, trace.

import { sample, TextAssembler, TokenTrace } from '@runproof/exact';
import { SeededRandom } from '@runproof/exact/testing';
import { encodeHex, type SamplingParameters, sha256, utf8 } from '@runproof/protocol';
import { PositionRandom } from '../../../packages/exact/src/sampling/gumbel.ts';
import { philox4x32 } from '../../../packages/exact/src/sampling/philox.ts';
import { f32List, f64Hex } from './encoding.ts';

const SEED = encodeHex(sha256(utf8('vectors/exact-1')));

export const DEFAULT_SAMPLING: SamplingParameters = {
  frequency_penalty: 0,
  logit_bias: {},
  max_tokens: 16,
  min_p: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
  seed: SEED,
  stop: [],
  temperature: 1,
  top_k: 0,
  top_p: 1,
};

const seedBytes = (): Uint8Array => sha256(utf8('vectors/exact-1'));

export function randomVectors(): object[] {
  const counters: (readonly [[number, number, number, number], [number, number]])[] = [
    [
      [0, 0, 0, 0],
      [0, 0],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
    ],
  ];
  const words = counters.map(([counter, key]) => {
    const output = Uint32Array.from(counter);
    philox4x32(output, key[0], key[1]);
    return {
      comment: 'Philox4x32-10, a published known answer (Random123, kat_vectors)',
      function: 'philox4x32',
      counter,
      key,
      output: [...output],
    };
  });
  const places = [
    [0, 0],
    [0, 1],
    [1, 0],
    [41, 31_999],
    [4_000_000, 2 ** 31],
  ] as const;
  const uniforms = places.map(([position, id]) => ({
    comment: `u of position ${position}, id ${id}`,
    function: 'uniform',
    seed: SEED,
    position,
    id,
    output: f64Hex(new PositionRandom(seedBytes(), position, sha256).uniform(id)),
  }));
  return [...words, ...uniforms];
}

interface SamplerCase {
  readonly comment: string;
  readonly changes?: Partial<SamplingParameters>;
  readonly logits?: Float32Array;
  readonly prompt?: readonly number[];
  readonly output?: readonly number[];
}

export function samplerVectors(): object[] {
  const random = new SeededRandom(41);
  const wide = random.values(64, 3);
  const tied = Float32Array.from({ length: 16 }, (_, id) => [1, -0, 0, 1][id % 4] ?? 0);
  const cases: SamplerCase[] = [
    { comment: 'greedy', changes: { temperature: 0 } },
    { comment: 'greedy at a tie: the lowest id', changes: { temperature: 0 }, logits: tied },
    { comment: 'a temperature below 2^-20 counts as 0', changes: { temperature: 2 ** -21 }, logits: tied },
    { comment: 'temperature 2^-20', changes: { temperature: 2 ** -20 } },
    { comment: 'plain' },
    { comment: 'position 7', output: [1, 2, 3, 4, 5, 6, 7] },
    { comment: 'temperature 0.7', changes: { temperature: 0.7 } },
    { comment: 'temperature 2', changes: { temperature: 2 } },
    { comment: 'top_k 5', changes: { top_k: 5 } },
    { comment: 'top_k beyond the vocabulary', changes: { top_k: 1000 } },
    { comment: 'top_k at a tie keeps the lower ids', changes: { top_k: 3 }, logits: tied },
    { comment: 'top_p 0.9', changes: { top_p: 0.9 } },
    { comment: 'top_p at a tie', changes: { top_p: 0.5 }, logits: tied },
    { comment: 'a tiny top_p keeps one', changes: { top_p: 1e-300 } },
    { comment: 'top_p after top_k', changes: { top_p: 0.6, top_k: 8 } },
    { comment: 'min_p 0.05', changes: { min_p: 0.05 } },
    { comment: 'all filters', changes: { min_p: 0.02, top_p: 0.95, top_k: 20, temperature: 1.3 } },
    {
      comment: 'repetition penalty over prompt and output',
      changes: { repetition_penalty: 1.8, temperature: 0.5 },
      prompt: [0, 5, 9, 60],
      output: [12, 33],
    },
    {
      comment: 'a repetition penalty that overflows is clamped',
      changes: { repetition_penalty: 5e-324 },
      prompt: [3, 4, 8],
    },
    {
      comment: 'frequency and presence count the output only',
      changes: { frequency_penalty: 1.5, presence_penalty: 0.5, temperature: 0.3 },
      prompt: [7],
      output: [12, 12, 33],
    },
    { comment: 'negative penalties', changes: { frequency_penalty: -2, presence_penalty: -1 }, output: [40, 40] },
    {
      comment: 'bias, one id outside of the vocabulary',
      changes: { logit_bias: { '3': 100, '9': -100, '4000': 100 } },
    },
  ];
  return cases.map(({ comment, changes, logits, prompt, output }) => {
    const sampling = { ...DEFAULT_SAMPLING, ...changes };
    const values = logits ?? wide;
    const [promptIds, outputIds] = [prompt ?? [1, 2], output ?? []];
    const id = sample(values, { sampling, promptIds, outputIds, position: outputIds.length });
    return { comment, sampling, logits: f32List(values), prompt: promptIds, output: outputIds, id };
  });
}

export function traceVectors(): object[] {
  const random = new SeededRandom(42);
  const digest = `sha256:${encodeHex(sha256(utf8('a model manifest')))}`;
  return (
    [
      [[1, 2, 3], 3],
      [[0], 1],
      [[4_000_000_000, 7], 2],
    ] as const
  ).map(([prompt, length]) => {
    const trace = new TokenTrace({ modelDigest: digest, prompt });
    const start = encodeHex(trace.hash);
    const steps = Array.from({ length }, () => {
      const logits = random.values(7, 5);
      const id = random.below(7);
      return { id, logits: f32List(logits), hash: encodeHex(trace.append(id, logits)) };
    });
    return { comment: `${prompt.length} prompt ids, ${length} tokens`, model: digest, prompt, start, steps };
  });
}

export function textVectors(): object[] {
  const smile = utf8('\u{1f600}');
  const cases: (readonly [string, readonly (string | Uint8Array)[], readonly string[]])[] = [
    ['plain', ['Hello', ', ', 'world'], []],
    ['one code point in three tokens', [smile.slice(0, 1), smile.slice(1, 3), smile.slice(3), '!'], []],
    [
      'invalid bytes, one U+FFFD per maximal subpart',
      [Uint8Array.of(0xff, 0xe2, 0x82), 'a', Uint8Array.of(0xf0, 0x9f)],
      [],
    ],
    ['a byte order mark is text', ['\ufeff', 'x'], []],
    ['a stop string in one token', ['one END two'], ['END']],
    ['a stop string over three tokens', ['one E', 'N', 'D two'], ['END']],
    ['what only began as a stop string', ['one EN', ' END'], ['END!']],
    ['the one that ends first counts', ['abcd'], ['abcd', 'bc']],
    ['of those that end together the longest', ['xabc'], ['bc', 'abc']],
    ['an overlap with itself', ['a', 'a', 'a', 'b'], ['aab']],
    ['the replacement at the end is not searched', ['a', Uint8Array.of(0xf0, 0x9f)], ['\ufffd']],
  ];
  return cases.map(([comment, pieces, stop]) => {
    const tokens = pieces.map((piece) => (typeof piece === 'string' ? utf8(piece) : piece));
    const assembler = new TextAssembler(stop);
    const deltas: string[] = [];
    let stopped = false;
    for (const token of tokens) {
      const delta = assembler.push(token);
      deltas.push(delta.text);
      stopped = delta.stopped;
      if (stopped) break;
    }
    return { comment, tokens: tokens.map(encodeHex), stop, deltas, end: assembler.end(), stopped };
  });
}
