// Body and bundle of a receipt (specs/receipt.md): exact fields, one canonical form each.
import { parseBase64 } from './bytes.ts';
import { encodeCanonicalJson, parseCanonicalJson } from './canonical-json.ts';
import { RunproofError } from './errors.ts';
import { anyObject, arrayOf, digest, exactObject, fieldError, hex32, integer, oneOf, pattern, text } from './fields.ts';
import type { JsonValue } from './json.ts';
import { BUNDLE_LIMITS, EVIDENCE_MAX, PROOF_LENGTH_MAX, SEGMENTS_MAX, TOKENS_MAX } from './limits.ts';
import { parseSampling } from './sampling.ts';
import type { Bundle, Disclosure, Level, ReceiptBody, SamplingParameters } from './types.ts';

const BODY_FIELDS = [
  'ended_ms',
  'engine',
  'evidence',
  'finish_reason',
  'levels',
  'model',
  'nonce',
  'operation',
  'origin',
  'output',
  'prompt',
  'request',
  'sampling',
  'schema',
  'segments',
  'started_ms',
  'tokens',
  'trace',
  'usage',
] as const satisfies readonly (keyof ReceiptBody)[];
const SAMPLING_FIELDS = [
  'frequency_penalty',
  'logit_bias',
  'max_tokens',
  'min_p',
  'presence_penalty',
  'repetition_penalty',
  'seed',
  'stop',
  'temperature',
  'top_k',
  'top_p',
] as const satisfies readonly (keyof SamplingParameters)[];

const NONCE = /^(?:[0-9a-f]{2}){16,64}$/;
const NAME = /^[A-Za-z0-9._:/-]{1,128}$/;
const CONTRACT = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const EVIDENCE_KIND = /^[a-z0-9][a-z0-9.-]{0,63}$/;
/** Printable ASCII without space and plus: what a key name of a signed note may hold. */
const ORIGIN = /^[!-*,-~]{1,255}$/;
const TOKEN_MAX = 2 ** 32 - 1;
/** Bytes of h_t that a disclosure carries for every output token. */
const TRACE_PREFIX_LENGTH = 8;

function parseLevels(value: JsonValue | undefined): Level[] {
  const levels = arrayOf(value, 'body.levels', 2, (item, field) => oneOf(item, field, ['sealed', 'replayed'] as const));
  if (levels[0] !== 'sealed' || levels[1] === 'sealed')
    throw fieldError('body.levels', '["sealed"] or ["sealed", "replayed"]');
  return levels;
}

function parseEvidence(value: JsonValue | undefined): Record<string, string> {
  const kinds = anyObject(value, 'body.evidence');
  const names = Object.keys(kinds);
  if (names.length > EVIDENCE_MAX) throw fieldError('body.evidence', `an object of at most ${EVIDENCE_MAX} members`);
  return Object.fromEntries(
    names.map((name) => {
      pattern(name, 'body.evidence', EVIDENCE_KIND, 'an object whose names are of a-z, 0-9, dot and hyphen');
      return [name, digest(kinds[name], `body.evidence.${name}`)];
    }),
  );
}

function parseBodySampling(value: JsonValue | undefined): SamplingParameters {
  const values = exactObject(value, 'body.sampling', SAMPLING_FIELDS);
  for (const name of SAMPLING_FIELDS) if (values[name] === null) throw fieldError(`body.sampling.${name}`, 'present');
  try {
    return parseSampling(values, 'body.sampling');
  } catch (error) {
    if (!RunproofError.isInstance(error) || error.code === 'RECEIPT_SYNTAX') throw error;
    const field = `body.sampling.${String(error.evidence.parameter)}`;
    throw new RunproofError('RECEIPT_SYNTAX', `body.sampling: ${error.message}`, { field }, { cause: error });
  }
}

/**
 * Body of a receipt from its JSON value; throws `RECEIPT_SYNTAX` with evidence `{field}`. Source: specs/receipt.md,
 * Body.
 */
export function parseReceiptBody(value: JsonValue): ReceiptBody {
  const body = exactObject(value, 'body', BODY_FIELDS);
  const engine = exactObject(body.engine, 'body.engine', ['build', 'contract']);
  const model = exactObject(body.model, 'body.model', ['digest', 'name']);
  const usage = exactObject(body.usage, 'body.usage', ['completion_tokens', 'prompt_tokens']);
  const startedMs = integer(body.started_ms, 'body.started_ms');
  return {
    ended_ms: integer(body.ended_ms, 'body.ended_ms', startedMs),
    engine: {
      build: digest(engine.build, 'body.engine.build'),
      contract: pattern(engine.contract, 'body.engine.contract', CONTRACT, 'a contract id'),
    },
    evidence: parseEvidence(body.evidence),
    finish_reason: oneOf(body.finish_reason, 'body.finish_reason', ['stop', 'length', 'abort', 'error'] as const),
    levels: parseLevels(body.levels),
    model: {
      digest: digest(model.digest, 'body.model.digest'),
      name: pattern(model.name, 'body.model.name', NAME, 'a model name'),
    },
    nonce: pattern(body.nonce, 'body.nonce', NONCE, '16 to 64 bytes in lower-case hex'),
    operation: oneOf(body.operation, 'body.operation', ['chat.completion', 'text.completion'] as const),
    origin: pattern(body.origin, 'body.origin', ORIGIN, 'a log origin'),
    output: hex32(body.output, 'body.output'),
    prompt: hex32(body.prompt, 'body.prompt'),
    request: hex32(body.request, 'body.request'),
    sampling: parseBodySampling(body.sampling),
    schema: oneOf(body.schema, 'body.schema', ['runproof/receipt/1'] as const),
    segments: arrayOf(body.segments, 'body.segments', SEGMENTS_MAX, (item, field) => {
      const segment = exactObject(item, field, ['node', 'tokens']);
      return {
        node: pattern(segment.node, `${field}.node`, ORIGIN, 'a log origin'),
        tokens: integer(segment.tokens, `${field}.tokens`),
      };
    }),
    started_ms: startedMs,
    tokens: hex32(body.tokens, 'body.tokens'),
    trace: hex32(body.trace, 'body.trace'),
    usage: {
      completion_tokens: integer(usage.completion_tokens, 'body.usage.completion_tokens'),
      prompt_tokens: integer(usage.prompt_tokens, 'body.usage.prompt_tokens'),
    },
  };
}

function parseDisclosure(value: JsonValue | undefined): Disclosure | null {
  if (value === null) return null;
  const disclosure = exactObject(value, 'disclosure', ['completion', 'prompt', 'trace']);
  const tokenId = (item: JsonValue, field: string): number => integer(item, field, 0, TOKEN_MAX);
  const completion = arrayOf(disclosure.completion, 'disclosure.completion', TOKENS_MAX, tokenId);
  const prompt = arrayOf(disclosure.prompt, 'disclosure.prompt', TOKENS_MAX, tokenId);
  const trace = text(disclosure.trace, 'disclosure.trace', 4 * Math.ceil((TRACE_PREFIX_LENGTH * TOKENS_MAX) / 3));
  const prefixes = parseBase64(trace);
  if (prefixes === null) throw fieldError('disclosure.trace', 'base64 with padding');
  if (prefixes.length !== 0 && prefixes.length !== TRACE_PREFIX_LENGTH * completion.length) {
    throw fieldError('disclosure.trace', `empty, or ${TRACE_PREFIX_LENGTH} bytes for every output token`);
  }
  return { completion, prompt, trace };
}

/**
 * Bundle from its JSON value, such as one that came inside a chunk of a stream; throws `RECEIPT_SYNTAX` with evidence
 * `{field}`.
 */
export function bundleFromValue(value: JsonValue): Bundle {
  const bundle = exactObject(value, 'bundle', ['body', 'disclosure', 'proof', 'salt', 'schema']);
  return {
    body: parseReceiptBody(bundle.body ?? null),
    disclosure: parseDisclosure(bundle.disclosure),
    proof: text(bundle.proof, 'proof', PROOF_LENGTH_MAX),
    salt: hex32(bundle.salt, 'salt'),
    schema: oneOf(bundle.schema, 'schema', ['runproof/bundle/1'] as const),
  };
}

/**
 * Bundle from its bytes, which must be exactly the canonical ones: `encodeBundle(parseBundle(x)) === x`. Throws
 * `JSON_*` and `RECEIPT_SYNTAX`.
 */
export function parseBundle(input: Uint8Array | string): Bundle {
  return bundleFromValue(parseCanonicalJson(input, BUNDLE_LIMITS));
}

/** Canonical text of a bundle: the content of a `*.receipt.json` file. */
export function encodeBundle(bundle: Bundle): string {
  return encodeCanonicalJson(bundle);
}
