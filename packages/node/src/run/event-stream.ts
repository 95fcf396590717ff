// The body of a streamed answer: events go out as they come, a slow reader holds the run back, a lost one ends it.

const encoder = new TextEncoder();

export interface EventStreamOptions {
  /** bytes that may wait for the reader before `ready` holds the writer back */
  readonly bufferBytes: number;
  /** how long the reader may leave that buffer full */
  readonly stallMsMax: number;
  /** called once, when the reader went away or read nothing for too long */
  readonly onLost: () => void;
}

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: EventStreamOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #lost = false;
  #resume: (() => void) | null = null;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.release(),
        cancel: () => this.lose(),
      },
      { highWaterMark: options.bufferBytes, size: (chunk) => chunk.byteLength },
    );
  }

  /** True when nobody reads any more; what is written then goes nowhere. */
  get lost(): boolean {
    return this.#lost;
  }

  write(text: string): void {
    if (!this.#lost) this.#controller?.enqueue(encoder.encode(text));
  }

  /** Undefined when there is room, otherwise a promise for it. Resolves also when the reader is lost. */
  ready(): Promise<void> | undefined {
    if (this.#lost || (this.#controller?.desiredSize ?? 1) > 0) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.lose(), this.#options.stallMsMax);
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#controller?.close();
  }

  /** The reader is gone, or is treated as gone: its connection ends without the end of the answer. */
  lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    try {
      this.#controller?.error(new Error('the reader of the stream was lost'));
    } catch {
      // A cancelled stream is closed already.
    }
    this.release();
    this.#options.onLost();
  }

  /** Lets a held writer go on, room or not. */
  release(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }
}
