// From the bytes of a request to what is to be run. Everything that can be refused without the engine is refused here.
import {
  effectiveSampling,
  encodeHex,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type Operation,
  parseJson,
  promptOfRequest,
  type RequestPrompt,
  RunproofError,
} from '@runproof/protocol';
import type { EngineModel, Random } from '../ports.ts';
import { assertParameters } from './parameters.ts';

export interface RunPlan {
  readonly operation: Operation;
  /** the body exactly as it came: the receipt commits to it */
  readonly bytes: Uint8Array;
  readonly request: JsonObject;
  readonly prompt: RequestPrompt;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** alternatives per token, or null when no logprobs were asked for */
  readonly logprobs: number | null;
  /** lower-case hex, 16 to 64 bytes */
  readonly nonce: string;
}

const DRAWN_NONCE_BYTES = 32;
const CHAT_TOP_LOGPROBS_MAX = 20;
const TEXT_LOGPROBS_MAX = 5;

function invalid(parameter: string, message: string): RunproofError {
  return new RunproofError('PARAMETER_INVALID', message, { parameter });
}

/** `Runproof-Nonce` of the request, or 32 bytes drawn by the node when there is none (specs/receipt.md, Transport). */
export function parseNonce(header: string | null, random: Random): string {
  if (header === null) return encodeHex(random.bytes(DRAWN_NONCE_BYTES));
  if (!/^(?:[0-9a-f]{2}){16,64}$/.test(header)) {
    throw invalid('Runproof-Nonce', 'The header Runproof-Nonce must be 16 to 64 bytes in lower-case hex.');
  }
  return header;
}

function flagOf(request: JsonObject, parameter: string): boolean {
  const value = request[parameter] ?? false;
  if (typeof value !== 'boolean') throw invalid(parameter, `${parameter} must be true or false.`);
  return value;
}

function countOf(value: JsonValue, parameter: string, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw invalid(parameter, `${parameter} must be an integer from 0 to ${most}.`);
}

/** Chat: `logprobs: true` with `top_logprobs`. Text: `logprobs: n`. */
function logprobsOf(operation: Operation, request: JsonObject): number | null {
  if (operation === 'text.completion') {
    const value = request.logprobs ?? null;
    return value === null ? null : countOf(value, 'logprobs', TEXT_LOGPROBS_MAX);
  }
  const wanted = flagOf(request, 'logprobs');
  const top = request.top_logprobs ?? null;
  if (top === null) return wanted ? 0 : null;
  const alternatives = countOf(top, 'top_logprobs', CHAT_TOP_LOGPROBS_MAX);
  if (!wanted && alternatives > 0) throw invalid('top_logprobs', 'top_logprobs needs logprobs: true.');
  return wanted ? alternatives : null;
}

function assertModel(request: JsonObject, model: EngineModel): void {
  const wanted = request.model;
  if (typeof wanted !== 'string') throw invalid('model', 'model must be a string.');
  if (wanted === model.name || wanted === model.digest) return;
  throw new RunproofError('MODEL_NOT_FOUND', `This node serves ${model.name} and no model of the requested name.`, {
    parameter: 'model',
  });
}

/** Two names of one limit: with different values one of them would be ignored in silence. */
function assertOneTokenLimit(request: JsonObject): void {
  const older = request.max_tokens ?? null;
  const newer = request.max_completion_tokens ?? null;
  if (older === null || newer === null || older === newer) return;
  throw invalid('max_tokens', 'max_tokens and max_completion_tokens contradict each other.');
}

/** A bias on a token that the model does not have would be ignored in silence. */
function assertBiasIds(request: JsonObject, model: EngineModel): void {
  const bias = request.logit_bias;
  if (!isJsonObject(bias)) return;
  for (const id of Object.keys(bias)) {
    if (Number(id) >= model.vocabSize)
      throw invalid('logit_bias', `logit_bias names a token beyond the vocabulary of ${model.vocabSize}.`);
  }
}

function assertPromptIds(prompt: RequestPrompt, model: EngineModel): void {
  if (prompt.kind !== 'tokens') return;
  const beyond = prompt.ids.findIndex((id) => id >= model.vocabSize);
  if (beyond >= 0) throw invalid('prompt', `prompt[${beyond}] is beyond the vocabulary of ${model.vocabSize}.`);
}

/** Sampling parameters out of their range are refused before the request waits for a turn; the seed of this try is thrown away. */
function assertSampling(request: JsonObject, nonce: string, model: EngineModel): void {
  effectiveSampling(request, { requestBytes: new Uint8Array(), nonce, maxTokensAvailable: model.contextLength });
}

/**
 * What a request asks for. `bytes` is the whole body. Throws a `RunproofError` of status 400, 404 or 413 whose evidence
 * `parameter` names the place.
 */
export function parseRunRequest(operation: Operation, bytes: Uint8Array, nonce: string, model: EngineModel): RunPlan {
  const request = parseJson(bytes);
  if (!isJsonObject(request)) throw new RunproofError('JSON_SYNTAX', 'The request body must be a JSON object.');
  assertParameters(operation, request);
  assertModel(request, model);
  assertOneTokenLimit(request);
  assertSampling(request, nonce, model);
  assertBiasIds(request, model);
  const prompt = promptOfRequest(operation, request);
  assertPromptIds(prompt, model);
  const options = request.stream_options;
  return {
    operation,
    bytes,
    request,
    prompt,
    stream: flagOf(request, 'stream'),
    includeUsage: isJsonObject(options) && options.include_usage === true,
    logprobs: logprobsOf(operation, request),
    nonce,
  };
}
