// Checks of a receipt against what the client received, and of what the bundle discloses against what the body commits
// to.
import {
  type Bundle,
  type CommitmentField,
  choiceOfResponse,
  commit,
  type Disclosure,
  encodeHex,
  encodeTokenIds,
  type Operation,
  outputCommitmentData,
  parseBase64,
  parseHex,
  parseJson,
  type ResponseChoice,
  RunproofError,
  StreamReader,
  tokensCommitmentData,
} from '@runproof/protocol';
import { mismatch } from './report.ts';

/** Bytes of a response: as the largest bundle inside a stream, and the text. */
const RESPONSE_LIMITS = { bytes: 64 * 1024 * 1024, depth: 16 } as const;
const BRACE = 0x7b;
const WHITE_SPACE: ReadonlySet<number | undefined> = new Set([0x20, 0x0a, 0x0d, 0x09]);

/** A plain response is a JSON object and begins with a brace; no line of an event stream does. */
function isPlainJson(response: Uint8Array): boolean {
  return response.find((byte) => !WHITE_SPACE.has(byte)) === BRACE;
}

/** What the client received: from the bytes of a plain response, or of a stream of server-sent events. */
function parseResponse(operation: Operation, response: Uint8Array): ResponseChoice {
  if (response.length > RESPONSE_LIMITS.bytes)
    throw new RunproofError('JSON_SIZE', `The response is larger than ${RESPONSE_LIMITS.bytes} bytes.`);
  if (isPlainJson(response)) return choiceOfResponse(operation, parseJson(response, RESPONSE_LIMITS));
  const reader = new StreamReader(operation);
  reader.push(response);
  reader.end();
  const { content, finishReason, usage, error } = reader;
  if (finishReason === null || (error !== null && finishReason !== 'error')) {
    throw new RunproofError('RESPONSE_SYNTAX', 'The stream ends in an error that its finish reason does not tell.');
  }
  return { content, finishReason, usage };
}

/** `response.match`: text, finish reason and usage of the response are those of the receipt. */
export function checkResponse(bundle: Bundle, response: Uint8Array): { detail: string; value: true } {
  const { body } = bundle;
  const { content, finishReason, usage } = parseResponse(body.operation, response);
  if (finishReason !== body.finish_reason) {
    throw mismatch(
      'OUTPUT_MISMATCH',
      `The answer ended with ${finishReason}, the receipt says ${body.finish_reason}.`,
      {
        expected: body.finish_reason,
        got: finishReason,
      },
    );
  }
  const got = commit(parseHex(bundle.salt), 'output', outputCommitmentData(content, finishReason));
  if (got !== body.output)
    throw mismatch('OUTPUT_MISMATCH', 'The receipt commits to another answer.', { expected: body.output, got });
  for (const name of ['completion_tokens', 'prompt_tokens'] as const) {
    if (usage === null || usage[name] === body.usage[name]) continue;
    throw mismatch('OUTPUT_MISMATCH', `The answer says ${usage[name]} ${name}, the receipt ${body.usage[name]}.`, {
      parameter: `usage.${name}`,
      expected: body.usage[name],
      got: usage[name],
    });
  }
  return { detail: `${content.length} characters, finish reason ${finishReason}`, value: true };
}

/**
 * `disclosure.prompt` and `disclosure.tokens`: the disclosed ids are the committed ones, and as many as the usage says.
 * `data` is what the field's commitment is over: `disclosedData`.
 */
export function checkDisclosed(
  bundle: Bundle,
  field: Extract<CommitmentField, 'prompt' | 'tokens'>,
  ids: readonly number[],
  data: Uint8Array,
  usage: number,
): { detail: string; value: true } {
  const got = commit(parseHex(bundle.salt), field, data);
  if (got !== bundle.body[field])
    throw mismatch('DISCLOSURE_MISMATCH', 'The receipt commits to other tokens or another trace.', {
      expected: bundle.body[field],
      got,
    });
  if (ids.length !== usage) {
    throw mismatch('DISCLOSURE_MISMATCH', `The usage says ${usage} tokens, there are ${ids.length}.`, {
      expected: ids.length,
      got: usage,
    });
  }
  const { max_tokens: limit } = bundle.body.sampling;
  if (field === 'tokens' && ids.length > limit) {
    throw mismatch('DISCLOSURE_MISMATCH', `There are ${ids.length} tokens, more than max_tokens allows.`, {
      expected: limit,
      got: ids.length,
    });
  }
  return { detail: `${ids.length} token ids`, value: true };
}

/** What the commitments of `disclosure.prompt` and `disclosure.tokens` are over. */
export function disclosedData(disclosure: Disclosure): Record<'prompt' | 'tokens', Uint8Array> {
  const tokens = tokensCommitmentData(disclosure.completion, parseBase64(disclosure.trace) ?? new Uint8Array(0));
  return { prompt: encodeTokenIds(disclosure.prompt), tokens };
}

/** Bytes of h_t that a disclosure carries (specs/exact-1.md §8). */
const TRACE_PREFIX_BYTES = 8;

/**
 * `disclosure.trace`: one prefix per token, the last of them that of the trace root. That all are the committed ones,
 * `disclosure.tokens` says.
 */
export function checkTrace(bundle: Bundle, disclosure: Disclosure): { detail: string; value: true } {
  const prefixes = parseBase64(disclosure.trace) ?? new Uint8Array(0);
  const claimed = bundle.body.levels.includes('replayed');
  const count = disclosure.completion.length;
  if (prefixes.length !== (claimed ? count * TRACE_PREFIX_BYTES : 0)) {
    throw mismatch('DISCLOSURE_MISMATCH', 'The disclosed trace does not have one entry per token.', {
      expected: claimed ? count : 0,
      got: prefixes.length / 8,
    });
  }
  // Of an output without tokens the root is 32 zero bytes (specs/exact-1.md §8).
  const expected = count > 0 ? bundle.body.trace.slice(0, 2 * TRACE_PREFIX_BYTES) : bundle.body.trace;
  const got = count > 0 ? encodeHex(prefixes.subarray(-TRACE_PREFIX_BYTES)) : '0'.repeat(64);
  if (claimed && got !== expected) {
    throw mismatch('DISCLOSURE_MISMATCH', 'The disclosed trace does not end in the trace root.', { expected, got });
  }
  return { detail: `${prefixes.length / TRACE_PREFIX_BYTES} entries`, value: true };
}
