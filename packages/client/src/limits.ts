// Bounds on what one verified exchange may hold in memory.

/** Bytes of a request body that is kept for its commitment. */
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of one response, plain or streamed, that are kept until its receipt is checked. */
export const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes of /.well-known/runproof.json. */
export const TRUST_INFO_BYTES_MAX = 1024 * 1024;
/** Milliseconds in which a node must show its runproof.json. */
export const TRUST_INFO_MS_MAX = 15_000;
/** Bytes of the nonce that goes with each request (specs/receipt.md, field 9: 16 to 64). */
export const NONCE_BYTES = 32;
