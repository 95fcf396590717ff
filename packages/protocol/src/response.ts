// What a client received, as far as a receipt speaks about it. A response may carry nothing that the receipt does not
// cover: text in a
// field that no commitment binds would look verified to whoever reads it.
import { RunproofError } from './errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, shorten } from './json.ts';
import { CONTENT_LENGTH_MAX } from './limits.ts';
import type { FinishReason, Operation, ReceiptBody } from './types.ts';

export interface ResponseChoice {
  readonly content: string;
  readonly finishReason: FinishReason;
  /** usage of the response, null where it has none */
  readonly usage: ReceiptBody['usage'] | null;
}

export function responseError(message: string, field: string): RunproofError {
  return new RunproofError('RESPONSE_SYNTAX', message, { field });
}

/** True for a value that says nothing: SDKs and servers send such fields for completeness. */
function saysNothing(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** Refuses every field that carries something and is not in `known`. */
function assertOnly(record: JsonObject, known: readonly string[], field: string): void {
  for (const name of Object.keys(record)) {
    if (known.includes(name) || saysNothing(record[name])) continue;
    const place = `${field}.${shorten(name)}`;
    throw responseError(`${place} is not covered by a receipt.`, place);
  }
}

export function objectAt(value: JsonValue | undefined, field: string): JsonObject {
  if (!isJsonObject(value)) throw responseError(`${field} must be an object.`, field);
  return value;
}

/** The choices of a response or chunk: none, or the one with index 0. */
export function choiceAt(record: JsonObject, operation: Operation): JsonObject | null {
  const choices = record.choices;
  if (!Array.isArray(choices) || choices.length > 1)
    throw responseError('choices must be an array of at most one.', 'choices');
  if (choices.length === 0) return null;
  const choice = objectAt(choices[0] as JsonValue, 'choices[0]');
  // `logprobs` may stand beside the text; SECURITY.md says that no receipt binds them.
  assertOnly(
    choice,
    operation === 'chat.completion'
      ? ['delta', 'finish_reason', 'index', 'logprobs', 'message']
      : ['finish_reason', 'index', 'logprobs', 'text'],
    'choices[0]',
  );
  if (choice.index !== 0) throw responseError('choices[0].index must be 0.', 'choices[0].index');
  return choice;
}

/** `content` of a message or delta: role assistant, a string or nothing, and no other field that says something. */
export function messageContent(value: JsonValue | undefined, field: string): string {
  const message = objectAt(value, field);
  assertOnly(message, ['content', 'role'], field);
  const role = message.role ?? 'assistant';
  if (role !== 'assistant') throw responseError(`${field}.role must be assistant.`, `${field}.role`);
  return contentString(message.content, `${field}.content`);
}

export function contentString(value: JsonValue | undefined, field: string): string {
  const content = value ?? '';
  if (typeof content !== 'string') throw responseError(`${field} must be a string.`, field);
  if (content.length > CONTENT_LENGTH_MAX)
    throw responseError(`${field} is longer than ${CONTENT_LENGTH_MAX} characters.`, field);
  return content;
}

const FINISH_REASONS: readonly FinishReason[] = ['stop', 'length', 'abort', 'error'];

export function parseFinishReason(value: JsonValue | undefined): FinishReason | null {
  if (value === undefined || value === null) return null;
  const reason = FINISH_REASONS.find((candidate) => candidate === value);
  if (reason === undefined)
    throw responseError('choices[0].finish_reason must be stop, length, abort or error.', 'choices[0].finish_reason');
  return reason;
}

/** `usage` of a response or chunk; its total, where it stands, must be the sum. */
export function parseUsage(value: JsonValue | undefined): ReceiptBody['usage'] | null {
  if (value === undefined || value === null) return null;
  const usage = objectAt(value, 'usage');
  const count = (name: string): number => {
    const tokens = usage[name];
    if (typeof tokens !== 'number' || !Number.isSafeInteger(tokens) || tokens < 0)
      throw responseError(`usage.${name} must be a count.`, `usage.${name}`);
    return tokens;
  };
  const counts = { completion_tokens: count('completion_tokens'), prompt_tokens: count('prompt_tokens') };
  if (usage.total_tokens !== undefined && count('total_tokens') !== counts.completion_tokens + counts.prompt_tokens) {
    throw responseError('usage.total_tokens must be the sum.', 'usage.total_tokens');
  }
  return counts;
}

/**
 * Text, finish reason and usage of choice 0 of a plain (not streamed) response. Throws `RESPONSE_SYNTAX` with evidence
 * `{field}`, also for content that
 * no receipt covers: a second choice, tool calls, a refusal. Source: specs/receipt.md, Responses.
 */
export function choiceOfResponse(operation: Operation, value: JsonValue): ResponseChoice {
  const response = objectAt(value, 'response');
  if (response.error !== undefined && response.error !== null)
    throw responseError('An error stands beside the answer.', 'error');
  const choice = choiceAt(response, operation);
  if (choice === null) throw responseError('choices must not be empty.', 'choices');
  const finishReason = parseFinishReason(choice.finish_reason);
  if (finishReason === null) throw responseError('choices[0].finish_reason is missing.', 'choices[0].finish_reason');
  if (choice.delta !== undefined) throw responseError('choices[0].delta belongs to a stream.', 'choices[0].delta');
  const content =
    operation === 'chat.completion'
      ? messageContent(choice.message, 'choices[0].message')
      : contentString(choice.text, 'choices[0].text');
  return { content, finishReason, usage: parseUsage(response.usage) };
}
