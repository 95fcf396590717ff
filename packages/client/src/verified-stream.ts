// A stream of an answer that is passed on as it arrives, but never to its end before its receipt holds.
import { encodeCanonicalJson, type Operation, RunproofError, StreamReader, utf8 } from '@runproof/protocol';
import { VerificationError } from './errors.ts';
import { EventSplitter } from './event-splitter.ts';
import { joinBytes } from './read-bounded.ts';

interface VerifiedStreamOptions {
  readonly operation: Operation;
  /** Bytes of the whole stream, at most. */
  readonly bytesMax: number;
  /** Rejects when the stream `raw` does not hold by `receipt`, its bundle. `failed`: it ends in an error chunk. */
  readonly check: (raw: Uint8Array, receipt: Uint8Array, failed: boolean) => Promise<void>;
}

/** SDKs treat an event by its name where it has one, and its text would be lost: what was checked must be what they read. */
function assertUnnamed(event: Uint8Array): void {
  if (/^event/m.test(new TextDecoder().decode(event))) {
    throw new RunproofError('RESPONSE_SYNTAX', 'The stream has a named event.', { field: 'stream' });
  }
}

/** Reads events, decides what may be passed on, and checks the whole at its end. */
class StreamGuard {
  readonly #options: VerifiedStreamOptions;
  readonly #splitter: EventSplitter;
  readonly #reader: StreamReader;
  readonly #raw: Uint8Array[] = [];
  #total = 0;
  readonly #held: Uint8Array[] = [];

  constructor(options: VerifiedStreamOptions) {
    this.#options = options;
    this.#splitter = new EventSplitter(options.bytesMax);
    this.#reader = new StreamReader(options.operation);
  }

  /** True once `[DONE]`, or the error in its place, was read. */
  get ended(): boolean {
    return this.#reader.done;
  }

  /** Events of `bytes` that may be passed on now. From the finish reason on everything waits for the check. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#total += bytes.length;
    if (this.#total > this.#options.bytesMax) {
      throw new RunproofError('JSON_SIZE', `The stream is longer than ${this.#options.bytesMax} bytes.`, {
        bytes_max: this.#options.bytesMax,
      });
    }
    const passed: Uint8Array[] = [];
    for (const event of this.#splitter.push(bytes)) {
      assertUnnamed(event);
      this.#reader.push(event);
      this.#raw.push(event);
      const waits = this.#reader.finishReason !== null || this.#reader.receipt !== null || this.#reader.done;
      (waits ? this.#held : passed).push(event);
    }
    return passed;
  }

  /** Checks everything that was read; the events that were held back when it holds. */
  async finish(): Promise<Uint8Array[]> {
    const { receipt, done, error } = this.#reader;
    if (receipt === null || !done) {
      const what = receipt === null ? 'without a receipt' : 'before it was complete';
      throw new VerificationError('VERIFY_INCOMPLETE', `The stream ended ${what}.`, null, {
        evidence: { missing: ['receipt'] },
      });
    }
    await this.#options.check(joinBytes(this.#raw), utf8(encodeCanonicalJson(receipt)), error !== null);
    return this.#held;
  }
}

function asVerificationError(error: unknown): unknown {
  if (error instanceof VerificationError || !RunproofError.isInstance(error)) return error;
  const evidence = { ...error.evidence, failed: ['response.match'] };
  return new VerificationError('VERIFY_FAILED', `The stream cannot be checked: ${error.message}`, null, {
    evidence,
    cause: error,
  });
}

/**
 * `source`, a stream of server-sent events, with the same bytes. Text is passed on as it arrives; what says that the answer is whole (finish
 * reason, receipt, `[DONE]`) follows after `check`. When the receipt is missing or `check` rejects, the stream errors instead.
 */
export function verifiedStream(
  source: ReadableStream<Uint8Array>,
  options: VerifiedStreamOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = source.getReader();
  const guard = new StreamGuard(options);
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      const passed = done ? [] : guard.push(value);
      if (passed.length > 0) controller.enqueue(joinBytes(passed));
      if (done || guard.ended) {
        controller.enqueue(joinBytes(await guard.finish()));
        controller.close();
        // What may still come after the end is not wanted.
        reader.cancel().catch(() => {});
        return;
      }
      if (passed.length > 0) return;
    }
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          await pull(controller);
        } catch (error) {
          reader.cancel().catch(() => {});
          controller.error(asVerificationError(error));
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
