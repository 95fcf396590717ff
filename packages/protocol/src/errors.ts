// The one error family of Runproof. Codes are closed: specs/errors.md lists each with its HTTP status and what to do.

/** code → [HTTP status, what the reader should do]. */
export const ERROR_CODES = {
  ABORTED: [499, 'Nothing: the caller went away. What was emitted is sealed.'],
  CONFIG_INVALID: [500, 'Correct the named setting.'],
  CONTENT_TYPE_UNSUPPORTED: [415, 'Send application/json in UTF-8, without a content encoding.'],
  DEADLINE_EXCEEDED: [504, 'Ask for fewer tokens, or try again when the server is less busy.'],
  DISCLOSURE_MISMATCH: [502, 'Do not use the answer: the disclosed tokens are not the committed ones.'],
  ENGINE_CPU_UNSUPPORTED: [500, 'Run on Node 22.18 or newer, or on a processor with WebAssembly SIMD.'],
  ENGINE_NONFINITE: [500, 'The model produced NaN or infinity at the named place; report it with the model digest.'],
  INTERNAL: [500, 'A broken invariant of Runproof; report it.'],
  JSON_DEPTH: [400, 'Nest less deeply.'],
  JSON_DUPLICATE_NAME: [400, 'Remove the repeated name.'],
  JSON_NOT_CANONICAL: [400, 'Use the canonical bytes (RFC 8785); do not re-serialise a receipt.'],
  JSON_NUMBER: [400, 'Use a finite number; integers within 2^53 - 1.'],
  JSON_SIZE: [413, 'Send less.'],
  JSON_SYNTAX: [400, 'Send valid JSON (RFC 8259) in UTF-8.'],
  JSON_UNICODE: [400, 'Remove the lone surrogate or the invalid UTF-8.'],
  LOG_CORRUPT: [500, 'Restore the data directory; do not delete it: a new log needs a new key.'],
  LOG_LOCKED: [500, 'Stop the other process that writes this log.'],
  LOG_UNWRITABLE: [500, 'Make the data directory writable, or name another with RUNPROOF_DATA.'],
  METHOD_NOT_ALLOWED: [405, 'Use the method that the documentation names.'],
  MODEL_CONTEXT: [400, 'Shorten the prompt, or ask for fewer tokens.'],
  MODEL_NONFINITE: [500, 'The model file holds NaN or infinite weights; get it again.'],
  MODEL_NOT_FOUND: [404, 'Use a model that GET /v1/models lists.'],
  MODEL_SYNTAX: [500, 'The model file is damaged or not GGUF v3; get it again.'],
  MODEL_TEMPLATE: [400, 'The chat template refused these messages; correct them.'],
  MODEL_UNSUPPORTED: [500, 'Use one of the listed architectures and types.'],
  NONCE_MISMATCH: [502, 'Do not use the answer: its receipt was made for another nonce.'],
  NOT_FOUND: [404, 'Check the path.'],
  NOTE_SYNTAX: [400, 'Get the signed note again.'],
  ORIGIN_MISMATCH: [502, 'Do not use the answer: its receipt is shown under a log that it does not name.'],
  OUTPUT_MISMATCH: [502, 'Do not use the answer: it is not what the receipt commits to.'],
  OVERLOADED: [503, 'Try again after Retry-After.'],
  PARAMETER_INVALID: [400, 'Correct the named parameter.'],
  PARAMETER_MISMATCH: [502, 'Do not use the answer: it was not made with the parameters that were asked for.'],
  PARAMETER_UNSUPPORTED: [400, 'Leave the named parameter out: this server does not honour it.'],
  POLICY_SYNTAX: [400, 'Correct the named line of the policy.'],
  PROOF_INVALID: [400, 'The proof does not lead from the entry to the root: do not trust this receipt.'],
  PROOF_SYNTAX: [400, 'Get the proof again.'],
  QUORUM_NOT_MET: [
    502,
    'Get a receipt with enough cosignatures: witnesses that the policy names have not seen this log.',
  ],
  RECEIPT_NOT_FOUND: [404, 'Check the receipt id; receipts are kept as long as the node keeps them.'],
  RECEIPT_SYNTAX: [400, 'Get the receipt again.'],
  REPLAY_MISMATCH: [
    502,
    'Do not use the answer: running the model again gives another one. Keep the receipt: it convicts.',
  ],
  REPLAY_MODEL: [400, 'Replay with the model and the engine that the receipt names.'],
  REQUEST_MISMATCH: [502, 'Do not use the answer: its receipt is of another request.'],
  RESPONSE_SYNTAX: [502, 'Do not use the answer: it was cut, or it carries something that no receipt covers.'],
  SEED_MISMATCH: [502, 'Do not use the answer: its sampling seed was not derived from request and nonce.'],
  SHUTTING_DOWN: [503, 'Try again after Retry-After, or another node.'],
  SIGNATURE_INVALID: [400, 'Do not trust this receipt: a known key has not made this signature.'],
  STORE_UNWRITABLE: [500, 'Make the data directory writable and give it room; no answer leaves without its receipt.'],
  TILE_NOT_FOUND: [404, 'Ask for a tile that the current checkpoint covers.'],
  TRUST_CHANGED: [409, 'The key or model differs from the one trusted before. Find out why before you trust it again.'],
  UNTRUSTED: [400, 'The policy does not trust this; run runproof trust if you do.'],
  UPSTREAM_UNREACHABLE: [502, 'Check the address and the network, then try again.'],
  VERIFY_FAILED: [502, 'Do not use the answer: its receipt does not hold.'],
  VERIFY_INCOMPLETE: [502, 'Provide what the report lists as missing.'],
  VKEY_SYNTAX: [400, 'Copy the verifier key again, whole; Ed25519 keys (types 1 and 4) are supported.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** JSON-compatible facts that let a reader, or a third party, see the failure for themselves. */
export type Evidence = { readonly [name: string]: string | number | boolean | null | readonly (string | number)[] };

const MARK = Symbol.for('runproof.error');

/** An expected failure. `message` says what was wrong; the code's action says what to do. */
export class RunproofError extends Error {
  readonly [MARK] = true;
  readonly code: ErrorCode;
  readonly evidence: Evidence;

  constructor(code: ErrorCode, message: string, evidence: Evidence = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RunproofError';
    this.code = code;
    this.evidence = evidence;
  }

  /** HTTP status of this code (specs/errors.md). */
  get status(): number {
    return ERROR_CODES[this.code][0];
  }

  /** What the reader should do. */
  get action(): string {
    return ERROR_CODES[this.code][1];
  }

  /** True also for an instance made by another copy of this package. */
  static isInstance(value: unknown): value is RunproofError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true;
  }
}

/** What a person reads of `error`: its message as a sentence, then what to do. */
export function explainError(error: RunproofError): string {
  return `${error.message}${/[.!?]$/.test(error.message) ? '' : '.'} ${error.action}`;
}
