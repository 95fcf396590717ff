export { VerificationError } from './errors.ts';
export type { CheckOptions, Exchange, FetchFunction } from './exchange.ts';
export {
  extendPolicy,
  fetchTrustInfo,
  keyFingerprint,
  type PolicyChange,
  parseTrustInfo,
  type TrustInfo,
} from './trust.ts';
export { type VerifiedFetchOptions, verifiedFetch } from './verified-fetch.ts';
