// Log probabilities for the API. They describe the model's own distribution: raw logits, before penalties and temperature.
import { exp64, ln64 } from '../oracle/elementary.ts';

export interface Logprob {
  readonly id: number;
  /** natural logarithm of the probability */
  readonly logprob: number;
}

/**
 * Log probability of `id` and of the `count` likeliest ids (descending, lowest id first at a tie): log-softmax of the raw logits in f64
 * with exp64 and ln64, summed in id order, so that every node reports the same numbers.
 */
export function tokenLogprobs(
  logits: Float32Array,
  id: number,
  count: number,
): Logprob & { readonly top: readonly Logprob[] } {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index += 1) largest = Math.max(largest, logits[index] as number);
  let sum = 0;
  for (let index = 0; index < logits.length; index += 1)
    sum += exp64(Math.max((logits[index] as number) - largest, -745));
  const logSum = ln64(sum);
  const of = (wanted: number): Logprob => ({ id: wanted, logprob: (logits[wanted] as number) - largest - logSum });
  return { ...of(id), top: largestIds(logits, count).map(of) };
}

/** Ids of the `count` largest logits by insertion into a short list: `count` is small beside the vocabulary. */
function largestIds(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  logits.forEach((value, id) => {
    if (count < 1 || (ids.length >= count && value <= (logits[ids[ids.length - 1] as number] as number))) return;
    let place = ids.length;
    while (place > 0 && (logits[ids[place - 1] as number] as number) < value) place -= 1;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
  });
  return ids;
}
