// Checks of a receipt against the request that the client sent. The request is the caller's own; the body is the node's
// claim.
import {
  type Bundle,
  commit,
  deriveSeed,
  effectiveSampling,
  encodeCanonicalJson,
  isJsonObject,
  type JsonObject,
  parseHex,
  parseJson,
  promptOfRequest,
  type ReceiptBody,
  RunproofError,
  type SamplingParameters,
  shorten,
} from '@runproof/protocol';
import type { Policy } from '@runproof/tlog';
import { mismatch } from './report.ts';
import { assertAnswerable } from './request-fields.ts';

/** `request.match`: the body commits to exactly these bytes. */
export function checkRequest(bundle: Bundle, request: Uint8Array): { detail: string; value: true } {
  const got = commit(parseHex(bundle.salt), 'request', request);
  if (got !== bundle.body.request) {
    throw mismatch('REQUEST_MISMATCH', 'The receipt commits to another request.', {
      expected: bundle.body.request,
      got,
    });
  }
  return { detail: `${request.length} bytes`, value: true };
}

/** The request as an object; its bytes have passed `request.match`. */
function parseRequest(request: Uint8Array): JsonObject {
  const value = parseJson(request);
  if (!isJsonObject(value)) throw new RunproofError('JSON_SYNTAX', 'The request is not a JSON object.');
  return value;
}

/**
 * The name or digest that the request asks for is the body's, and where the policy gives that name, it gives it to this
 * digest.
 */
function assertModel(body: ReceiptBody, request: JsonObject, policy: Policy): void {
  const wanted = request.model;
  if (wanted === undefined || wanted === null) return;
  const { name, digest } = body.model;
  const named = policy.models.filter((model) => model.name === wanted);
  const known = named.length === 0 || named.some((model) => model.digest === digest);
  if (known && (wanted === name || wanted === digest)) return;
  const shown = typeof wanted === 'string' ? shorten(wanted, 128) : typeof wanted;
  throw mismatch('PARAMETER_MISMATCH', 'The request asks for another model.', {
    parameter: 'model',
    expected: shown,
    got: `${name} ${digest}`,
  });
}

/**
 * `request.parameters`: each effective parameter is what the request sets, or the default. `max_tokens` may be less
 * than what was asked for,
 * never more: how many positions the node had is not in the receipt.
 */
export function checkParameters(
  body: ReceiptBody,
  requestBytes: Uint8Array,
  policy: Policy,
): { detail: string; value: JsonObject } {
  const request = parseRequest(requestBytes);
  assertAnswerable(request, body.operation);
  promptOfRequest(body.operation, request);
  assertModel(body, request, policy);
  const expected = effectiveSampling(request, {
    requestBytes,
    nonce: body.nonce,
    maxTokensAvailable: body.sampling.max_tokens,
  });
  for (const name of Object.keys(expected) as (keyof SamplingParameters)[]) {
    if (name === 'seed') continue; // seed.match
    const [wanted, used] = [encodeCanonicalJson(expected[name]), encodeCanonicalJson(body.sampling[name])];
    if (wanted !== used)
      throw mismatch('PARAMETER_MISMATCH', `${name} was ${used}, not ${wanted}.`, {
        parameter: name,
        expected: wanted,
        got: used,
      });
  }
  const asked = request.max_completion_tokens ?? request.max_tokens ?? null;
  const limit =
    asked === null || asked === expected.max_tokens
      ? `${expected.max_tokens}`
      : `${expected.max_tokens} of the ${String(asked)}`;
  return {
    detail: `temperature ${expected.temperature}, at most ${limit} tokens, and the others as asked for`,
    value: request,
  };
}

/** `seed.match`: the provider has neither chosen nor ground the seed. */
export function checkSeed(body: ReceiptBody, requestBytes: Uint8Array): { detail: string; value: true } {
  const seed = parseRequest(requestBytes).seed ?? null;
  const expected = deriveSeed(seed, requestBytes, parseHex(body.nonce));
  if (expected !== body.sampling.seed) {
    throw mismatch('SEED_MISMATCH', 'The sampling seed does not follow from request and nonce.', {
      expected,
      got: body.sampling.seed,
    });
  }
  return {
    detail: seed === null ? 'derived from request and nonce' : 'derived from the seed of the request',
    value: true,
  };
}
