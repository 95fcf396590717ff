import { concatBytes, encodeBase64, encodeHex, type ReplayOutcome, type SamplingParameters } from '@runproof/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { readGguf } from '../gguf/reader.ts';
import type { ExactModel, Sequence, Tokenizer } from '../interfaces.ts';
import { loadOracle } from '../oracle/model.ts';
import { BYTE_VOCABULARY } from '../testing/byte-vocabulary.ts';
import { memorySource } from '../testing/memory-source.ts';
import { type RandomModelOptions, randomModel } from '../testing/random-model.ts';
import { createTokenizer } from '../tokenizer/tokenizer.ts';
import { Generation, generate } from './generation.ts';
import { type ReplayOptions, replay, replaySteps } from './replay.ts';

const OPTIONS: RandomModelOptions = {
  seed: 21,
  architecture: 'llama',
  type: 'Q8_0',
  width: 32,
  layers: 1,
  heads: 2,
  kvHeads: 1,
  ffnWidth: 64,
  vocabSize: 300,
  contextLength: 64,
};
const SAMPLING: SamplingParameters = {
  frequency_penalty: 0.2,
  logit_bias: { [BYTE_VOCABULARY.messageEnd]: -100, [BYTE_VOCABULARY.endOfText]: -100 },
  max_tokens: 20,
  min_p: 0.01,
  presence_penalty: 0,
  repetition_penalty: 1.1,
  seed: 'c3'.repeat(32),
  stop: [],
  temperature: 1.2,
  top_k: 60,
  top_p: 0.97,
};
const digest = `sha256:${'11'.repeat(32)}`;

let model: ExactModel;
let other: ExactModel;
let tokenizer: Tokenizer;
let prompt: number[];

beforeAll(async () => {
  const source = memorySource(randomModel(OPTIONS));
  model = await loadOracle(source);
  other = await loadOracle(memorySource(randomModel({ ...OPTIONS, seed: 22 })));
  tokenizer = createTokenizer((await readGguf(source)).metadata);
  prompt = tokenizer.encode('Say it again');
});

interface Run {
  readonly ids: number[];
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly replay: ReplayOptions;
}

function run(changes: Partial<SamplingParameters> = {}): Run {
  const sampling = { ...SAMPLING, ...changes };
  const ids: number[] = [];
  const hashes: Uint8Array[] = [];
  let text = '';
  const steps = generate(model, { prompt, sampling, tokenizer, modelDigest: digest });
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      const trace = encodeBase64(concatBytes(...hashes.map((hash) => hash.subarray(0, 8))));
      const root = encodeHex(hashes.at(-1) ?? new Uint8Array(32));
      const replayOptions = {
        disclosure: { prompt, completion: ids, trace },
        sampling,
        modelDigest: digest,
        trace: root,
      };
      return { ids, text: text + step.value.text, finish: step.value.finish, replay: replayOptions };
    }
    ids.push(step.value.id);
    hashes.push(step.value.trace);
    text += step.value.text;
  }
}

/** The first `count` tokens of `whole`, as a receipt of a cut run. */
function cut(whole: Run, count: number, traces: Uint8Array): ReplayOptions {
  const { disclosure } = whole.replay;
  return {
    ...whole.replay,
    disclosure: {
      ...disclosure,
      completion: whole.ids.slice(0, count),
      trace: encodeBase64(traces.subarray(0, count * 8)),
    },
    trace: rootAfter(whole, count),
  };
}

function rootAfter(whole: Run, count: number): string {
  const generation = new Generation({
    prompt,
    sampling: whole.replay.sampling,
    tokenizer,
    modelDigest: digest,
    contextLength: 64,
  });
  const rows = model.createSequence(64).extend([...prompt, ...whole.ids], prompt.length - 1);
  for (let index = 0; index < count; index += 1)
    generation.append(whole.ids[index] as number, rows[index] as Float32Array);
  return count === 0 ? '0'.repeat(64) : encodeHex(generation.traceHash);
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The model, with all sequences that were made of it. */
function watch(): { watched: ExactModel; sequences: Sequence[] } {
  const sequences: Sequence[] = [];
  const createSequence = (capacity: number): Sequence => {
    const sequence = model.createSequence(capacity);
    sequences.push(sequence);
    return sequence;
  };
  return { watched: { config: model.config, createSequence }, sequences };
}

const again = (options: ReplayOptions, by: ExactModel = model): ReplayOutcome => replay(by, tokenizer, options);

describe('generate', () => {
  it('gives the same tokens, text and trace every time', () => {
    const first = run();
    expect(first.ids).toHaveLength(20);
    expect(first.finish).toBe('length');
    expect(run()).toEqual(first);
    expect(run({ seed: 'c4'.repeat(32) }).ids).not.toEqual(first.ids);
    expect(first.text).toBe(new TextDecoder().decode(tokenizer.decode(first.ids)));
  });

  it('ends at an end-of-generation token, which is no text', () => {
    const { ids, finish, text } = run({ logit_bias: { [BYTE_VOCABULARY.messageEnd]: 100 } });
    expect({ ids, finish, text }).toEqual({ ids: [BYTE_VOCABULARY.messageEnd], finish: 'stop', text: '' });
  });

  it('ends at a stop string', () => {
    const whole = run();
    const letter = [...whole.text].find((character, index) => index > 4 && character !== '\ufffd') ?? '';
    const stopped = run({ stop: [letter] });
    expect(stopped.finish).toBe('stop');
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(letter)));
    expect(whole.ids.slice(0, stopped.ids.length)).toEqual(stopped.ids);
  });

  it('ends when the context is full', () => {
    const { ids, finish } = run({ max_tokens: 1000 });
    expect(finish).toBe('length');
    expect(ids).toHaveLength(64 - prompt.length);
  });

  it('refuses a prompt that is empty or leaves no room', () => {
    const begin = (ids: number[]): unknown =>
      generate(model, { prompt: ids, sampling: SAMPLING, tokenizer, modelDigest: digest }).next();
    expect(() => begin([])).toThrow(expect.objectContaining({ code: 'PARAMETER_INVALID' }));
    expect(() => begin(Array.from({ length: 64 }, () => 1))).toThrow(
      expect.objectContaining({ code: 'MODEL_CONTEXT' }),
    );
    expect(() => begin(Array.from({ length: 63 }, () => 1))).not.toThrow();
  });

  it('releases its sequence when the caller stops early', () => {
    const { watched, sequences } = watch();
    for (const { id } of generate(watched, { prompt, sampling: SAMPLING, tokenizer, modelDigest: digest }))
      if (id >= 0) break;
    expect(() => sequences[0]?.extend([1], 0)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('replay', () => {
  it('agrees with every kind of run, in every chunking', () => {
    for (const changes of [
      {},
      { temperature: 0 },
      { max_tokens: 1 },
      { max_tokens: 1000 },
      { logit_bias: { [BYTE_VOCABULARY.messageEnd]: 3 } },
      { stop: ['e', 'a'] },
    ]) {
      const { replay: options, ids, text, finish } = run(changes);
      for (const chunk of [1, 3, 16, 1000])
        expect(again({ ...options, chunk })).toEqual({ equal: true, tokens: ids.length, text, finish });
    }
  });

  it('agrees with a run that was cut, and says so', () => {
    const whole = run();
    const traces = bytesOf(whole.replay.disclosure.trace);
    for (const count of [1, 7, 19]) {
      const outcome = again(cut(whole, count, traces));
      expect(outcome).toMatchObject({ equal: true, tokens: count, finish: 'unfinished' });
      expect(outcome.equal && outcome.text).toBe(new TextDecoder().decode(tokenizer.decode(whole.ids.slice(0, count))));
    }
    expect(again(cut(whole, 0, traces))).toEqual({ equal: true, tokens: 0, text: '', finish: 'unfinished' });
    expect(again({ ...cut(whole, 0, traces), trace: 'a'.repeat(64) })).toMatchObject({
      equal: false,
      position: 0,
      what: 'trace',
    });
  });

  it('reports progress, and never beyond the chunk', () => {
    const { replay: options } = run();
    const seen: [number, number][] = [];
    again({ ...options, chunk: 6, onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.at(-1)).toEqual([20, 20]);
    expect(seen.every(([done], index) => done - (seen[index - 1]?.[0] ?? 0) <= 6)).toBe(true);
    expect([...replaySteps(model, tokenizer, { ...options, chunk: 5 })].length).toBeGreaterThan(5);
  });

  it('releases its sequence, whatever it finds', () => {
    const { replay: options } = run();
    for (const trace of [options.trace, '0'.repeat(64)]) {
      const { watched, sequences } = watch();
      again({ ...options, trace }, watched);
      expect(sequences).toHaveLength(1);
      expect(() => sequences[0]?.extend([1], 0)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    }
  });

  it('convicts another model, digest, prompt or parameter', () => {
    const { replay: options } = run();
    const { disclosure, sampling } = options;
    expect(again(options, other)).toMatchObject({ equal: false, position: 0, what: 'trace' });
    expect(again({ ...options, modelDigest: `sha256:${'12'.repeat(32)}` })).toMatchObject({
      equal: false,
      position: 0,
      what: 'trace',
    });
    expect(again({ ...options, disclosure: { ...disclosure, prompt: [1, ...prompt] } })).toMatchObject({
      equal: false,
      position: 0,
      what: 'trace',
    });
    for (const changes of [{ seed: '00'.repeat(32) }, { temperature: 0 }, { top_k: 1 }, { repetition_penalty: 3 }]) {
      expect(again({ ...options, sampling: { ...sampling, ...changes } })).toMatchObject({
        equal: false,
        what: 'sampling',
      });
    }
  });

  it('names the first token that differs', () => {
    const { replay: options, ids } = run();
    for (const position of [0, 9, 19]) {
      const completion = ids.map((id, index) => (index === position ? (id + 1) % 256 : id));
      expect(again({ ...options, disclosure: { ...options.disclosure, completion } })).toMatchObject({
        equal: false,
        position,
        what: 'trace',
      });
    }
  });

  it('convicts a token that the model was run on but the sampler did not choose', () => {
    const whole = run();
    const rows = model.createSequence(64).extend([...prompt, ...whole.ids.slice(0, 4)], prompt.length - 1);
    const generation = new Generation({
      prompt,
      sampling: whole.replay.sampling,
      tokenizer,
      modelDigest: digest,
      contextLength: 64,
    });
    const forged = [...whole.ids.slice(0, 3), ((whole.ids[3] as number) + 1) % 256];
    const hashes = forged.map((id, index) => generation.append(id, rows[index] as Float32Array).trace);
    const disclosure = {
      prompt,
      completion: forged,
      trace: encodeBase64(concatBytes(...hashes.map((hash) => hash.subarray(0, 8)))),
    };
    expect(again({ ...whole.replay, disclosure, trace: encodeHex(hashes[3] as Uint8Array) })).toEqual({
      equal: false,
      position: 3,
      what: 'sampling',
      expected: String(whole.ids[3]),
      got: String(forged[3]),
    });
  });

  it('compares the root, not only the prefixes in the disclosure', () => {
    const { replay: options } = run();
    const trace = options.trace.slice(0, 62) + (options.trace.endsWith('00') ? '01' : '00');
    expect(again({ ...options, trace })).toEqual({
      equal: false,
      position: 19,
      what: 'trace',
      expected: options.trace,
      got: trace,
    });
  });

  it('compares every prefix, not only the root', () => {
    const { replay: options } = run();
    const hashes = bytesOf(options.disclosure.trace);
    hashes[8 * 5 + 2] = (hashes[8 * 5 + 2] ?? 0) ^ 1;
    expect(again({ ...options, disclosure: { ...options.disclosure, trace: encodeBase64(hashes) } })).toMatchObject({
      equal: false,
      position: 5,
      what: 'trace',
    });
  });

  it('refuses tokens after the end: of a limit, of an end token, of a stop string', () => {
    const whole = run();
    const stop = [...whole.text].find((character, index) => index > 4 && character !== '\ufffd') ?? '';
    const stopped = run({ stop: [stop] });
    for (const [changes, position] of [
      [{ max_tokens: 7 }, 7],
      [{ stop: [stop] }, stopped.ids.length],
    ] as const) {
      const outcome = again({ ...whole.replay, sampling: { ...whole.replay.sampling, ...changes } });
      expect(outcome).toEqual({
        equal: false,
        position,
        what: 'sampling',
        expected: 'end of generation',
        got: String(whole.ids[position]),
      });
    }
    const ending: Tokenizer = {
      vocabSize: tokenizer.vocabSize,
      endOfGeneration: new Set([whole.ids[2] as number]),
      encode: (text) => tokenizer.encode(text),
      decode: (ids) => tokenizer.decode(ids),
      decodeToken: (id) => tokenizer.decodeToken(id),
    };
    const first = whole.ids.indexOf(whole.ids[2] as number);
    expect(replay(model, ending, whole.replay)).toMatchObject({
      equal: false,
      position: first + 1,
      expected: 'end of generation',
    });
  });

  it('takes a disclosure that lies about lengths, ids or base64 as a difference', () => {
    const { replay: options, ids } = run();
    const lie = (changes: Partial<ReplayOptions['disclosure']>): ReplayOutcome =>
      again({ ...options, disclosure: { ...options.disclosure, ...changes } });
    const hashes = bytesOf(options.disclosure.trace);
    expect(lie({ trace: '' })).toMatchObject({ equal: false, position: 0, what: 'trace' });
    expect(lie({ trace: encodeBase64(hashes.subarray(0, 43)) })).toMatchObject({
      equal: false,
      position: 5,
      what: 'trace',
    });
    expect(lie({ trace: encodeBase64(concatBytes(hashes, new Uint8Array(8))) })).toMatchObject({
      equal: false,
      position: 20,
      what: 'trace',
    });
    expect(lie({ trace: '!' })).toMatchObject({ equal: false, position: 0, what: 'trace' });
    expect(lie({ prompt: [] })).toMatchObject({ equal: false, position: 0 });
    expect(lie({ prompt: [300] })).toMatchObject({ equal: false, position: 0, got: '300' });
    expect(lie({ completion: ids.map((id, index) => (index === 4 ? 300 : id)) })).toMatchObject({
      equal: false,
      position: 4,
      got: '300',
    });
    expect(lie({ prompt: Array.from({ length: 50 }, () => 1) })).toMatchObject({
      equal: false,
      position: 14,
      expected: 'end of generation',
    });
    expect(lie({ prompt: Array.from({ length: 5000 }, () => 1) })).toMatchObject({ equal: false, position: 0 });
    expect(lie({ completion: [], trace: '' })).toMatchObject({ equal: false, position: 0, what: 'trace' });
  });
});
