// Reads a streamed response while it arrives: server-sent events with one JSON chunk each, then [DONE]
// (specs/receipt.md, Transport).
import { RunproofError } from './errors.ts';
import { type JsonObject, type JsonValue, parseJson } from './json.ts';
import { BUNDLE_LIMITS, CONTENT_LENGTH_MAX, EVENT_LENGTH_MAX } from './limits.ts';
import {
  choiceAt,
  contentString,
  messageContent,
  objectAt,
  parseFinishReason,
  parseUsage,
  responseError,
} from './response.ts';
import type { FinishReason, Operation, ReceiptBody } from './types.ts';

const CHUNK_LIMITS = { bytes: EVENT_LENGTH_MAX, depth: BUNDLE_LIMITS.depth + 4 } as const;

/**
 * Incremental reader of one stream. `push` throws `RESPONSE_SYNTAX`, `JSON_*`; after an error the reader must not be
 * used.
 */
export class StreamReader {
  readonly #operation: Operation;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #contents: string[] = [];
  #contentLength = 0;
  #line = '';
  #afterReturn = false;
  #data: string[] = [];
  #dataLength = 0;
  #finishReason: FinishReason | null = null;
  #usage: ReceiptBody['usage'] | null = null;
  #receipt: JsonValue | null = null;
  #error: JsonObject | null = null;
  #done = false;

  constructor(operation: Operation) {
    this.#operation = operation;
  }

  /** All text so far: the concatenation of the deltas of choice 0. */
  get content(): string {
    return this.#contents.join('');
  }

  get finishReason(): FinishReason | null {
    return this.#finishReason;
  }

  get usage(): ReceiptBody['usage'] | null {
    return this.#usage;
  }

  /** Value of `runproof.receipt`, for `bundleFromValue`; null until it came. */
  get receipt(): JsonValue | null {
    return this.#receipt;
  }

  /** The `error` object of a stream that failed after its first token. */
  get error(): JsonObject | null {
    return this.#error;
  }

  /** True after `[DONE]`, or after the error chunk that stands in its place. */
  get done(): boolean {
    return this.#done;
  }

  /** Reads more bytes, cut anywhere, and returns the text that they added. */
  push(bytes: Uint8Array): string {
    const before = this.#contents.length;
    this.#lines(this.#decode(bytes));
    return this.#contents.slice(before).join('');
  }

  /** To be called when the stream has ended: throws `RESPONSE_SYNTAX` when it was cut. */
  end(): void {
    this.#decode(undefined);
    if (!this.#done) throw responseError('The stream was cut: it ended before [DONE].', 'stream');
    if (this.#line !== '' || this.#data.length > 0) throw responseError('The stream goes on after [DONE].', 'stream');
    if (this.#finishReason === null && this.#error === null)
      throw responseError('The stream ended without a finish reason.', 'choices[0].finish_reason');
  }

  /** Text of `bytes`; undefined is the end, where no character may be half read. */
  #decode(bytes: Uint8Array | undefined): string {
    try {
      return bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new RunproofError('JSON_UNICODE', 'the stream is not UTF-8', {}, { cause });
    }
  }

  /** Splits at LF, CR LF and CR, all of which end a line of an event stream. */
  #lines(text: string): void {
    let from = 0;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      const isFeed = code === 0x0a;
      if (isFeed && this.#afterReturn) {
        from = index + 1;
      } else if (isFeed || code === 0x0d) {
        const line = this.#line + text.slice(from, index);
        this.#line = '';
        from = index + 1;
        this.#take(line);
      }
      this.#afterReturn = code === 0x0d;
    }
    this.#line += text.slice(from);
    if (this.#line.length > EVENT_LENGTH_MAX) throw responseError('An event of the stream is too long.', 'stream');
  }

  #take(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#event(this.#data.join('\n'));
      this.#data = [];
      this.#dataLength = 0;
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    if (name === '' || name === 'event' || name === 'id' || name === 'retry') return;
    if (name !== 'data') throw responseError('The stream has a line that is not of an event.', 'stream');
    const value = colon < 0 ? '' : line.slice(colon + 1);
    this.#data.push(value.startsWith(' ') ? value.slice(1) : value);
    this.#dataLength += value.length + 1;
    if (this.#dataLength > EVENT_LENGTH_MAX) throw responseError('An event of the stream is too long.', 'stream');
  }

  #event(data: string): void {
    if (this.#done) throw responseError('The stream goes on after [DONE].', 'stream');
    if (data === '[DONE]') {
      this.#done = true;
      return;
    }
    const chunk = objectAt(parseJson(data, CHUNK_LIMITS), 'chunk');
    if (chunk.error !== undefined && chunk.error !== null) {
      this.#error = objectAt(chunk.error, 'error');
      this.#done = true;
      return;
    }
    if (this.#receipt !== null) throw responseError('The receipt must be in the last chunk.', 'runproof');
    this.#choice(choiceAt(chunk, this.#operation));
    const usage = parseUsage(chunk.usage);
    const counted = this.#usage ?? usage;
    if (
      usage !== null &&
      (usage.prompt_tokens !== counted?.prompt_tokens || usage.completion_tokens !== counted.completion_tokens)
    ) {
      throw responseError('The stream has two different usages.', 'usage');
    }
    this.#usage = counted;
    const runproof = chunk.runproof;
    if (runproof !== undefined && runproof !== null)
      this.#receipt = objectAt(objectAt(runproof, 'runproof').receipt, 'runproof.receipt');
  }

  #choice(choice: JsonObject | null): void {
    if (choice === null) return;
    if (choice.message !== undefined)
      throw responseError('choices[0].message does not belong to a stream.', 'choices[0].message');
    const content =
      this.#operation === 'chat.completion'
        ? messageContent(choice.delta, 'choices[0].delta')
        : contentString(choice.text, 'choices[0].text');
    const finishReason = parseFinishReason(choice.finish_reason);
    if (this.#finishReason !== null)
      throw responseError('The stream has a choice after its finish reason.', 'choices[0]');
    this.#finishReason = finishReason;
    if (content === '') return;
    this.#contentLength += content.length;
    if (this.#contentLength > CONTENT_LENGTH_MAX)
      throw responseError(`The answer is longer than ${CONTENT_LENGTH_MAX} characters.`, 'choices[0]');
    this.#contents.push(content);
  }
}
