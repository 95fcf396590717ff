// Every parameter of the two calls, and what this node does about it. What is in no table is refused by its name.
import { isJsonObject, type JsonObject, type JsonValue, type Operation, RunproofError } from '@runproof/protocol';

/** Says why a value cannot be accepted, or null when it can. */
type Rule = (value: JsonValue) => 'unsupported' | 'wrong type' | null;

/** Honoured: its own reader, or `effectiveSampling` of the protocol, checks the value. */
const honoured: Rule = () => null;

/** Accepted only with values that ask for nothing. */
const neutral =
  (...values: readonly JsonValue[]): Rule =>
  (value) =>
    values.includes(value) ? null : 'unsupported';

/** Text about the caller: it changes no answer, and stands in the committed request. */
const label: Rule = (value) => (typeof value === 'string' ? null : 'wrong type');
const flag: Rule = (value) => (typeof value === 'boolean' ? null : 'wrong type');
const emptyArray: Rule = (value) => (Array.isArray(value) && value.length === 0 ? null : 'unsupported');

const labels: Rule = (value) => {
  if (!isJsonObject(value)) return 'wrong type';
  return Object.values(value).every((item) => typeof item === 'string') ? null : 'wrong type';
};

const textFormat: Rule = (value) => {
  if (!isJsonObject(value)) return 'wrong type';
  return value.type === 'text' && Object.keys(value).length === 1 ? null : 'unsupported';
};

const textModality: Rule = (value) =>
  Array.isArray(value) && value.length === 1 && value[0] === 'text' ? null : 'unsupported';

/** Parameters of both calls. */
const COMMON: readonly (readonly [string, Rule])[] = [
  ['frequency_penalty', honoured],
  ['logit_bias', honoured],
  ['logprobs', honoured],
  ['max_tokens', honoured],
  ['min_p', honoured],
  ['model', honoured],
  ['presence_penalty', honoured],
  ['repetition_penalty', honoured],
  ['seed', honoured],
  ['stop', honoured],
  ['stream', honoured],
  ['stream_options', honoured],
  ['temperature', honoured],
  ['top_k', honoured],
  ['top_p', honoured],
  ['metadata', labels],
  ['n', neutral(1)],
  ['service_tier', neutral('auto', 'default')],
  ['store', neutral(false)],
  ['user', label],
];

const CHAT: readonly (readonly [string, Rule])[] = [
  ['max_completion_tokens', honoured],
  ['messages', honoured],
  ['top_logprobs', honoured],
  ['audio', neutral()],
  ['function_call', neutral('none', 'auto')],
  ['functions', emptyArray],
  ['modalities', textModality],
  ['parallel_tool_calls', flag],
  ['prediction', neutral()],
  ['prompt_cache_key', label],
  ['reasoning_effort', neutral('none')],
  ['response_format', textFormat],
  ['safety_identifier', label],
  ['tool_choice', neutral('none', 'auto')],
  ['tools', emptyArray],
  ['verbosity', neutral()],
  ['web_search_options', neutral()],
];

const TEXT: readonly (readonly [string, Rule])[] = [
  ['prompt', honoured],
  ['best_of', neutral(1)],
  ['echo', neutral(false)],
  ['suffix', neutral('')],
];

const TABLES: Readonly<Record<Operation, ReadonlyMap<string, Rule>>> = {
  'chat.completion': new Map([...COMMON, ...CHAT]),
  'text.completion': new Map([...COMMON, ...TEXT]),
};

const STREAM_OPTIONS: ReadonlyMap<string, Rule> = new Map([
  ['include_usage', flag],
  ['include_obfuscation', neutral(false)],
]);

/** A name as a client may read it back: what is long or strange is cut, so that an error stays one short line. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}

function assertTable(record: JsonObject, table: ReadonlyMap<string, Rule>, prefix: string): void {
  for (const name of Object.keys(record)) {
    const parameter = `${prefix}${name}`.slice(0, 128);
    const rule = table.get(name);
    if (rule === undefined) {
      throw new RunproofError('PARAMETER_UNSUPPORTED', `Unknown parameter ${quote(prefix + name)}.`, { parameter });
    }
    const value = record[name];
    const complaint = value === undefined || value === null ? null : rule(value);
    if (complaint === 'wrong type') {
      throw new RunproofError('PARAMETER_INVALID', `The parameter ${quote(prefix + name)} has the wrong type.`, {
        parameter,
      });
    }
    if (complaint === 'unsupported') {
      throw new RunproofError(
        'PARAMETER_UNSUPPORTED',
        `The parameter ${quote(prefix + name)} is not supported with this value.`,
        { parameter },
      );
    }
  }
}

/**
 * Refuses every parameter that this node would not honour. `null` means "not set", as OpenAI's API reads it, for the names that
 * it knows. Throws `PARAMETER_UNSUPPORTED` or `PARAMETER_INVALID` with evidence `{parameter}`.
 */
export function assertParameters(operation: Operation, request: JsonObject): void {
  assertTable(request, TABLES[operation], '');
  const options = request.stream_options;
  if (options === undefined || options === null) return;
  if (!isJsonObject(options)) {
    throw new RunproofError('PARAMETER_INVALID', 'stream_options must be an object.', { parameter: 'stream_options' });
  }
  assertTable(options, STREAM_OPTIONS, 'stream_options.');
  if (request.stream !== true) {
    throw new RunproofError('PARAMETER_INVALID', 'stream_options is only allowed with stream: true.', {
      parameter: 'stream_options',
    });
  }
}
