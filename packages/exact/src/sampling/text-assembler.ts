// Text of an output, token by token (specs/exact-1.md §7.3): incremental UTF-8, and stop strings matched across tokens.
import { RunproofError } from '@runproof/protocol';

/** A stop string with the Knuth-Morris-Pratt table of its borders: the cost of a character does not depend on the string's length. */
class StopMatcher {
  readonly #text: string;
  /** borders[n]: length of the longest proper prefix of the first n characters that is also their suffix */
  readonly #borders: number[] = [0, 0];
  /** characters of the stop string that the text ends with */
  matched = 0;

  constructor(text: string) {
    this.#text = text;
    let border = 0;
    for (let length = 2; length <= text.length; length += 1) {
      while (border > 0 && text[border] !== text[length - 1]) border = this.#borders[border] as number;
      if (text[border] === text[length - 1]) border += 1;
      this.#borders[length] = border;
    }
  }

  get length(): number {
    return this.#text.length;
  }

  /** Takes the next character; true when it completes the stop string. */
  push(character: string): boolean {
    while (this.matched > 0 && this.#text[this.matched] !== character)
      this.matched = this.#borders[this.matched] as number;
    if (this.#text[this.matched] === character) this.matched += 1;
    return this.matched === this.#text.length;
  }
}

/** What became final with a token. */
export interface TextDelta {
  readonly text: string;
  /** a stop string was completed: `text` ends before it, and nothing may follow */
  readonly stopped: boolean;
}

/**
 * Assembles the text of an output. Bytes that are not UTF-8 become U+FFFD as the WHATWG decoder replaces them; an incomplete sequence, and text
 * that may yet become a stop string, are held back.
 */
export class TextAssembler {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #stops: readonly StopMatcher[];
  #held = '';
  #stopped = false;

  /** Errors: `PARAMETER_INVALID` for an empty stop string. */
  constructor(stop: readonly string[]) {
    if (stop.includes(''))
      throw new RunproofError('PARAMETER_INVALID', 'a stop string must not be empty', { parameter: 'stop' });
    this.#stops = stop.map((text) => new StopMatcher(text));
  }

  /** Appends the bytes of one token. */
  push(bytes: Uint8Array): TextDelta {
    if (this.#stopped) throw new RunproofError('INTERNAL', 'text after a stop string');
    const fresh = this.#decoder.decode(bytes, { stream: true });
    for (let index = 0; index < fresh.length; index += 1) {
      // The match that ends first counts, and of those that end together the longest. So the text depends on no token boundary.
      let length = 0;
      for (const stop of this.#stops) if (stop.push(fresh[index] as string)) length = Math.max(length, stop.length);
      if (length === 0) continue;
      this.#stopped = true;
      const text = this.#held + fresh.slice(0, index + 1);
      this.#held = '';
      return { text: text.slice(0, text.length - length), stopped: true };
    }
    const all = this.#held + fresh;
    const final = all.length - this.#stops.reduce((most, stop) => Math.max(most, stop.matched), 0);
    this.#held = all.slice(final);
    return { text: all.slice(0, final), stopped: false };
  }

  /** What was held back and is final when the output ends without a stop string. An incomplete sequence becomes U+FFFD; no stop string is sought in it. */
  end(): string {
    if (this.#stopped) return '';
    const text = this.#held + this.#decoder.decode();
    this.#held = '';
    this.#stopped = true;
    return text;
  }
}
