// Typed, strict access to the metadata of a GGUF file. The file is untrusted: a wrong type is `MODEL_SYNTAX` with the key's name.
import { RunproofError } from '@runproof/protocol';
import type { GgufValue } from '../gguf/types.ts';

export type Metadata = ReadonlyMap<string, GgufValue>;

export function syntaxError(key: string, problem: string): RunproofError {
  return new RunproofError('MODEL_SYNTAX', `${key}: ${problem}`, { key });
}

/** The string at `key`, or null when the file has none. */
export function optionalString(metadata: Metadata, key: string): string | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  if (typeof value !== 'string') throw syntaxError(key, 'expected a string');
  return value;
}

/** The boolean at `key`, or null when the file has none. */
export function optionalBoolean(metadata: Metadata, key: string): boolean | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  if (typeof value !== 'boolean') throw syntaxError(key, 'expected a boolean');
  return value;
}

/** The token id at `key`, or null when the file has none. Ids outside of the vocabulary are refused. */
export function optionalId(metadata: Metadata, key: string, vocabSize: number): number | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= vocabSize) {
    throw syntaxError(key, `expected a token id below ${vocabSize}`);
  }
  return value;
}

function list(metadata: Metadata, key: string): readonly GgufValue[] {
  const value = metadata.get(key);
  if (value === undefined) throw syntaxError(key, 'missing');
  if (!Array.isArray(value)) throw syntaxError(key, 'expected an array');
  return value;
}

/** The strings at `key`, at most `countMax` of at most `lengthMax` UTF-16 units each. */
export function stringList(metadata: Metadata, key: string, countMax: number, lengthMax: number): readonly string[] {
  const values = list(metadata, key);
  if (values.length > countMax) throw syntaxError(key, `${values.length} entries, at most ${countMax} are allowed`);
  for (const value of values) {
    if (typeof value !== 'string') throw syntaxError(key, 'expected an array of strings');
    if (value.length > lengthMax) throw syntaxError(key, `an entry is longer than ${lengthMax} characters`);
  }
  return values as readonly string[];
}

/** The `count` finite numbers at `key`. */
export function numberList(metadata: Metadata, key: string, count: number): readonly number[] {
  const values = list(metadata, key);
  if (values.length !== count) throw syntaxError(key, `${values.length} entries for ${count} tokens`);
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw syntaxError(key, 'expected an array of finite numbers');
  }
  return values as readonly number[];
}
