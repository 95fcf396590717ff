// What a request asks to be continued. Node and verifier must read it alike: the prompt ids of a receipt follow from
// it.
import { RunproofError } from './errors.ts';

/** Prompt of a request: a conversation for the model's template, plain text, or token ids. */
export type RequestPrompt =
  | { readonly kind: 'chat'; readonly messages: readonly { readonly role: string; readonly content: string }[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly ids: readonly number[] };

type JsonRecord = Readonly<Record<string, unknown>>;

const invalid = (parameter: string, message: string): RunproofError =>
  new RunproofError('PARAMETER_INVALID', message, { parameter });
const unsupported = (parameter: string, message: string): RunproofError =>
  new RunproofError('PARAMETER_UNSUPPORTED', message, { parameter });

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for a value that asks for nothing: an SDK sends such fields back with the messages that it got from us. */
function asksNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** Text parts are joined with nothing between them: no byte reaches the model that the client did not send. */
function parseContent(value: unknown, parameter: string): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw invalid(parameter, `${parameter} must be a string or an array of text parts.`);
  const texts = value.map((part: unknown, index) => {
    const name = `${parameter}[${index}]`;
    if (!isRecord(part)) throw invalid(name, `${name} must be an object.`);
    if (part.type !== 'text') throw unsupported(`${name}.type`, `${name} is not a text part.`);
    for (const field of Object.keys(part)) {
      if (field === 'type' || field === 'text') continue;
      throw unsupported(`${name}.${field}`, `${name}.${field} is not supported.`);
    }
    const text = part.text;
    if (typeof text !== 'string') throw invalid(`${name}.text`, `${name}.text must be a string.`);
    return text;
  });
  if (texts.length === 0) throw invalid(parameter, `${parameter} has no parts.`);
  return texts.join('');
}

/** `developer` is the later name of `system`; models' templates know the older one. */
const ROLES: ReadonlyMap<unknown, string> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
]);

function parseMessage(value: unknown, index: number): { role: string; content: string } {
  const name = `messages[${index}]`;
  if (!isRecord(value)) throw invalid(name, `${name} must be an object.`);
  const role = ROLES.get(value.role);
  if (role === undefined) {
    if (typeof value.role !== 'string') throw invalid(`${name}.role`, `${name}.role must be a string.`);
    throw unsupported(`${name}.role`, `${name}.role must be system, developer, user or assistant.`);
  }
  for (const field of Object.keys(value)) {
    if (field === 'role' || field === 'content' || asksNothing(value[field])) continue;
    throw unsupported(`${name}.${field}`, `${name}.${field} is not supported.`);
  }
  return { role, content: parseContent(value.content, `${name}.content`) };
}

function parseTextPrompt(value: unknown): RequestPrompt {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid('prompt', 'prompt must be a string, an array with one string, or an array of token ids.');
  }
  const only: unknown = value[0];
  if (typeof only === 'string' || Array.isArray(only)) {
    if (value.length > 1) throw unsupported('prompt', 'Several prompts in one request are not supported.');
    if (typeof only === 'string') return { kind: 'text', text: only };
  }
  const ids: readonly unknown[] = Array.isArray(only) ? only : value;
  const checked = ids.map((id, index) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 32) return id;
    throw invalid('prompt', `prompt[${index}] must be a token id.`);
  });
  if (checked.length === 0) throw invalid('prompt', 'prompt has no token ids.');
  return { kind: 'tokens', ids: checked };
}

/**
 * The prompt of a parsed request body: `messages` of a chat completion (role `developer` becomes `system`, text parts
 * are joined
 * with nothing between), `prompt` of a text completion (a string, one string in an array, or token ids below 2^32).
 * Throws `PARAMETER_INVALID` or `PARAMETER_UNSUPPORTED`; evidence `{parameter}` names the place. Source:
 * specs/receipt.md, Requests.
 */
export function promptOfRequest(operation: 'chat.completion' | 'text.completion', request: JsonRecord): RequestPrompt {
  if (operation === 'text.completion') return parseTextPrompt(request.prompt);
  const messages = request.messages;
  if (!Array.isArray(messages)) throw invalid('messages', 'messages must be an array.');
  if (messages.length === 0) throw invalid('messages', 'messages must not be empty.');
  return { kind: 'chat', messages: messages.map(parseMessage) };
}
