// Replay (specs/exact-1.md §9): one prefill over prompt and output gives all logits again; trace and choices must follow from them.
import {
  type Disclosure,
  encodeHex,
  equalBytes,
  parseBase64,
  type ReplayDifference,
  type ReplayOutcome,
  type SamplingParameters,
} from '@runproof/protocol';
import type { ExactModel, Tokenizer } from '../interfaces.ts';
import { Generation, type GenerationOptions } from './generation.ts';
import type { Sha256 } from './gumbel.ts';
import { EMPTY_TRACE, TRACE_PREFIX_BYTES } from './trace.ts';

export interface ReplayOptions {
  readonly disclosure: Disclosure;
  readonly sampling: SamplingParameters;
  /** `sha256:<hex32>` of the verifier's own model */
  readonly modelDigest: string;
  /** trace root of the receipt, hex32 */
  readonly trace: string;
  /** called after every chunk: tokens checked of tokens in all */
  readonly onProgress?: (done: number, total: number) => void;
  /** most positions of one call of the model; 256 when absent */
  readonly chunk?: number;
  readonly sha256?: Sha256;
}

/** Tokens checked of tokens in all. */
export interface ReplayProgressStep {
  readonly done: number;
  readonly total: number;
}

const DEFAULT_CHUNK = 256;
/** Upper bound of the logits held at once. */
const LOGITS_BYTES_MAX = 64 * 1024 * 1024;
const END = 'end of generation';

function difference(
  what: ReplayDifference['what'],
  position: number,
  expected: string | number,
  got: string | number,
): ReplayDifference {
  return { equal: false, position, what, expected: String(expected), got: String(got) };
}

/** What is wrong before anything is computed: counts and ids that no run of this model can have. */
function checkDisclosure(
  model: ExactModel,
  { prompt, completion }: Disclosure,
  hashes: Uint8Array | null,
): ReplayDifference | null {
  const { vocabSize, contextLength } = model.config;
  if (prompt.length === 0) return difference('trace', 0, 'a prompt', 'no ids');
  const held = Math.floor((hashes?.length ?? 0) / TRACE_PREFIX_BYTES);
  if (hashes === null || hashes.length !== completion.length * TRACE_PREFIX_BYTES) {
    const got = hashes === null ? 'no base64' : `${hashes.length} bytes`;
    return difference(
      'trace',
      Math.min(held, completion.length),
      `${completion.length * TRACE_PREFIX_BYTES} bytes`,
      got,
    );
  }
  const known = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabSize;
  const stranger = prompt.find((id) => !known(id));
  if (stranger !== undefined) return difference('trace', 0, `a prompt of ids below ${vocabSize}`, stranger);
  const position = completion.findIndex((id) => !known(id));
  if (position >= 0)
    return difference('sampling', position, `an id below ${vocabSize}`, completion[position] as number);
  if (completion.length > 0 && prompt.length + completion.length > contextLength) {
    const end = Math.max(0, contextLength - prompt.length);
    return difference('sampling', end, END, completion[end] as number);
  }
  return null;
}

/** Checks one output token against its logits and appends it: the text that it makes final, or the difference. */
function checkToken(
  generation: Generation,
  options: ReplayOptions,
  hashes: Uint8Array,
  logits: Float32Array,
): string | ReplayDifference {
  const { completion } = options.disclosure;
  const position = generation.length;
  const id = completion[position] as number;
  if (generation.finish !== null) return difference('sampling', position, END, id);
  const choice = generation.choose(logits);
  const { text, trace } = generation.append(id, logits);
  const expected = trace.subarray(0, TRACE_PREFIX_BYTES);
  const got = hashes.subarray(position * TRACE_PREFIX_BYTES, (position + 1) * TRACE_PREFIX_BYTES);
  if (!equalBytes(expected, got)) return difference('trace', position, encodeHex(expected), encodeHex(got));
  // The prefixes only point to a place; the root is what the receipt has committed to.
  const root = encodeHex(trace);
  if (position === completion.length - 1 && root !== options.trace)
    return difference('trace', position, root, options.trace);
  return choice === id ? text : difference('sampling', position, choice, id);
}

/** As `replay`, in steps: it yields after every call of the model, so that a host can do other work between them. */
export function* replaySteps(
  model: ExactModel,
  tokenizer: Tokenizer,
  options: ReplayOptions,
): Generator<ReplayProgressStep, ReplayOutcome, undefined> {
  const { prompt, completion } = options.disclosure;
  const hashes = parseBase64(options.disclosure.trace);
  const malformed = checkDisclosure(model, options.disclosure, hashes);
  if (malformed !== null || hashes === null)
    return malformed ?? difference('trace', 0, 'base64', options.disclosure.trace);
  const total = completion.length;
  if (total === 0) {
    if (options.trace !== EMPTY_TRACE) return difference('trace', 0, EMPTY_TRACE, options.trace);
    return { equal: true, tokens: 0, text: '', finish: 'unfinished' };
  }
  const generation = new Generation(generationOptions(model, tokenizer, options));
  const ids = [...prompt, ...completion.slice(0, -1)];
  const chunk = Math.max(1, options.chunk ?? DEFAULT_CHUNK);
  const rowChunk = Math.max(1, Math.min(chunk, Math.floor(LOGITS_BYTES_MAX / (model.config.vocabSize * 4))));
  const firstRow = prompt.length - 1;
  let text = '';
  const sequence = model.createSequence(ids.length);
  try {
    while (sequence.length < ids.length) {
      const start = sequence.length;
      // No logits are wanted inside the prompt, so a chunk does not cross into the output.
      const end = start < firstRow ? Math.min(start + chunk, firstRow) : Math.min(start + rowChunk, ids.length);
      const rows = sequence.extend(ids.slice(start, end), start < firstRow ? end - start : 0);
      for (const logits of rows) {
        const found = checkToken(generation, options, hashes, logits);
        if (typeof found !== 'string') return found;
        text += found;
      }
      yield { done: generation.length, total };
    }
  } finally {
    sequence.release();
  }
  const { finish } = generation;
  return { equal: true, tokens: total, text: text + generation.end(), finish: finish ?? 'unfinished' };
}

function generationOptions(model: ExactModel, tokenizer: Tokenizer, options: ReplayOptions): GenerationOptions {
  const { disclosure, sampling, modelDigest, sha256 } = options;
  const { contextLength } = model.config;
  return {
    prompt: disclosure.prompt,
    sampling,
    tokenizer,
    modelDigest,
    contextLength,
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/**
 * Runs the model over prompt and output at once and compares every token: trace, root, and the sampler's choice. The text is that of the
 * tokens; `unfinished` says that the output was cut, neither complete nor at its limit.
 *
 * A disclosure that no run can have is a difference, not an error. Errors: `ENGINE_NONFINITE`; `PARAMETER_INVALID` for sampling
 * parameters that a receipt cannot have.
 */
export function replay(model: ExactModel, tokenizer: Tokenizer, options: ReplayOptions): ReplayOutcome {
  const steps = replaySteps(model, tokenizer, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    options.onProgress?.(step.value.done, step.value.total);
  }
}
