// A language model small enough to read: its logits are a hash of model, context and token. It is a pure function with
// the trace of
// specs/exact-1.md §8, so everything that a receipt says about a run can be told right and wrong. Its arithmetic is its
// own: "tiny-1".
import {
  concatBytes,
  type Disclosure,
  digestOf,
  encodeBase64,
  encodeHex,
  encodeTokenIds,
  equalBytes,
  type JsonObject,
  type Operation,
  parseBase64,
  parseHex,
  promptOfRequest,
  RunproofError,
  type SamplingParameters,
  sha256,
  utf8,
} from '@runproof/protocol';
import type { Replayer, ReplayOutcome } from '../src/index.ts';

/** Ids 1 … 95 are the printable ASCII characters, id 0 ends a generation; a prompt's bytes are the ids 96 … 351. */
const OUTPUT_VOCABULARY = 96;
const PROMPT_BASE = 96;
const END = 0;
const TEMPLATE_END = '\n>';

export interface TinyRun {
  readonly ids: readonly number[];
  readonly finish: 'stop' | 'length';
}

export class TinyEngine implements Replayer {
  readonly contract = 'tiny-1';
  readonly build = digestOf(utf8('tiny engine'));
  readonly contextLength = 400;
  readonly modelDigest: string;
  readonly #weights: Uint8Array;

  /** `weights` stands for the model file: other weights, other digest, other answers. */
  constructor(weights: string) {
    this.#weights = utf8(weights);
    this.modelDigest = digestOf(this.#weights);
  }

  encode(operation: Operation, request: JsonObject): number[] {
    const prompt = promptOfRequest(operation, request);
    if (prompt.kind === 'tokens') return [...prompt.ids];
    const text =
      prompt.kind === 'text'
        ? prompt.text
        : prompt.messages.map(({ role, content }) => `\n${role}: ${content}`).join('') + TEMPLATE_END;
    return Array.from(utf8(text), (byte) => PROMPT_BASE + byte);
  }

  async encodePrompt(operation: Operation, request: JsonObject): Promise<number[]> {
    return this.encode(operation, request);
  }

  /** f32 logits after `context`, from a hash of the weights and the last three ids. */
  #logits(context: readonly number[]): Float32Array {
    const key = sha256(concatBytes(this.#weights, encodeTokenIds(context.slice(-3))));
    return Float32Array.from({ length: OUTPUT_VOCABULARY }, (_, id) => {
      const block = sha256(concatBytes(key, Uint8Array.of(id >> 5)));
      const spread = (block[id & 31] ?? 0) / 16;
      return id === END ? spread - 4 : spread;
    });
  }

  #sample(logits: Float32Array, sampling: SamplingParameters, position: number): number {
    const key = sha256(concatBytes(parseHex(sampling.seed), encodeTokenIds([position])));
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    logits.forEach((logit, id) => {
      const noise = (key[id & 31] ?? 0) / 256 + ((key[(id * 7) & 31] ?? 0) / 256) * 4;
      const score = logit + (sampling.logit_bias[String(id)] ?? 0) + sampling.temperature * noise;
      if (score > bestScore) [best, bestScore] = [id, score];
    });
    return best;
  }

  #first(prompt: readonly number[]): Uint8Array {
    const digest = parseHex(this.modelDigest.slice('sha256:'.length));
    return sha256(
      concatBytes(utf8('runproof/trace/1\0'), digest, sha256(utf8(this.contract)), sha256(encodeTokenIds(prompt))),
    );
  }

  #next(previous: Uint8Array, id: number, logits: Float32Array): Uint8Array {
    return sha256(concatBytes(previous, encodeTokenIds([id]), sha256(new Uint8Array(logits.buffer))));
  }

  run(prompt: readonly number[], sampling: SamplingParameters): TinyRun {
    const ids: number[] = [];
    let finish: 'stop' | 'length' | null = null;
    while (finish === null) {
      ids.push(this.#sample(this.#logits([...prompt, ...ids]), sampling, ids.length));
      finish = this.#finish(ids, sampling);
    }
    return { ids, finish };
  }

  /** h_1 … h_n */
  traceOf(prompt: readonly number[], ids: readonly number[]): Uint8Array[] {
    let last = this.#first(prompt);
    return ids.map((id, position) => {
      last = this.#next(last, id, this.#logits([...prompt, ...ids.slice(0, position)]));
      return last;
    });
  }

  #finish(ids: readonly number[], sampling: SamplingParameters): 'stop' | 'length' | null {
    if (ids.at(-1) === END) return 'stop';
    return ids.length === sampling.max_tokens ? 'length' : null;
  }

  decode(ids: readonly number[]): string {
    return ids
      .filter((id) => id !== END)
      .map((id) => String.fromCharCode(31 + id))
      .join('');
  }

  async replay(disclosure: Disclosure, sampling: SamplingParameters, root: string): Promise<ReplayOutcome> {
    const { prompt, completion } = disclosure;
    const prefixes = parseBase64(disclosure.trace) ?? new Uint8Array(0);
    let last = this.#first(prompt);
    for (const [position, id] of completion.entries()) {
      if (id >= OUTPUT_VOCABULARY)
        throw new RunproofError('PARAMETER_INVALID', `id ${id} is beyond the vocabulary`, { position });
      const logits = this.#logits([...prompt, ...completion.slice(0, position)]);
      last = this.#next(last, id, logits);
      const expected = prefixes.subarray(8 * position, 8 * position + 8);
      const got = last.subarray(0, 8);
      if (!equalBytes(expected, got))
        return { equal: false, position, what: 'trace', expected: encodeHex(expected), got: encodeHex(got) };
      const chosen = this.#sample(logits, sampling, position);
      if (chosen !== id) return { equal: false, position, what: 'sampling', expected: String(chosen), got: String(id) };
    }
    if (encodeHex(last) !== root)
      return { equal: false, position: completion.length - 1, what: 'trace', expected: root, got: encodeHex(last) };
    const finish = this.#finish(completion, sampling) ?? 'unfinished';
    return { equal: true, tokens: completion.length, text: this.decode(completion), finish };
  }
}

/** The first 8 bytes of every h_t. */
export function prefixBytes(trace: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...trace.map((hash) => hash.subarray(0, 8)));
}

/** `disclosure.trace` of a run. */
export function tracePrefixes(trace: readonly Uint8Array[]): string {
  return encodeBase64(prefixBytes(trace));
}
