// Effective sampling parameters: what a request sets, with defaults for the rest (specs/receipt.md, Sampling). Node and
// verifier share this reading.
import { concatBytes, encodeHex, parseHex, utf8 } from './bytes.ts';
import { RunproofError } from './errors.ts';
import { hex32 } from './fields.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { LOGIT_BIAS_MAX, STOP_LENGTH_MAX, STOP_STRINGS_MAX } from './limits.ts';
import { sha256 } from './sha256.ts';
import type { SamplingParameters } from './types.ts';

interface NumberRule {
  readonly fallback: number;
  readonly expected: string;
  readonly holds: (value: number) => boolean;
}

const PENALTY: NumberRule = {
  fallback: 0,
  expected: 'a number from -2 to 2',
  holds: (value) => value >= -2 && value <= 2,
};
const NUMBER_RULES = {
  frequency_penalty: PENALTY,
  min_p: { fallback: 0, expected: 'a number from 0 to less than 1', holds: (value) => value >= 0 && value < 1 },
  presence_penalty: PENALTY,
  repetition_penalty: {
    fallback: 1,
    expected: 'a number greater than 0 and at most 10',
    holds: (value) => value > 0 && value <= 10,
  },
  temperature: { fallback: 1, expected: 'a number from 0 to 2', holds: (value) => value >= 0 && value <= 2 },
  top_k: {
    fallback: 0,
    expected: 'an integer of at least 0',
    holds: (value) => Number.isSafeInteger(value) && value >= 0,
  },
  top_p: { fallback: 1, expected: 'a number greater than 0 and at most 1', holds: (value) => value > 0 && value <= 1 },
} as const satisfies Record<string, NumberRule>;

const TOKEN_ID = /^(?:0|[1-9][0-9]{0,9})$/;

function invalid(parameter: string, expected: string): RunproofError {
  return new RunproofError('PARAMETER_INVALID', `${parameter} must be ${expected}.`, { parameter });
}

function numberParameter(values: JsonObject, name: keyof typeof NUMBER_RULES): number {
  const rule = NUMBER_RULES[name];
  const value = values[name] ?? rule.fallback;
  if (typeof value !== 'number' || !rule.holds(value)) throw invalid(name, rule.expected);
  return value === 0 ? 0 : value; // RFC 8785 has no -0.
}

function parseLogitBias(value: JsonValue): Record<string, number> {
  if (!isJsonObject(value)) throw invalid('logit_bias', 'an object from token ids to numbers');
  const names = Object.keys(value);
  if (names.length > LOGIT_BIAS_MAX) throw invalid('logit_bias', `an object of at most ${LOGIT_BIAS_MAX} members`);
  const biases: Record<string, number> = {};
  for (const name of names) {
    const bias = value[name];
    if (!TOKEN_ID.test(name) || Number(name) >= 2 ** 32)
      throw invalid('logit_bias', 'an object whose names are decimal token ids');
    if (typeof bias !== 'number' || !(bias >= -100 && bias <= 100))
      throw invalid('logit_bias', 'an object whose values are numbers from -100 to 100');
    biases[name] = bias === 0 ? 0 : bias;
  }
  return biases;
}

function parseStop(value: JsonValue): string[] {
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  if (items.length > STOP_STRINGS_MAX) throw invalid('stop', `at most ${STOP_STRINGS_MAX} strings`);
  return items.map((item) => {
    if (typeof item !== 'string' || item.length === 0 || item.length > STOP_LENGTH_MAX) {
      throw invalid('stop', `a string, or an array of strings, of 1 to ${STOP_LENGTH_MAX} characters`);
    }
    return item;
  });
}

/** The parameters whose form is the same in a request and in a body. */
function commonParameters(values: JsonObject): Omit<SamplingParameters, 'max_tokens' | 'seed'> {
  return {
    frequency_penalty: numberParameter(values, 'frequency_penalty'),
    logit_bias: parseLogitBias(values.logit_bias ?? {}),
    min_p: numberParameter(values, 'min_p'),
    presence_penalty: numberParameter(values, 'presence_penalty'),
    repetition_penalty: numberParameter(values, 'repetition_penalty'),
    stop: parseStop(values.stop ?? []),
    temperature: numberParameter(values, 'temperature'),
    top_k: numberParameter(values, 'top_k'),
    top_p: numberParameter(values, 'top_p'),
  };
}

/**
 * `sampling` of a body, all fields present, in the ranges of `effectiveSampling`; throws `PARAMETER_INVALID` or
 * `RECEIPT_SYNTAX`.
 */
export function parseSampling(values: JsonObject, field: string): SamplingParameters {
  if (!Array.isArray(values.stop)) throw invalid('stop', 'an array');
  return {
    ...commonParameters(values),
    max_tokens: parseMaxTokens(values, 'max_tokens') ?? 0,
    seed: hex32(values.seed, `${field}.seed`),
  };
}

function parseMaxTokens(values: JsonObject, name: string): number | null {
  const value = values[name] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw invalid(name, 'an integer of at least 1');
  return value;
}

/**
 * Sampling seed, hex32 (specs/exact-1.md §7.2). `seed` is the request's integer seed or undefined; `requestBytes` the
 * exact HTTP body;
 * `nonceBytes` the decoded nonce. Throws `PARAMETER_INVALID` for a seed that is not a safe integer.
 */
export function deriveSeed(seed: JsonValue | undefined, requestBytes: Uint8Array, nonceBytes: Uint8Array): string {
  if (seed === undefined || seed === null) {
    return encodeHex(sha256(concatBytes(utf8('runproof/seed/1\0'), sha256(requestBytes), nonceBytes)));
  }
  if (typeof seed !== 'number' || !Number.isSafeInteger(seed)) throw invalid('seed', 'an integer within 2^53 - 1');
  const littleEndian = new Uint8Array(8);
  new DataView(littleEndian.buffer).setBigInt64(0, BigInt(seed), true);
  return encodeHex(sha256(concatBytes(utf8('runproof/seed/fixed/1\0'), littleEndian)));
}

/**
 * Effective parameters of a chat or text completion request. A missing or null parameter has its default: temperature
 * 1, top_p 1, top_k 0, min_p 0,
 * penalties 0, repetition_penalty 1, logit_bias {}, stop []; `max_tokens` is `max_completion_tokens`, else
 * `max_tokens`, else everything that
 * fits, and never more than `maxTokensAvailable` (the positions that the engine holds, minus prompt tokens). `nonce` is
 * lower-case hex.
 * Throws `PARAMETER_INVALID` with evidence `{parameter}`, and `MODEL_CONTEXT` when no token fits. Source:
 * specs/receipt.md, Sampling.
 */
export function effectiveSampling(
  request: JsonObject,
  context: { readonly requestBytes: Uint8Array; readonly nonce: string; readonly maxTokensAvailable: number },
): SamplingParameters {
  if (context.maxTokensAvailable < 1) {
    throw new RunproofError('MODEL_CONTEXT', 'The prompt fills the context of the model.', {
      available: context.maxTokensAvailable,
    });
  }
  const limit = parseMaxTokens(request, 'max_tokens');
  const wanted = parseMaxTokens(request, 'max_completion_tokens') ?? limit ?? context.maxTokensAvailable;
  return {
    ...commonParameters(request),
    max_tokens: Math.min(wanted, context.maxTokensAvailable),
    seed: deriveSeed(request.seed, context.requestBytes, parseHex(context.nonce)),
  };
}
