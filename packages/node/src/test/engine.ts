// A small honest engine for tests: every token is a pure function of prompt, parameters and the tokens before it, with the trace of
// specs/exact-1.md §8. Faults can be set, so that the node's behaviour around a failing engine can be seen.
import {
  concatBytes,
  encodeHex,
  encodeTokenIds,
  parseHex,
  RunproofError,
  type SamplingParameters,
  sha256,
  utf8,
} from '@runproof/protocol';
import type { Engine, ReplayOutcome, RunEvent, RunRequest, TokenLogprob } from '../ports.ts';

const FOX = utf8('🦊');
const WORDS = [
  ' the',
  ' fox',
  ' ran',
  ' into',
  ' a',
  ' wood',
  ',',
  '.',
  ' "quoted"',
  '\n',
  ' é',
  ' 狐',
  ' and',
  ' then',
  ' slept',
  ' <b>',
];
/** id 0 ends a run; ids 1 and 2 are two halves of one character */
const VOCABULARY: readonly Uint8Array[] = [new Uint8Array(), FOX.slice(0, 2), FOX.slice(2), ...WORDS.map(utf8)];
const TEXT_ID_OFFSET = 100;
export const VOCAB_SIZE = 400;
export const CONTEXT_LENGTH = 512;

export interface TestEngineFaults {
  /** before this token (0-based) the run … */
  at: number;
  /** … ends with an error event, throws, hangs until aborted, hangs for ever, ends without its last event, or gives up by itself */
  kind: 'error' | 'throw' | 'hang' | 'stuck' | 'vanish' | 'abort' | null;
}

function draw(request: RunRequest, ids: readonly number[]): Uint8Array {
  const { max_tokens: _limit, stop: _stop, seed, ...shaping } = request.sampling;
  const parameters = request.sampling.temperature === 0 ? shaping : { ...shaping, seed };
  return sha256(concatBytes(utf8(JSON.stringify(parameters)), encodeTokenIds(request.prompt), encodeTokenIds(ids)));
}

/** The next id. The first half of a split character is always followed by the second; a bias of -100 on id 0 makes a run endless. */
function nextId(request: RunRequest, ids: readonly number[]): number {
  if (ids.at(-1) === 1) return 2;
  const digest = draw(request, ids);
  const id = ((digest[0] ?? 0) * 256 + (digest[1] ?? 0)) % VOCABULARY.length;
  const endless = request.sampling.logit_bias['0'] === -100;
  return id === 2 || (id === 0 && endless) ? 3 : id;
}

/** The longest end of `text` that may be the beginning of a stop string. */
function heldBack(text: string, stop: readonly string[]): number {
  let held = 0;
  for (const word of stop) {
    for (let length = Math.min(word.length - 1, text.length); length > held; length -= 1) {
      if (word.startsWith(text.slice(-length))) held = length;
    }
  }
  return held;
}

function logprobOf(request: RunRequest, ids: readonly number[], id: number): TokenLogprob & { top: TokenLogprob[] } {
  const digest = draw(request, ids);
  const entry = (token: number, rank: number): TokenLogprob => ({
    id: token,
    bytes: VOCABULARY[token] ?? new Uint8Array(),
    logprob: -(rank + (digest[rank] ?? 0) / 256),
  });
  const top = Array.from({ length: request.logprobs ?? 0 }, (_, rank) => entry((id + rank) % VOCABULARY.length, rank));
  return { ...entry(id, 0), top };
}

interface Step {
  readonly id: number;
  readonly text: string;
  readonly finish: 'stop' | 'length' | null;
}

function* steps(request: RunRequest): Generator<Step> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const ids: number[] = [];
  let text = '';
  let sent = 0;
  for (;;) {
    const id = nextId(request, ids);
    ids.push(id);
    text += decoder.decode(VOCABULARY[id], { stream: true });
    const stops = request.sampling.stop.map((word) => text.indexOf(word)).filter((index) => index >= 0);
    const finish = id === 0 || stops.length > 0 ? 'stop' : ids.length >= request.sampling.max_tokens ? 'length' : null;
    const end =
      stops.length > 0
        ? Math.min(...stops)
        : finish === null
          ? text.length - heldBack(text, request.sampling.stop)
          : text.length;
    yield { id, text: text.slice(sent, Math.max(sent, end)), finish };
    sent = Math.max(sent, end);
    if (finish !== null) return;
  }
}

export class TestEngine implements Engine {
  readonly contract = 'exact-1';
  readonly build = `sha256:${'b1'.repeat(32)}`;
  readonly model = {
    name: 'test/markov',
    digest: `sha256:${encodeHex(sha256(utf8('markov')))}`,
    contextLength: CONTEXT_LENGTH,
    vocabSize: VOCAB_SIZE,
    createdSeconds: 1_790_000_000,
  };
  readonly requests: RunRequest[] = [];
  fault: TestEngineFaults = { at: 0, kind: null };
  /** awaited before every token */
  pace: ((position: number) => Promise<void>) | null = null;
  encodeDelay: Promise<void> | null = null;
  running = 0;

  async encodeChat(messages: readonly { role: string; content: string }[]): Promise<number[]> {
    await this.encodeDelay;
    if (messages.some((message) => message.content === 'refuse me')) {
      throw new RunproofError('MODEL_TEMPLATE', 'The template refused this conversation.', { parameter: 'messages' });
    }
    return this.encodeText(messages.map((message) => `<${message.role}>${message.content}`).join(''));
  }

  async encodeText(text: string): Promise<number[]> {
    return [...utf8(text)].map((byte) => TEXT_ID_OFFSET + byte);
  }

  async *run(request: RunRequest): AsyncGenerator<RunEvent> {
    this.requests.push(request);
    this.running += 1;
    try {
      yield* this.#events(request);
    } finally {
      this.running -= 1;
    }
  }

  async *#events(request: RunRequest): AsyncGenerator<RunEvent> {
    let trace = this.traceStart(request.prompt);
    const ids: number[] = [];
    for (const step of steps(request)) {
      await this.pace?.(ids.length);
      const fault = ids.length === this.fault.at ? this.fault.kind : null;
      if (fault === 'vanish') return;
      if (fault === 'throw') throw new Error('the engine broke at /home/someone/secret');
      if (fault === 'stuck') await new Promise(() => {});
      if (fault === 'hang' && !request.signal.aborted)
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      if (fault === 'error') {
        yield {
          type: 'end',
          reason: 'error',
          text: '',
          error: new RunproofError('ENGINE_NONFINITE', 'layer 3, attention: NaN'),
        };
        return;
      }
      if (request.signal.aborted || fault === 'abort') {
        yield { type: 'end', reason: 'abort', text: '' };
        return;
      }
      trace = this.traceNext(trace, step.id);
      const logprob = request.logprobs === null ? {} : { logprob: logprobOf(request, ids, step.id) };
      ids.push(step.id);
      // As with a real engine, a part of the text may become final only with the last event.
      const kept = step.finish === 'length' ? Math.ceil(step.text.length / 2) : step.text.length;
      yield { type: 'token', id: step.id, text: step.text.slice(0, kept), trace, ...logprob };
      if (step.finish !== null) yield { type: 'end', reason: step.finish, text: step.text.slice(kept) };
    }
  }

  traceStart(prompt: readonly number[]): Uint8Array {
    const digest = parseHex(this.model.digest.slice('sha256:'.length));
    return sha256(
      concatBytes(utf8('runproof/trace/1\0'), digest, sha256(utf8(this.contract)), sha256(encodeTokenIds(prompt))),
    );
  }

  traceNext(trace: Uint8Array, id: number): Uint8Array {
    return sha256(concatBytes(trace, encodeTokenIds([id]), sha256(new Uint8Array())));
  }

  async replay(
    disclosure: { prompt: readonly number[]; completion: readonly number[] },
    sampling: SamplingParameters,
    root: string,
  ): Promise<ReplayOutcome> {
    const again = [
      ...steps({ prompt: disclosure.prompt, sampling, logprobs: null, signal: new AbortController().signal }),
    ];
    const made = again.slice(0, disclosure.completion.length);
    const position = made.findIndex((step, index) => step.id !== disclosure.completion[index]);
    if (position >= 0)
      return {
        equal: false,
        position,
        what: 'sampling',
        expected: String(disclosure.completion[position]),
        got: String(made[position]?.id),
      };
    const trace = made.reduce((hash, step) => this.traceNext(hash, step.id), this.traceStart(disclosure.prompt));
    if (encodeHex(trace) !== root)
      return { equal: false, position: made.length, what: 'trace', expected: root, got: encodeHex(trace) };
    return {
      equal: true,
      tokens: made.length,
      text: made.map((step) => step.text).join(''),
      finish: made.at(-1)?.finish ?? 'unfinished',
    };
  }

  async close(): Promise<void> {}
}
