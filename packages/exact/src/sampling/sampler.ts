// From logits to a token (specs/exact-1.md §7), in f64, in the order of the page.
import { sha256 as defaultSha256, parseHex, RunproofError, type SamplingParameters } from '@runproof/protocol';
import { exp64, ln64 } from '../oracle/elementary.ts';
import { gumbelMax, PositionRandom, type Sha256 } from './gumbel.ts';

/** 2^1000 (specs/exact-1.md §7, overflow): only an absurd penalty or temperature reaches it. */
const SCORE_MAX = 1.0715086071862673e301;
/** 2^-20: temperatures below it count as 0 (specs/exact-1.md §7). */
const TEMPERATURE_MIN = 9.5367431640625e-7;
const WEIGHT_MIN = -745;

/**
 * Weights are summed in descending order, beginning with exp64(0) = 1. One of at most exp64(-38) < 2^-54 is below half a unit in the last
 * place of any sum >= 1, so neither it nor any later one changes the sum.
 */
const WEIGHT_VANISHES = -38;

export interface SamplerOptions {
  readonly sampling: SamplingParameters;
  readonly prompt: readonly number[];
  readonly sha256?: Sha256;
}

/** The choices of one generation: call `sample` with the logits of each position, then `accept` with the token that was emitted. */
export class Sampler {
  readonly #sampling: SamplingParameters;
  readonly #sha256: Sha256;
  readonly #seed: Uint8Array;
  readonly #seen: Set<number>;
  readonly #counts = new Map<number, number>();
  readonly #bias: readonly (readonly [number, number])[];
  #position = 0;

  /** Errors: `PARAMETER_INVALID` for a seed that is not hex32. */
  constructor({ sampling, prompt, sha256 }: SamplerOptions) {
    if (!/^[0-9a-f]{64}$/.test(sampling.seed))
      throw new RunproofError('PARAMETER_INVALID', 'seed must be 64 lower-case hex digits', { parameter: 'seed' });
    this.#sampling = sampling;
    this.#sha256 = sha256 ?? defaultSha256;
    this.#seed = parseHex(sampling.seed);
    this.#seen = new Set(sampling.repetition_penalty === 1 ? [] : prompt);
    this.#bias = Object.entries(sampling.logit_bias).map(([id, bias]) => [Number(id), bias] as const);
  }

  /** 0-based index in the output of the token that `sample` chooses next. */
  get position(): number {
    return this.#position;
  }

  /** The id that the contract chooses from `logits` (finite f32, one per id). */
  sample(logits: Float32Array): number {
    const z = this.#adjust(logits);
    const { temperature } = this.#sampling;
    if (temperature < TEMPERATURE_MIN) return argmax(z);
    for (let id = 0; id < z.length; id += 1) z[id] = clamp((z[id] as number) / temperature);
    return gumbelMax(z, candidatesOf(z, this.#sampling), new PositionRandom(this.#seed, this.#position, this.#sha256));
  }

  /** Records the token of this position: penalties of later ones count it. */
  accept(id: number): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (this.#sampling.repetition_penalty !== 1) this.#seen.add(id);
    this.#position += 1;
  }

  /** Steps 1 to 3: penalties and bias. */
  #adjust(logits: Float32Array): Float64Array {
    const { frequency_penalty: frequency, presence_penalty: presence, repetition_penalty: repetition } = this.#sampling;
    const z = new Float64Array(logits);
    for (const id of this.#seen) {
      const value = z[id] as number;
      z[id] = value > 0 ? value / repetition : value * repetition;
    }
    if (frequency !== 0 || presence !== 0) {
      for (const [id, count] of this.#counts) z[id] = (z[id] as number) - (frequency * count + presence);
    }
    for (const [id, bias] of this.#bias) if (id < z.length) z[id] = (z[id] as number) + bias;
    if (this.#seen.size > 0) for (const id of this.#seen) z[id] = clamp(z[id] as number);
    return z;
  }
}

function clamp(value: number): number {
  return Math.min(Math.max(value, -SCORE_MAX), SCORE_MAX);
}

function argmax(z: Float64Array): number {
  let best = 0;
  for (let id = 1; id < z.length; id += 1) if ((z[id] as number) > (z[best] as number)) best = id;
  return best;
}

/** Step 5: the ids that top_k, top_p and min_p leave, ascending; null when they leave all. */
function candidatesOf(z: Float64Array, sampling: SamplingParameters): Int32Array | null {
  const { top_k: topK, top_p: topP, min_p: minP } = sampling;
  const limit = topK > 0 ? Math.min(topK, z.length) : z.length;
  if (limit === z.length && topP >= 1 && minP <= 0) return null;
  const { edge, equals } =
    limit < z.length || topP < 1 ? edgeOf(z, limit, topP) : { edge: Number.NEGATIVE_INFINITY, equals: 0 };
  const first = z[argmax(z)] as number;
  // A cheap test before the exact one; its margin is far above the errors of ln64 and exp64.
  const surelyBelow = minP >= 1e-300 ? ln64(minP) - 1e-6 : Number.NEGATIVE_INFINITY;
  const ids = new Int32Array(z.length);
  let count = 0;
  let equalsLeft = equals;
  for (let id = 0; id < z.length; id += 1) {
    const score = z[id] as number;
    if (score < edge) continue;
    // Of the candidates at the edge the lowest ids are kept.
    if (score === edge) {
      if (equalsLeft === 0) continue;
      equalsLeft -= 1;
    }
    const difference = score - first;
    if (minP > 0 && (difference < surelyBelow || exp64(Math.max(difference, WEIGHT_MIN)) < minP)) continue;
    ids[count] = id;
    count += 1;
  }
  return ids.subarray(0, count);
}

/** Score of the last candidate that top_k and top_p keep, and how many of those kept have that score. */
function edgeOf(z: Float64Array, limit: number, topP: number): { edge: number; equals: number } {
  // Scores alone are sorted: candidates with equal scores have equal weights, so their order does not matter here.
  const ascending = limit < z.length ? largestScores(z, limit) : z.slice().sort();
  const kept = topP < 1 ? nucleus(ascending, limit, topP) : limit;
  const start = ascending.length - kept;
  const edge = ascending[start] as number;
  let equals = 1;
  while (equals < kept && ascending[start + equals] === edge) equals += 1;
  return { edge, equals };
}

/** The `count` largest scores, ascending: a buffer of twice that many is sorted whenever it is full, and its lower half forgotten. */
function largestScores(z: Float64Array, count: number): Float64Array {
  const buffer = new Float64Array(2 * count);
  let held = 0;
  let floor = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < z.length; id += 1) {
    const score = z[id] as number;
    // What only equals the floor cannot change the multiset of the largest once that many are held.
    if (score <= floor) continue;
    buffer[held] = score;
    held += 1;
    if (held < buffer.length) continue;
    buffer.sort();
    buffer.copyWithin(0, count);
    held = count;
    floor = buffer[0] as number;
  }
  const sorted = buffer.subarray(0, held).sort();
  return sorted.subarray(held - count);
}

/** Length of the shortest prefix, in descending order, whose weight reaches `topP` of that of the first `limit` (specs/exact-1.md §7, step 5). */
function nucleus(ascending: Float64Array, limit: number, topP: number): number {
  const size = ascending.length;
  const first = ascending[size - 1] as number;
  const weights: number[] = [];
  let total = 0;
  for (let rank = 0; rank < limit; rank += 1) {
    const difference = (ascending[size - 1 - rank] as number) - first;
    if (difference < WEIGHT_VANISHES) break;
    const weight = exp64(difference);
    weights.push(weight);
    total += weight;
  }
  const wanted = topP * total;
  let running = 0;
  for (const [rank, weight] of weights.entries()) {
    running += weight;
    if (running >= wanted) return rank + 1;
  }
  return weights.length;
}

export interface SampleContext {
  readonly sampling: SamplingParameters;
  readonly promptIds: readonly number[];
  /** the tokens before this one */
  readonly outputIds: readonly number[];
  /** 0-based index in the output of the token to choose; `outputIds` beyond it are ignored */
  readonly position: number;
  readonly sha256?: Sha256;
}

/** The token that the contract chooses from `logits` at one position (specs/exact-1.md §7). For many positions prefer `Sampler`. */
export function sample(
  logits: Float32Array,
  { sampling, promptIds, outputIds, position, sha256 }: SampleContext,
): number {
  if (outputIds.length < position)
    throw new RunproofError('INTERNAL', `position ${position} needs the ${position} tokens before it`);
  const sampler = new Sampler({ sampling, prompt: promptIds, ...(sha256 === undefined ? {} : { sha256 }) });
  for (let index = 0; index < position; index += 1) sampler.accept(outputIds[index] as number);
  return sampler.sample(logits);
}
