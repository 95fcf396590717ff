// Strict JSON (RFC 8259 within RFC 7493): one meaning per text, or an error.
import { type ErrorCode, RunproofError } from './errors.ts';
import { JSON_LIMITS } from './limits.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** Objects made by `parseJson` have no prototype: `__proto__` and `constructor` are names like any other. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export interface JsonLimits {
  /** largest input, in bytes (in UTF-16 units for a string) */
  readonly bytes: number;
  /** deepest nesting of arrays and objects */
  readonly depth: number;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** With the u flag a paired surrogate is one character, so this finds lone ones only. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** True when every surrogate of `text` is one of a pair, so that UTF-8 can carry it. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/**
 * The first `lengthMax` UTF-16 units of a well-formed text, less one where that would halve a character: what a message
 * shows of hostile input.
 */
export function shorten(text: string, lengthMax = 64): string {
  const cut = text.slice(0, lengthMax);
  return isWellFormed(cut) ? cut : cut.slice(0, -1);
}

/** True for numbers that JSON carries without loss everywhere: finite, and integers within 2^53 - 1 (RFC 7493 §2.2). */
export function isInteroperableNumber(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

class JsonReader {
  readonly #text: string;
  readonly #depthMax: number;
  #position = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#position < this.#text.length) throw this.#error('JSON_SYNTAX', 'text after the JSON value');
    return value;
  }

  #error(code: ErrorCode, message: string, offset = this.#position): RunproofError {
    return new RunproofError(code, `${message} at character ${offset}`, { offset });
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#position += 1;
    }
  }

  #value(depth: number): JsonValue {
    this.#space();
    switch (this.#text[this.#position]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      case undefined:
        throw this.#error('JSON_SYNTAX', 'the JSON text ends early');
      default:
        return this.#number();
    }
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#position)) throw this.#error('JSON_SYNTAX', 'unexpected character');
    this.#position += word.length;
    return value;
  }

  #number(): number {
    NUMBER.lastIndex = this.#position;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#error('JSON_SYNTAX', 'unexpected character');
    const value = Number(digits);
    if (!isInteroperableNumber(value)) throw this.#error('JSON_NUMBER', 'a number that cannot be kept exactly');
    this.#position += digits.length;
    return value === 0 ? 0 : value; // -0 and 0 are one number in RFC 8785.
  }

  #string(): string {
    const start = this.#position;
    let from = start + 1;
    let decoded = '';
    for (let index = from; ; index += 1) {
      const code = this.#text.charCodeAt(index);
      if (code === QUOTE) {
        decoded += this.#text.slice(from, index);
        this.#position = index + 1;
        break;
      }
      if (code === BACKSLASH) {
        decoded += this.#text.slice(from, index);
        const [char, length] = this.#escape(index);
        decoded += char;
        index += length - 1;
        from = index + 1;
      } else if (!(code >= 0x20)) {
        // NaN, past the end, lands here too.
        throw this.#error('JSON_SYNTAX', 'a control character in a string, or a string without its end', index);
      }
    }
    if (!isWellFormed(decoded)) throw this.#error('JSON_UNICODE', 'a lone surrogate in the string', start);
    return decoded;
  }

  /** The character of the escape at `index`, and the number of characters that spell it. */
  #escape(index: number): readonly [string, number] {
    const kind = this.#text[index + 1] ?? '';
    const simple = ESCAPES.get(kind);
    if (simple !== undefined) return [simple, 2];
    const digits = this.#text.slice(index + 2, index + 6);
    if (kind !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#error('JSON_SYNTAX', 'an unknown escape', index);
    return [String.fromCharCode(Number.parseInt(digits, 16)), 6];
  }

  #descend(depth: number): void {
    if (depth > this.#depthMax) throw this.#error('JSON_DEPTH', `nesting deeper than ${this.#depthMax}`);
    this.#position += 1;
  }

  /** True when `close` follows (and is consumed); otherwise consumes the comma that must stand between members. */
  #ends(close: string, first: boolean): boolean {
    this.#space();
    const char = this.#text[this.#position];
    if (char === close) {
      this.#position += 1;
      return true;
    }
    if (first) return false;
    if (char !== ',') throw this.#error('JSON_SYNTAX', `expected , or ${close}`);
    this.#position += 1;
    return false;
  }

  #array(depth: number): JsonValue[] {
    this.#descend(depth);
    const items: JsonValue[] = [];
    while (!this.#ends(']', items.length === 0)) items.push(this.#value(depth));
    return items;
  }

  #object(depth: number): JsonObject {
    this.#descend(depth);
    const members = Object.create(null) as Record<string, JsonValue>;
    for (let first = true; !this.#ends('}', first); first = false) {
      this.#space();
      const start = this.#position;
      if (this.#text.charCodeAt(start) !== QUOTE) throw this.#error('JSON_SYNTAX', 'expected a name');
      const name = this.#string();
      if (name in members)
        throw this.#error('JSON_DUPLICATE_NAME', `the name ${JSON.stringify(shorten(name))} stands twice`, start);
      this.#space();
      if (this.#text[this.#position] !== ':') throw this.#error('JSON_SYNTAX', 'expected :');
      this.#position += 1;
      members[name] = this.#value(depth);
    }
    return members;
  }
}

/** Text of UTF-8 `bytes`; `JSON_UNICODE` where they are not UTF-8. A byte order mark stays in the text. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new RunproofError('JSON_UNICODE', 'the bytes are not UTF-8', {}, { cause });
  }
}

/**
 * Value of a JSON text (RFC 8259), given as UTF-8 bytes or as a string. Names occur once, strings hold no lone
 * surrogate, numbers are finite and
 * integers within 2^53 - 1; a byte order mark is an error. Objects have no prototype.
 * Errors: `JSON_SYNTAX`, `JSON_DUPLICATE_NAME`, `JSON_UNICODE`, `JSON_NUMBER`, `JSON_DEPTH`, `JSON_SIZE`; evidence
 * `{offset}` in UTF-16 units.
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits = JSON_LIMITS): JsonValue {
  if (input.length > limits.bytes) {
    throw new RunproofError('JSON_SIZE', `the JSON text is larger than ${limits.bytes} bytes`, {
      bytes: input.length,
      limit: limits.bytes,
    });
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  if (text.charCodeAt(0) === 0xfeff)
    throw new RunproofError('JSON_UNICODE', 'a byte order mark before the JSON text', { offset: 0 });
  return new JsonReader(text, limits.depth).document();
}

/** True for an object: not null, not an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
