// JSON Canonicalization Scheme (RFC 8785): one value, one byte string.
import { RunproofError } from './errors.ts';
import { decodeUtf8, isInteroperableNumber, isWellFormed, type JsonLimits, type JsonValue, parseJson } from './json.ts';
import { JSON_LIMITS } from './limits.ts';

function encodeString(text: string): string {
  if (!isWellFormed(text)) throw new RunproofError('JSON_UNICODE', 'a lone surrogate has no UTF-8 form');
  return JSON.stringify(text); // RFC 8785 §3.2.2.2 takes its escapes from ECMAScript.
}

/** Only plain objects: the members of a typed array or a Map would be a silent surprise. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function encodeObject(value: object, depth: number): string {
  if (!isPlain(value)) throw new RunproofError('JSON_SYNTAX', 'only plain objects have a JSON form');
  // The default order of sort is by UTF-16 code units, as RFC 8785 §3.2.3 asks.
  const members = Object.keys(value)
    .sort()
    .map((name) => `${encodeString(name)}:${encode((value as Record<string, unknown>)[name], depth)}`);
  return `{${members.join(',')}}`;
}

function encode(value: unknown, depth: number): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') {
    if (!isInteroperableNumber(value)) throw new RunproofError('JSON_NUMBER', `${value} has no exact JSON form`);
    return JSON.stringify(value); // RFC 8785 §3.2.2.3 takes its numbers from ECMAScript; -0 becomes 0.
  }
  if (typeof value !== 'object') throw new RunproofError('JSON_SYNTAX', `${typeof value} has no JSON form`);
  if (depth >= JSON_LIMITS.depth) throw new RunproofError('JSON_DEPTH', `nesting deeper than ${JSON_LIMITS.depth}`);
  if (Array.isArray(value)) return `[${Array.from(value, (item) => encode(item, depth + 1)).join(',')}]`;
  return encodeObject(value, depth + 1);
}

/**
 * Canonical text of a JSON-compatible value (RFC 8785): sorted names, no white space. Throws `JSON_SYNTAX` for what is
 * not JSON (undefined,
 * functions, class instances), `JSON_NUMBER`, `JSON_UNICODE`, `JSON_DEPTH` under the same rules as `parseJson`.
 */
export function encodeCanonicalJson(value: unknown): string {
  return encode(value, 0);
}

/**
 * Value of a canonical text; every other spelling of the same value is `JSON_NOT_CANONICAL`. Other errors as
 * `parseJson`.
 */
export function parseCanonicalJson(input: Uint8Array | string, limits: JsonLimits = JSON_LIMITS): JsonValue {
  const value = parseJson(input, limits);
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  const canonical = encodeCanonicalJson(value);
  if (canonical === text) return value;
  let offset = 0;
  while (canonical[offset] === text[offset]) offset += 1;
  throw new RunproofError('JSON_NOT_CANONICAL', `not the canonical spelling from character ${offset} on`, { offset });
}
