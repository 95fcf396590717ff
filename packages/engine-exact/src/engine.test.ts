// The whole engine with its threads, on files.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { createTokenizer, generate, kernelsDigest, loadOracle, readGguf, TEMPLATE_LIMITS } from '@runproof/exact';
import { memorySource, randomModel } from '@runproof/exact/testing';
import type { Engine, RunEvent } from '@runproof/node';
import { concatBytes, encodeBase64, encodeHex, modelManifest, type SamplingParameters } from '@runproof/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { openExactEngine } from './index.ts';

const SAMPLING: SamplingParameters = {
  ...{ frequency_penalty: 0, logit_bias: {}, max_tokens: 24, min_p: 0, presence_penalty: 0, repetition_penalty: 1 },
  ...{ seed: '42'.repeat(32), stop: [], temperature: 0.9, top_k: 0, top_p: 1 },
};
const folder = mkdtempSync(join(tmpdir(), 'runproof-engine-'));
const path = join(folder, 'small model.gguf');
const bytes = randomModel({
  ...{ seed: 21, architecture: 'qwen2', type: 'Q8_0', width: 64, layers: 2, heads: 4, kvHeads: 2, ffnWidth: 96 },
  ...{ vocabSize: 301, contextLength: 256 },
});
writeFileSync(path, bytes);
const never = new AbortController().signal;
const opened: Engine[] = [];

async function open(options: Partial<Parameters<typeof openExactEngine>[0]> = {}): Promise<Engine> {
  const engine = await openExactEngine({ path, threads: 1, ...options });
  opened.push(engine);
  return engine;
}

afterAll(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  rmSync(folder, { recursive: true });
});

async function collect(
  engine: Engine,
  prompt: readonly number[],
  sampling = SAMPLING,
  signal = never,
): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of engine.run({ prompt, sampling, logprobs: null, signal })) events.push(event);
  return events;
}

function hashesOf(events: readonly RunEvent[]): Uint8Array[] {
  return events.flatMap((event) => (event.type === 'token' ? [event.trace] : []));
}

const prompt = Array.from({ length: 40 }, (_, index) => (index * 53) % 256);
const digest = modelManifest({
  file: { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length },
  ...{ name: 'random-21', architecture: 'qwen2' },
}).digest;

describe('openExactEngine', () => {
  it('1, 2 and 3 threads, relaxed and plain: the tokens and the trace of the oracle', async () => {
    const source = memorySource(bytes);
    const tokenizer = createTokenizer((await readGguf(source)).metadata);
    const steps = [
      ...generate(await loadOracle(source), { prompt, sampling: SAMPLING, tokenizer, modelDigest: digest }),
    ];
    const expected = steps.map(({ id, text, trace }) => ({ type: 'token', id, text, trace: encodeHex(trace) }));
    for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 3, variant: 'plain' }] as const) {
      const engine = await open(options);
      expect(engine.model).toMatchObject({ name: 'random-21', digest, contextLength: 256, vocabSize: 301 });
      const events = await collect(engine, prompt);
      const tokens = events.flatMap((event) =>
        event.type === 'token' ? [{ ...event, trace: encodeHex(event.trace) }] : [],
      );
      expect(tokens, JSON.stringify(options)).toEqual(expected);
      expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'length' });
      await engine.close();
    }
  });

  it('types mixed within a layer: 1, 2 and 3 threads, relaxed and plain, and the oracle', async () => {
    const mixed = randomModel({
      ...{ seed: 22, architecture: 'llama', type: 'Q4_K', width: 256, layers: 1, heads: 4, kvHeads: 1, headDim: 16 },
      ...{ ffnWidth: 256, vocabSize: 301, contextLength: 64 },
      types: { attn_v: 'Q6_K', attn_k: 'Q5_K', attn_output: 'Q5_1', ffn_up: 'Q3_K', ffn_down: 'Q6_K', output: 'Q2_K' },
    });
    const place = join(folder, 'mixed.gguf');
    writeFileSync(place, mixed);
    const source = memorySource(mixed);
    const tokenizer = createTokenizer((await readGguf(source)).metadata);
    const sampling = { ...SAMPLING, max_tokens: 6 };
    const short = prompt.slice(0, 9);
    let expected: string[] = [];
    for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 3, variant: 'plain' }] as const) {
      const engine = await open({ path: place, ...options });
      const modelDigest = engine.model.digest;
      if (expected.length === 0) {
        const steps = generate(await loadOracle(source), { prompt: short, sampling, tokenizer, modelDigest });
        expected = [...steps].map(({ trace }) => encodeHex(trace));
      }
      expect(hashesOf(await collect(engine, short, sampling)).map((hash) => encodeHex(hash))).toEqual(expected);
      await engine.close();
    }
    expect(expected).toHaveLength(6);
  });

  it('three threads on windows, soft caps, post norms and multipliers: the trace of the oracle', async () => {
    for (const architecture of ['gemma2', 'gemma3', 'granite'] as const) {
      const model = randomModel({
        ...{ seed: 22, architecture, type: 'Q8_0', width: 64, layers: 7, heads: 4, kvHeads: 2, ffnWidth: 96 },
        ...{ vocabSize: 301, contextLength: 128, window: 9, tied: true },
      });
      const file = join(folder, `${architecture}.gguf`);
      writeFileSync(file, model);
      const engine = await open({ path: file, threads: 3 });
      const source = memorySource(model);
      const tokenizer = createTokenizer((await readGguf(source)).metadata);
      const modelDigest = engine.model.digest;
      const expected = [...generate(await loadOracle(source), { prompt, sampling: SAMPLING, tokenizer, modelDigest })];
      expect(hashesOf(await collect(engine, prompt))).toEqual(expected.map(({ trace }) => trace));
      await engine.close();
    }
  });

  it('several runs and a replay at a time, on two threads', async () => {
    const progress: number[] = [];
    const engine = await open({
      threads: 2,
      name: 'an other name',
      onProgress: (done, total) => progress.push(done / total),
    });
    expect(progress.at(-1)).toBe(1);
    expect(engine.model.name).toBe('an-other-name');
    const first = await collect(engine, prompt);
    const hashes = hashesOf(first);
    const completion = first.flatMap((event) => (event.type === 'token' ? [event.id] : []));
    const disclosure = {
      prompt,
      completion,
      trace: encodeBase64(concatBytes(...hashes.map((hash) => hash.subarray(0, 8)))),
    };
    const root = encodeHex(hashes.at(-1) ?? new Uint8Array(0));
    const seen: [number, number][] = [];
    const [outcome, ...again] = await Promise.all([
      engine.replay(disclosure, SAMPLING, root, (done, total) => seen.push([done, total])),
      ...[1, 2, 3].map(() => collect(engine, prompt)),
    ]);
    expect(outcome).toMatchObject({ equal: true, tokens: 24, finish: 'length' });
    expect(seen.at(-1)).toEqual([24, 24]);
    for (const events of again) expect(events).toEqual(first);
    expect(await engine.replay(disclosure, { ...SAMPLING, temperature: 0.1 }, root)).toMatchObject({
      equal: false,
      what: 'sampling',
    });
  });

  it('tells the build by the kernels, and encodes by the file', async () => {
    const engine = await open();
    expect(engine.contract).toBe('exact-1');
    expect(engine.build).toBe(`sha256:${encodeHex(kernelsDigest())}`);
    const ids = await engine.encodeText('hello');
    const tokenizer = createTokenizer((await readGguf(memorySource(bytes))).metadata);
    expect(ids).toEqual(tokenizer.encode('hello'));
    const chat = await engine.encodeChat([{ role: 'user', content: 'hello' }]);
    expect(chat.length).toBeGreaterThan(ids.length);
    const flood = Array.from({ length: TEMPLATE_LIMITS.messages + 1 }, () => ({ role: 'user', content: '' }));
    await expect(engine.encodeChat(flood)).rejects.toMatchObject({ code: 'MODEL_TEMPLATE' });
  });
});

describe('runs end', () => {
  it('with reason abort when their signal says so, before, at once or in the middle', async () => {
    const engine = await open();
    expect(await collect(engine, prompt, SAMPLING, AbortSignal.abort())).toEqual([
      { type: 'end', reason: 'abort', text: '' },
    ]);
    const control = new AbortController();
    const events: RunEvent[] = [];
    for await (const event of engine.run({
      prompt,
      sampling: { ...SAMPLING, max_tokens: 200 },
      logprobs: null,
      signal: control.signal,
    })) {
      events.push(event);
      if (events.length === 2) control.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'abort' });
    expect(events.length).toBeLessThan(202);
  });

  it('when the consumer leaves: its memory is free for the next', async () => {
    const engine = await open({ kvPositions: 256 });
    const sampling = { ...SAMPLING, max_tokens: 200 };
    for await (const event of engine.run({ prompt, sampling, logprobs: null, signal: never })) {
      expect(event.type).toBe('token');
      break;
    }
    expect((await collect(engine, prompt, sampling)).at(-1)).toMatchObject({ type: 'end' });
  });

  it('a slow consumer gets every token', async () => {
    const engine = await open();
    const events: RunEvent[] = [];
    for await (const event of engine.run({
      prompt: [1, 2, 3],
      sampling: { ...SAMPLING, max_tokens: 150 },
      logprobs: null,
      signal: never,
    })) {
      events.push(event);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(hashesOf(events)).toEqual(hashesOf(await collect(engine, [1, 2, 3], { ...SAMPLING, max_tokens: 150 })));
    expect(events.at(-1)?.type).toBe('end');
  });

  it('with an error when the engine closes, and nothing works after it', async () => {
    const engine = await open({ threads: 2 });
    const control = new AbortController();
    const events: RunEvent[] = [];
    for await (const event of engine.run({
      prompt,
      sampling: { ...SAMPLING, max_tokens: 200 },
      logprobs: null,
      signal: control.signal,
    })) {
      events.push(event);
      if (events.length === 1) await engine.close();
    }
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'error', error: { code: 'SHUTTING_DOWN' } });
    expect(await collect(engine, prompt)).toMatchObject([
      { type: 'end', reason: 'error', error: { code: 'SHUTTING_DOWN' } },
    ]);
    await expect(engine.encodeText('x')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await engine.close();
  });
});

describe('a thread that dies', () => {
  it.each([
    ['the lead', 0],
    ['a helper', 1],
  ])('%s: runs and calls fail instead of waiting for ever', async (_, victim) => {
    const workers: Worker[] = [];
    const listen = (worker: Worker): number => workers.push(worker);
    process.on('worker', listen);
    const engine = await open({ threads: 2 });
    process.off('worker', listen);
    expect(workers).toHaveLength(2);
    const events: RunEvent[] = [];
    const sampling = { ...SAMPLING, max_tokens: 200 };
    for await (const event of engine.run({ prompt, sampling, logprobs: null, signal: never })) {
      events.push(event);
      if (events.length === 1) await workers[victim]?.terminate();
    }
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'error', error: { code: 'INTERNAL' } });
    await expect(engine.encodeText('x')).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await collect(engine, prompt)).toMatchObject([{ type: 'end', reason: 'error' }]);
  });
});

describe('what cannot be opened is one clear error', () => {
  it.each([
    ['an absent file', { path: join(folder, 'absent.gguf') }, 'MODEL_NOT_FOUND'],
    ['no thread', { threads: 0 }, 'CONFIG_INVALID'],
    ['half a thread', { threads: 1.5 }, 'CONFIG_INVALID'],
    ['too large a cache', { kvPositions: 100_000_000 }, 'MODEL_UNSUPPORTED'],
  ])('%s', async (_, options, code) => {
    await expect(openExactEngine({ path, threads: 1, ...options })).rejects.toMatchObject({ code });
  });

  it('a damaged file', async () => {
    const damaged = join(folder, 'damaged.gguf');
    writeFileSync(damaged, bytes.subarray(0, 3000));
    await expect(openExactEngine({ path: damaged, threads: 2 })).rejects.toMatchObject({ code: 'MODEL_SYNTAX' });
  });
});
