// Server-sent events as byte strings, each with its blank line.
import { RunproofError } from '@runproof/protocol';
import { joinBytes } from './read-bounded.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * Cuts a byte stream after every blank line. Lines end in LF: a CR, which other readers take for a line end, is `JSON_SYNTAX`.
 * Reason: what is checked and what an SDK reads out of the same bytes must be the same events.
 */
export class EventSplitter {
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #lineIsEmpty = true;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The events that became whole with `bytes`. */
  push(bytes: Uint8Array): Uint8Array[] {
    if (bytes.includes(CARRIAGE_RETURN)) throw new RunproofError('JSON_SYNTAX', 'The stream has a carriage return.');
    const events: Uint8Array[] = [];
    let start = 0;
    for (let position = 0; position < bytes.length; ) {
      const end = bytes.indexOf(LINE_FEED, position);
      if (end < 0) {
        this.#lineIsEmpty = false;
        break;
      }
      const blank = end === position && this.#lineIsEmpty;
      this.#lineIsEmpty = true;
      position = end + 1;
      if (!blank) continue;
      events.push(this.#take(bytes.subarray(start, position)));
      start = position;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
    return events;
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#bytesMax)
      throw new RunproofError('JSON_SIZE', `An event is larger than ${this.#bytesMax} bytes.`);
    this.#parts.push(part.slice());
  }

  #take(last: Uint8Array): Uint8Array {
    const event = this.#parts.length === 0 ? last : joinBytes([...this.#parts, last]);
    this.#parts = [];
    this.#length = 0;
    return event;
  }
}
