// Fields of a request that a receipt can answer for (specs/receipt.md, Requests). A field that would have changed the
// answer and that no
// effective parameter tells was ignored in silence: the answer is not to this request.
import { encodeCanonicalJson, type JsonObject, type Operation, RunproofError, shorten } from '@runproof/protocol';

/** Checked elsewhere: by the effective parameters, or as the model. */
const TOLD = [
  ...['frequency_penalty', 'logit_bias', 'max_completion_tokens', 'max_tokens', 'min_p', 'model', 'presence_penalty'],
  ...['repetition_penalty', 'seed', 'stop', 'temperature', 'top_k', 'top_p'],
];

/** They change how an answer is carried or who is billed for it, not what it says. */
const BESIDE = [
  ...[
    'logprobs',
    'metadata',
    'parallel_tool_calls',
    'prompt_cache_key',
    'safety_identifier',
    'service_tier',
    'store',
    'stream',
  ],
  ...['stream_options', 'top_logprobs', 'user'],
];

/** Values, in canonical JSON, with which a field asks for nothing. */
const NEUTRAL: ReadonlyMap<string, readonly string[]> = new Map([
  ['best_of', ['1']],
  ['echo', ['false']],
  ['function_call', ['"auto"', '"none"']],
  ['functions', ['[]']],
  ['modalities', ['["text"]']],
  ['n', ['1']],
  ['reasoning_effort', ['"none"']],
  ['response_format', ['{"type":"text"}']],
  ['suffix', ['""']],
  ['tool_choice', ['"auto"', '"none"']],
  ['tools', ['[]']],
]);

const ANSWERED: ReadonlySet<string> = new Set([...TOLD, ...BESIDE]);

/** The field that holds the prompt of an operation. The other one would not be answered. */
const PROMPT_FIELD: Readonly<Record<Operation, string>> = {
  'chat.completion': 'messages',
  'text.completion': 'prompt',
};

/**
 * Throws `PARAMETER_UNSUPPORTED` with evidence `{parameter}` for a field that no receipt answers for. `null` asks for
 * nothing.
 */
export function assertAnswerable(request: JsonObject, operation: Operation): void {
  for (const [name, value] of Object.entries(request)) {
    if (value === null || ANSWERED.has(name) || name === PROMPT_FIELD[operation]) continue;
    if (NEUTRAL.get(name)?.includes(encodeCanonicalJson(value)) === true) continue;
    const parameter = shorten(name);
    throw new RunproofError(
      'PARAMETER_UNSUPPORTED',
      `No receipt answers for ${JSON.stringify(parameter)} of the request.`,
      { parameter },
    );
  }
}
