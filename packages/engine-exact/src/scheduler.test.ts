// The scheduler on a real small model, without threads: every run must be the one that `generate` gives alone.
import { createTokenizer, generate, loadExactModel, readGguf, type Tokenizer } from '@runproof/exact';
import { memorySource, randomModel } from '@runproof/exact/testing';
import type { ReplayOutcome } from '@runproof/node';
import {
  concatBytes,
  type Disclosure,
  encodeBase64,
  encodeHex,
  type SamplingParameters,
  sha256,
} from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import type { WireEvent } from './messages.ts';
import { Scheduler } from './scheduler.ts';

const MODEL_DIGEST = `sha256:${'ab'.repeat(32)}`;
const SAMPLING: SamplingParameters = {
  ...{ frequency_penalty: 0, logit_bias: {}, max_tokens: 20, min_p: 0, presence_penalty: 0, repetition_penalty: 1 },
  ...{ seed: '17'.repeat(32), stop: [], temperature: 0.8, top_k: 0, top_p: 1 },
};
const file = randomModel({
  ...{ seed: 11, architecture: 'llama', type: 'Q8_0', width: 64, layers: 2, heads: 4, kvHeads: 2, ffnWidth: 96 },
  ...{ vocabSize: 300, contextLength: 512 },
});

interface Finished {
  readonly ids: number[];
  readonly hashes: Uint8Array[];
  readonly text: string;
  readonly reason: string;
}

class Desk {
  readonly scheduler: Scheduler;
  readonly events = new Map<number, WireEvent[]>();

  constructor(model: Awaited<ReturnType<typeof loadExactModel>>, tokenizer: Tokenizer) {
    const emit = (id: number, event: WireEvent): void => {
      this.events.set(id, [...(this.events.get(id) ?? []), event]);
    };
    this.scheduler = new Scheduler({ model, tokenizer, modelDigest: MODEL_DIGEST, sha256, emit });
  }

  static async open(kvPositions = 2048): Promise<Desk> {
    const header = await readGguf(memorySource(file));
    return new Desk(await loadExactModel(memorySource(file), { kvPositions }), createTokenizer(header.metadata));
  }

  drain(): void {
    for (let ticks = 0; this.scheduler.busy; ticks += 1) {
      if (ticks > 10_000) throw new Error('the scheduler never comes to rest');
      this.scheduler.tick();
    }
  }

  replay(disclosure: Disclosure, trace: string, sampling = SAMPLING): Promise<ReplayOutcome> {
    return new Promise((resolve, reject) => {
      this.scheduler.addReplay({ disclosure, sampling, trace, onProgress: () => undefined, resolve, reject });
    });
  }

  finished(id: number): Finished {
    const events = this.events.get(id) ?? [];
    const end = events.at(-1);
    if (end?.type !== 'end') throw new Error(`run ${id} has not ended`);
    const tokens = events.flatMap((event) => (event.type === 'token' ? [event] : []));
    const text = tokens.map((token) => token.text).join('') + end.text;
    return {
      ids: tokens.map((token) => token.id),
      hashes: tokens.map((token) => token.trace),
      text,
      reason: end.reason,
    };
  }
}

const prompts = Array.from({ length: 6 }, (_, which) =>
  Array.from({ length: 5 + which * 37 }, (__, index) => (which * 91 + index * index * 7) % 256),
);

async function alone(prompt: readonly number[], sampling: SamplingParameters): Promise<Finished> {
  const model = await loadExactModel(memorySource(file));
  const tokenizer = createTokenizer((await readGguf(memorySource(file))).metadata);
  const steps = generate(model, { prompt, sampling, tokenizer, modelDigest: MODEL_DIGEST });
  const [ids, hashes]: [number[], Uint8Array[]] = [[], []];
  for (let text = ''; ; ) {
    const step = steps.next();
    if (step.done === true) return { ids, hashes, text: text + step.value.text, reason: step.value.finish };
    ids.push(step.value.id);
    hashes.push(step.value.trace);
    text += step.value.text;
  }
}

function disclosureOf(prompt: readonly number[], { ids, hashes }: Finished): [Disclosure, string] {
  const trace = encodeBase64(concatBytes(...hashes.map((hash) => hash.subarray(0, 8))));
  return [{ prompt, completion: ids, trace }, encodeHex(hashes.at(-1) ?? new Uint8Array(32))];
}

const request = (prompt: readonly number[], sampling = SAMPLING, logprobs: number | null = null) => ({
  prompt,
  sampling,
  logprobs,
});

describe('runs', () => {
  it('in company are as alone, whenever they come', async () => {
    const desk = await Desk.open();
    prompts.forEach((prompt, id) => {
      desk.scheduler.addRun(id, request(prompt), 1000);
      for (let ticks = 0; ticks < id; ticks += 1) desk.scheduler.tick();
    });
    desk.drain();
    for (const [id, prompt] of prompts.entries())
      expect(desk.finished(id), `run ${id}`).toEqual(await alone(prompt, SAMPLING));
  });

  it('that do not fit wait for room, in order, and then run', async () => {
    const desk = await Desk.open(320);
    for (const [id, prompt] of prompts.entries()) desk.scheduler.addRun(id, request(prompt), 1000);
    desk.drain();
    for (const [id, prompt] of prompts.entries())
      expect(desk.finished(id).ids).toEqual((await alone(prompt, SAMPLING)).ids);
  });

  it('emit no more than their credit, and go on when there is more', async () => {
    const desk = await Desk.open();
    desk.scheduler.addRun(1, request(prompts[0] ?? []), 3);
    desk.drain();
    expect(desk.events.get(1)).toHaveLength(3);
    desk.scheduler.addCredit(1, 2);
    desk.drain();
    expect(desk.events.get(1)).toHaveLength(5);
    desk.scheduler.addCredit(1, 1000);
    desk.drain();
    expect(desk.finished(1)).toEqual(await alone(prompts[0] ?? [], SAMPLING));
  });

  it('end with reason abort at once, waiting, reading the prompt or writing', async () => {
    const desk = await Desk.open(320);
    const long = prompts[5] ?? [];
    desk.scheduler.addRun(1, request(long), 5);
    desk.scheduler.addRun(2, request(long), 5);
    desk.scheduler.abort(2);
    expect(desk.events.get(2)).toEqual([{ type: 'end', reason: 'abort', text: '' }]);
    desk.scheduler.tick();
    desk.scheduler.abort(1);
    expect(desk.events.get(1)).toEqual([{ type: 'end', reason: 'abort', text: '' }]);
    desk.scheduler.addRun(3, request(long), 2);
    desk.drain();
    desk.scheduler.abort(3);
    desk.scheduler.abort(3);
    expect(desk.events.get(3)?.map(({ type }) => type)).toEqual(['token', 'token', 'end']);
    expect(desk.finished(3)).toMatchObject({ reason: 'abort', ids: (await alone(long, SAMPLING)).ids.slice(0, 2) });
    // Everything was given back: the memory holds a run of its whole size again.
    desk.scheduler.addRun(4, request(long), 100);
    desk.drain();
    expect(desk.finished(4).reason).toBe('length');
  });

  it('that can never be served end with an error, not with silence', async () => {
    const desk = await Desk.open(128);
    const sampling = { ...SAMPLING, max_tokens: 200 };
    desk.scheduler.addRun(1, request(prompts[0] ?? [], sampling), 10);
    desk.scheduler.addRun(2, request([]), 10);
    desk.scheduler.addRun(3, request(Array.from({ length: 512 }, () => 1)), 10);
    desk.scheduler.addRun(4, request([1, 300]), 10);
    expect(desk.events.get(1)).toMatchObject([{ type: 'end', reason: 'error', error: { code: 'MODEL_CONTEXT' } }]);
    expect(desk.events.get(2)).toMatchObject([{ type: 'end', reason: 'error', error: { code: 'PARAMETER_INVALID' } }]);
    expect(desk.events.get(3)).toMatchObject([{ type: 'end', reason: 'error', error: { code: 'MODEL_CONTEXT' } }]);
    expect(desk.events.get(4)).toMatchObject([{ type: 'end', reason: 'error', error: { code: 'PARAMETER_INVALID' } }]);
    desk.scheduler.addRun(5, request([1], { ...SAMPLING, max_tokens: 0 }), 10);
    expect(desk.events.get(5)).toEqual([{ type: 'end', reason: 'length', text: '' }]);
  });

  it('carry logprobs when they are asked for', async () => {
    const desk = await Desk.open();
    desk.scheduler.addRun(1, request(prompts[0] ?? [], { ...SAMPLING, max_tokens: 1, temperature: 0 }, 2), 10);
    desk.drain();
    const [token] = desk.events.get(1) ?? [];
    if (token?.type !== 'token' || token.logprob === undefined) throw new Error('a token with logprobs was expected');
    expect(token.logprob.top).toHaveLength(2);
    expect(token.logprob.top[0]?.id).toBe(token.id);
    expect(token.logprob.logprob).toBeLessThan(0);
    expect(token.logprob.top[0]?.logprob).toBe(token.logprob.logprob);
  });
});

describe('replays', () => {
  it('beside runs find every token equal, and disturb no run', async () => {
    const desk = await Desk.open();
    const prompt = prompts[3] ?? [];
    const original = await alone(prompt, SAMPLING);
    desk.scheduler.addRun(1, request(prompts[4] ?? []), 1000);
    desk.scheduler.tick();
    const outcomes = [desk.replay(...disclosureOf(prompt, original)), desk.replay(...disclosureOf(prompt, original))];
    desk.drain();
    const expected = { equal: true, tokens: 20, text: original.text, finish: 'length' };
    expect(await Promise.all(outcomes)).toEqual([expected, expected]);
    expect(desk.finished(1)).toEqual(await alone(prompts[4] ?? [], SAMPLING));
  });

  it('name the first token that differs', async () => {
    const desk = await Desk.open();
    const prompt = prompts[1] ?? [];
    const [disclosure, root] = disclosureOf(prompt, await alone(prompt, SAMPLING));
    const completion = disclosure.completion.map((id, index) => (index === 7 ? (id + 1) % 256 : id));
    const swapped = desk.replay({ ...disclosure, completion }, root);
    const reseeded = desk.replay(disclosure, root, { ...SAMPLING, seed: '18'.repeat(32) });
    desk.drain();
    expect(await swapped).toMatchObject({ equal: false, what: 'trace', position: 7 });
    expect(await reseeded).toMatchObject({ equal: false, what: 'sampling' });
  });

  it('that are too long for the memory are refused, and leave the next one its place', async () => {
    const desk = await Desk.open(128);
    const small = desk.replay({ prompt: [1], completion: [], trace: '' }, '0'.repeat(64));
    const large = desk.replay({ prompt: prompts[5] ?? [], completion: [1], trace: 'AAAAAAAAAAA=' }, '0'.repeat(64));
    await expect(large).rejects.toMatchObject({ code: 'MODEL_CONTEXT' });
    desk.drain();
    expect(await small).toMatchObject({ equal: true, tokens: 0 });
  });
});
