// Bounds on everything that is read from others (specs/receipt.md, Limits). A bound is part of the format: raising one
// is a change of the spec.

/** Bytes and nesting of any JSON text, where the caller names no tighter bound. */
export const JSON_LIMITS = { bytes: 16 * 1024 * 1024, depth: 32 } as const;

/** A bundle: two lists of 2^20 ids of up to 7 characters with their commas, and the trace. */
export const BUNDLE_LIMITS = { bytes: 32 * 1024 * 1024, depth: 6 } as const;

/** Prompt ids, and output ids, of one disclosure. */
export const TOKENS_MAX = 2 ** 20;
/** UTF-16 units of a tlog-proof text: 63 hashes and 32 signature lines fit several times. */
export const PROOF_LENGTH_MAX = 64 * 1024;
export const STOP_STRINGS_MAX = 4;
export const STOP_LENGTH_MAX = 1024;
export const LOGIT_BIAS_MAX = 1024;
export const EVIDENCE_MAX = 16;
export const SEGMENTS_MAX = 64;
/** Characters of one server-sent event: a bundle with its wrapping. */
export const EVENT_LENGTH_MAX = BUNDLE_LIMITS.bytes + 64 * 1024;
/** UTF-16 units of the text of one answer. */
export const CONTENT_LENGTH_MAX = 16 * 1024 * 1024;
