// The body of a streamed answer: events go out as they come, a slow reader holds the run back, one that is gone ends it.

const encoder = new TextEncoder();

interface EventStreamOptions {
  /** bytes that may wait for the reader before `ready` holds the writer back */
  readonly bufferBytes: number;
  /** how long the reader may leave that buffer full */
  readonly stallMsMax: number;
  /** called when the reader went away */
  readonly onLost: () => void;
  /** called when the reader has read nothing for too long; it may still read what is written from then on */
  readonly onStalled: () => void;
}

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: EventStreamOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #lost = false;
  #unbounded = false;
  #resume: (() => void) | null = null;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#release(),
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

  /** Undefined when there is room, otherwise a promise for it. Resolves also when the reader is lost or has stalled. */
  ready(): Promise<void> | undefined {
    if (this.#lost || this.#unbounded || (this.#controller?.desiredSize ?? 1) > 0) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#options.onStalled();
        this.unbind();
      }, this.#options.stallMsMax);
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

  /** Nobody reads any more. */
  lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    try {
      this.#controller?.close();
    } catch {
      // A stream that its reader cancelled is closed already.
    }
    this.#release();
    this.#options.onLost();
  }

  /** Holds the writer back no more: its run is being stopped, and what is still to say is little. */
  unbind(): void {
    this.#unbounded = true;
    this.#release();
  }

  #release(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }
}
