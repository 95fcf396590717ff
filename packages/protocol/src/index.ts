export { concatBytes, encodeBase64, encodeHex, encodeTokenIds, equalBytes, parseBase64, parseHex, utf8 } from './bytes.ts';
export { ERROR_CODES, type ErrorCode, type Evidence, RunproofError } from './errors.ts';
export { promptOfRequest, type RequestPrompt } from './prompt.ts';
export { sha256 } from './sha256.ts';
export type { Bundle, Disclosure, FinishReason, Level, Operation, ReceiptBody, SamplingParameters } from './types.ts';
