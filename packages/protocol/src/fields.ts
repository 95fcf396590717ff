// Reading the fields of a received object: each reader gives the value in its one canonical form, or `RECEIPT_SYNTAX`
// naming the place.
import { RunproofError } from './errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, shorten } from './json.ts';

const HEX32 = /^[0-9a-f]{64}$/;
export const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function fieldError(field: string, expected: string): RunproofError {
  return new RunproofError('RECEIPT_SYNTAX', `${field} must be ${expected}.`, { field });
}

/** `value` as an object with exactly the fields `names`. */
export function exactObject(value: JsonValue | undefined, field: string, names: readonly string[]): JsonObject {
  const record = anyObject(value, field);
  for (const name of Object.keys(record)) {
    // The name is the attacker's: it is shown, but not at any length.
    const shown = shorten(name);
    if (!names.includes(name))
      throw new RunproofError('RECEIPT_SYNTAX', `${field} has an unknown field ${JSON.stringify(shown)}.`, {
        field: `${field}.${shown}`,
      });
  }
  for (const name of names) {
    if (record[name] === undefined)
      throw new RunproofError('RECEIPT_SYNTAX', `${field} lacks the field ${name}.`, { field: `${field}.${name}` });
  }
  return record;
}

export function anyObject(value: JsonValue | undefined, field: string): JsonObject {
  if (!isJsonObject(value)) throw fieldError(field, 'an object');
  return value;
}

export function arrayOf<T>(
  value: JsonValue | undefined,
  field: string,
  max: number,
  parse: (item: JsonValue, field: string) => T,
): T[] {
  if (!Array.isArray(value)) throw fieldError(field, 'an array');
  if (value.length > max) throw fieldError(field, `an array of at most ${max} items`);
  return value.map((item: JsonValue, index) => parse(item, `${field}[${index}]`));
}

export function text(value: JsonValue | undefined, field: string, lengthMax: number): string {
  if (typeof value !== 'string') throw fieldError(field, 'a string');
  if (value.length > lengthMax) throw fieldError(field, `a string of at most ${lengthMax} characters`);
  return value;
}

export function pattern(value: JsonValue | undefined, field: string, form: RegExp, expected: string): string {
  if (typeof value !== 'string' || !form.test(value)) throw fieldError(field, expected);
  return value;
}

export function hex32(value: JsonValue | undefined, field: string): string {
  return pattern(value, field, HEX32, '64 lower-case hex digits');
}

export function digest(value: JsonValue | undefined, field: string): string {
  return pattern(value, field, DIGEST, 'sha256: and 64 lower-case hex digits');
}

export function oneOf<T extends string>(value: JsonValue | undefined, field: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw fieldError(field, `one of ${words.join(', ')}`);
  return word;
}

/** An integer from `min` to `max`. */
export function integer(
  value: JsonValue | undefined,
  field: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw fieldError(field, `an integer from ${min} to ${max}`);
  }
  return value;
}
