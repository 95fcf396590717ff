// One generation, from logits to tokens, text and trace. Generating and replaying share it, so that both end in the same place.
import { RunproofError, type SamplingParameters } from '@runproof/protocol';
import type { ExactModel, Tokenizer } from '../interfaces.ts';
import type { Sha256 } from './gumbel.ts';
import { Sampler } from './sampler.ts';
import { TextAssembler } from './text-assembler.ts';
import { type CONTRACT, TokenTrace } from './trace.ts';

export interface GenerationOptions {
  readonly prompt: readonly number[];
  readonly sampling: SamplingParameters;
  readonly tokenizer: Tokenizer;
  /** `sha256:<hex32>` */
  readonly modelDigest: string;
  readonly contextLength: number;
  /** the only contract that there is; a caller may name it */
  readonly contract?: typeof CONTRACT;
  /** SHA-256 of the host; that of the protocol package when absent */
  readonly sha256?: Sha256;
}

/** One output token. */
export interface GenerationStep {
  readonly id: number;
  /** text that became final with this token */
  readonly text: string;
  /** h_t, 32 bytes */
  readonly trace: Uint8Array;
}

/** State of one generation. It does not run the model: give it the logits that follow the prompt and each token. */
export class Generation {
  readonly #options: GenerationOptions;
  readonly #sampler: Sampler;
  readonly #trace: TokenTrace;
  readonly #text: TextAssembler;
  #finish: 'stop' | 'length' | null = null;

  /** Errors: `MODEL_CONTEXT` when the prompt leaves no room for a token, `PARAMETER_INVALID` for an empty prompt, seed, digest or stop string. */
  constructor(options: GenerationOptions) {
    const { prompt, sampling, contextLength, modelDigest, sha256 } = options;
    if (prompt.length === 0)
      throw new RunproofError('PARAMETER_INVALID', 'the prompt has no tokens', { parameter: 'prompt' });
    if (prompt.length >= contextLength) {
      throw new RunproofError(
        'MODEL_CONTEXT',
        `the prompt has ${prompt.length} tokens, the context length is ${contextLength}`,
      );
    }
    const hash = sha256 === undefined ? {} : { sha256 };
    this.#options = options;
    this.#sampler = new Sampler({ sampling, prompt, ...hash });
    this.#trace = new TokenTrace({ modelDigest, prompt, ...hash });
    this.#text = new TextAssembler(sampling.stop);
    if (sampling.max_tokens < 1) this.#finish = 'length';
  }

  /** Tokens so far. */
  get length(): number {
    return this.#sampler.position;
  }

  /** Why the output is complete (specs/exact-1.md §7.3), or null while it is not. */
  get finish(): 'stop' | 'length' | null {
    return this.#finish;
  }

  /** The newest h_t, 32 bytes. */
  get traceHash(): Uint8Array {
    return this.#trace.hash;
  }

  /** The id that the contract chooses from the next logits; nothing changes. */
  choose(logits: Float32Array): number {
    return this.#sampler.sample(logits);
  }

  /** Appends token `id`, whose logits were `logits`. After `finish` nothing may follow (`INTERNAL`). */
  append(id: number, logits: Float32Array): GenerationStep {
    if (this.#finish !== null) throw new RunproofError('INTERNAL', 'a token after the end of its generation');
    const { tokenizer, prompt, contextLength, sampling } = this.#options;
    const trace = this.#trace.append(id, logits);
    this.#sampler.accept(id);
    if (tokenizer.endOfGeneration.has(id)) {
      this.#finish = 'stop';
      return { id, text: '', trace };
    }
    const { text, stopped } = this.#text.push(tokenizer.decodeToken(id));
    if (stopped) this.#finish = 'stop';
    else if (this.length >= sampling.max_tokens || prompt.length + this.length >= contextLength)
      this.#finish = 'length';
    return { id, text, trace };
  }

  /** Chooses and appends. */
  next(logits: Float32Array): GenerationStep {
    return this.append(this.choose(logits), logits);
  }

  /** Ends the text, here or at a cut: what was held back and is final now. Call it once. */
  end(): string {
    return this.#text.end();
  }
}

/** Prompt tokens of one call of the model: it bounds the memory and the time of a step. */
const PREFILL_CHUNK = 256;

/** A step of `generate`, with the raw logits that its token was sampled from. */
export interface GenerateStep extends GenerationStep {
  readonly logits: Float32Array;
}

/** How a generation ended, with the text that was held back until then. */
export interface GenerateEnd {
  readonly finish: 'stop' | 'length';
  readonly text: string;
}

/**
 * Generates from `prompt` until the output is complete: yields every token, returns how it ended. Leaving the loop early releases the sequence.
 * Errors: those of `Generation`; `ENGINE_NONFINITE`.
 */
export function* generate(
  model: ExactModel,
  options: Omit<GenerationOptions, 'contextLength'>,
): Generator<GenerateStep, GenerateEnd, undefined> {
  const { contextLength } = model.config;
  const { prompt, sampling } = options;
  const generation = new Generation({ ...options, contextLength });
  if (generation.finish !== null) return { finish: generation.finish, text: generation.end() };
  const sequence = model.createSequence(Math.min(contextLength, prompt.length + sampling.max_tokens));
  try {
    const last = prompt.length - 1;
    for (let start = 0; start < last; start += PREFILL_CHUNK) {
      const chunk = prompt.slice(start, Math.min(start + PREFILL_CHUNK, last));
      sequence.extend(chunk, chunk.length);
    }
    let id = prompt[last] as number;
    for (;;) {
      const logits = sequence.extend([id], 0)[0] as Float32Array;
      const step = generation.next(logits);
      yield { ...step, logits };
      if (generation.finish !== null) return { finish: generation.finish, text: generation.end() };
      id = step.id;
    }
  } finally {
    sequence.release();
  }
}
