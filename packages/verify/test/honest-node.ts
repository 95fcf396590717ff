// A node and its log in a few lines: runs a request on the tiny engine and seals the receipt. Tests make it lie in one
// place at a time.
import {
  type Bundle,
  commit,
  effectiveSampling,
  encodeBundle,
  encodeCanonicalJson,
  encodeHex,
  encodeTokenIds,
  type FinishReason,
  isJsonObject,
  type JsonObject,
  type Operation,
  outputCommitmentData,
  parseJson,
  type ReceiptBody,
  receiptEntry,
  type SamplingParameters,
  sha256,
  tokensCommitmentData,
  utf8,
} from '@runproof/protocol';
import {
  ed25519Cosigner,
  ed25519NoteSigner,
  encodeCheckpoint,
  encodeNote,
  encodeTlogProof,
  inclusionProof,
  leafHash,
  nodeHash,
  parseNote,
  rootOfHashes,
  signNote,
} from '@runproof/tlog';
import { prefixBytes, TinyEngine, tracePrefixes } from './tiny-engine.ts';

export const ORIGIN = 'example.org/test-log';
export const LOG_SIGNER = ed25519NoteSigner(ORIGIN, sha256(utf8('log key')));
export const WITNESS = ed25519Cosigner('witness.example', sha256(utf8('witness key')));
export const ENGINE = new TinyEngine('honest weights');

export interface Signer {
  readonly name: string;
  readonly keyId: string;
  sign(bytes: Uint8Array): Uint8Array;
}

export interface LogOptions {
  readonly signer?: Signer;
  /** origin of the checkpoint */
  readonly origin?: string;
  readonly size?: number;
  readonly index?: number;
  readonly witnessed?: boolean;
}

/** tlog-proof of `entry` in a log of `size` leaves. */
export function appendEntry(entry: Uint8Array, options: LogOptions = {}): string {
  const { signer = LOG_SIGNER, origin = ORIGIN, size = 6, index = 4 } = options;
  const leaves = Array.from({ length: size }, (_, leaf) => leafHash(leaf === index ? entry : utf8(`other ${leaf}`)));
  const hashes = (level: number, node: number): Uint8Array =>
    level === 0
      ? (leaves[node] ?? new Uint8Array(32))
      : nodeHash(hashes(level - 1, 2 * node), hashes(level - 1, 2 * node + 1));
  const text = encodeCheckpoint({ origin, size, root: rootOfHashes(leaves), extensions: [] });
  const note = parseNote(signNote(text, signer));
  const signatures =
    options.witnessed === true ? [...note.signatures, WITNESS.cosign(text, 1_790_000_000)] : note.signatures;
  return encodeTlogProof({
    extra: null,
    index,
    hashes: inclusionProof(index, size, hashes),
    checkpoint: encodeNote({ text, signatures }),
  });
}

export const SALT = sha256(utf8('salt'));
export const NONCE = encodeHex(sha256(utf8('nonce')));

/** Everything that a client holds after one call. */
export interface Exchange {
  readonly request: Uint8Array;
  readonly nonce: string;
  readonly response: Uint8Array;
  readonly stream: Uint8Array;
  readonly bundle: Bundle;
  /** canonical text of `bundle` */
  readonly text: string;
  readonly policy: string;
}

export interface ServeOptions {
  readonly request?: JsonObject;
  /** what the node runs in the place of the request */
  readonly executed?: JsonObject;
  readonly operation?: Operation;
  readonly nonce?: string;
  readonly engine?: TinyEngine;
  readonly log?: LogOptions;
  readonly reason?: FinishReason;
  /** parameters of the run that the body does not tell */
  readonly secretly?: Partial<SamplingParameters>;
  /** the model that really runs */
  readonly actual?: TinyEngine;
  /** changes the tokens after the run; trace and commitments follow */
  readonly edit?: (ids: readonly number[]) => readonly number[];
  /** text that is delivered and committed in the place of what the tokens say */
  readonly claimedText?: string;
  /** how many of the output tokens were delivered before the run was cut */
  readonly cutAt?: number;
  /** changes the body before it is sealed */
  readonly lie?: (body: ReceiptBody) => ReceiptBody;
}

export const CHAT_REQUEST = {
  max_tokens: 20,
  messages: [{ content: 'Tell me about the sea.', role: 'user' }],
  model: 'tiny',
  temperature: 0.5,
} as const satisfies JsonObject;

function jsonOf(value: unknown): JsonObject {
  const parsed = parseJson(encodeCanonicalJson(value));
  if (!isJsonObject(parsed)) throw new Error('not an object');
  return parsed;
}

export function policyFor(engine: TinyEngine): string {
  return `log ${LOG_SIGNER.vkey}\nmodel ${engine.modelDigest} tiny\nengine ${engine.contract}\nquorum none\n`;
}

/** Seals `body` into a bundle. */
export function seal(body: ReceiptBody, disclosure: Bundle['disclosure'], log?: LogOptions): Bundle {
  const proof = appendEntry(receiptEntry(utf8(encodeCanonicalJson(body)), SALT), log);
  return { body, disclosure, proof, salt: encodeHex(SALT), schema: 'runproof/bundle/1' };
}

export function plainResponse(
  operation: Operation,
  text: string,
  reason: string,
  usage: ReceiptBody['usage'],
): Uint8Array {
  const choice =
    operation === 'chat.completion' ? { message: { content: text, refusal: null, role: 'assistant' } } : { text };
  const total = usage.completion_tokens + usage.prompt_tokens;
  return utf8(
    JSON.stringify({
      choices: [{ ...choice, finish_reason: reason, index: 0, logprobs: null }],
      id: 'x',
      usage: { ...usage, total_tokens: total },
    }),
  );
}

export function streamResponse(operation: Operation, text: string, reason: string, bundle: Bundle): Uint8Array {
  const piece = (content: string): object =>
    operation === 'chat.completion' ? { delta: { content } } : { text: content };
  const chunks: object[] = (text.match(/.{1,5}/gs) ?? []).map((part) => ({
    choices: [{ ...piece(part), finish_reason: null, index: 0 }],
  }));
  chunks.push(
    { choices: [{ ...piece(''), finish_reason: reason, index: 0 }] },
    { choices: [], runproof: { receipt: bundle } },
  );
  return utf8([...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join(''));
}

export function serve(options: ServeOptions = {}): Exchange {
  const {
    operation = 'chat.completion',
    nonce = NONCE,
    engine = ENGINE,
    lie = (body) => body,
    edit = (ids) => ids,
  } = options;
  const actual = options.actual ?? engine;
  const asked = options.request ?? CHAT_REQUEST;
  const request = utf8(JSON.stringify(asked));
  const executed = jsonOf(options.executed ?? asked);
  const prompt = engine.encode(operation, executed);
  const maxTokensAvailable = engine.contextLength - prompt.length;
  const sampling = effectiveSampling(executed, { requestBytes: request, nonce, maxTokensAvailable });
  const whole = actual.run(prompt, { ...sampling, ...options.secretly });
  const ids = edit(whole.ids).slice(0, options.cutAt);
  const trace = actual.traceOf(prompt, ids);
  const text = options.claimedText ?? engine.decode(ids);
  const reason = options.reason ?? whole.finish;
  const usage = { completion_tokens: ids.length, prompt_tokens: prompt.length };
  const body: ReceiptBody = {
    ended_ms: 1_790_000_001_234,
    engine: { build: engine.build, contract: engine.contract },
    evidence: {},
    finish_reason: reason,
    levels: ['sealed', 'replayed'],
    model: { digest: engine.modelDigest, name: 'tiny' },
    nonce,
    operation,
    origin: ORIGIN,
    output: commit(SALT, 'output', outputCommitmentData(text, reason)),
    prompt: commit(SALT, 'prompt', encodeTokenIds(prompt)),
    request: commit(SALT, 'request', request),
    sampling,
    schema: 'runproof/receipt/1',
    segments: [],
    started_ms: 1_790_000_000_987,
    tokens: commit(SALT, 'tokens', tokensCommitmentData(ids, prefixBytes(trace))),
    trace: encodeHex(trace.at(-1) ?? new Uint8Array(32)),
    usage,
  };
  const bundle = seal(lie(body), { completion: ids, prompt, trace: tracePrefixes(trace) }, options.log);
  return {
    request,
    nonce,
    response: plainResponse(operation, text, reason, usage),
    stream: streamResponse(operation, text, reason, bundle),
    bundle,
    text: encodeBundle(bundle),
    policy: policyFor(engine),
  };
}
