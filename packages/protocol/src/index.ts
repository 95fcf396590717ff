export {
  concatBytes,
  encodeBase64,
  encodeHex,
  encodeTokenIds,
  equalBytes,
  parseBase64,
  parseHex,
  utf8,
} from './bytes.ts';
export { encodeCanonicalJson, parseCanonicalJson } from './canonical-json.ts';
export type { CommitmentField } from './commitment.ts';
export {
  commit,
  commitmentKey,
  outputCommitmentData,
  receiptEntry,
  receiptId,
  receiptIdOfBundle,
  tokensCommitmentData,
} from './commitment.ts';
export type { ErrorCode, Evidence } from './errors.ts';
export { ERROR_CODES, explainError, RunproofError } from './errors.ts';
export type { JsonLimits, JsonObject, JsonValue } from './json.ts';
export { decodeUtf8, isJsonObject, parseJson, shorten } from './json.ts';
export type { ModelManifest } from './model-manifest.ts';
export { digestOf, modelManifest } from './model-manifest.ts';
export type { RequestPrompt } from './prompt.ts';
export { promptOfRequest } from './prompt.ts';
export { bundleFromValue, encodeBundle, parseBundle, parseReceiptBody } from './receipt.ts';
export type { ResponseChoice } from './response.ts';
export { choiceOfResponse } from './response.ts';
export { deriveSeed, effectiveSampling } from './sampling.ts';
export { hkdfSha256, hmacSha256, sha256 } from './sha256.ts';
export { StreamReader } from './stream-reader.ts';
export type {
  Bundle,
  Disclosure,
  FinishReason,
  Level,
  Operation,
  ReceiptBody,
  ReplayDifference,
  ReplayOutcome,
  ReplayProgress,
  SamplingParameters,
} from './types.ts';
