export { VerificationError } from './errors.ts';
export type { CheckOptions, Exchange, FetchFunction } from './exchange.ts';
export { extendPolicy, fetchTrustInfo, keyFingerprint, parseTrustInfo, type PolicyChange, type TrustInfo } from './trust.ts';
export { type VerifiedFetchOptions, verifiedFetch } from './verified-fetch.ts';
