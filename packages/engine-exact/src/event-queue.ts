// Events of one run between the worker's messages and the consumer's loop.
import type { RunEvent } from '@runproof/node';

/** A queue with one consumer. It is bounded by the credit that the worker got, not here. */
export class EventQueue {
  readonly #events: RunEvent[] = [];
  #wake: (() => void) | null = null;

  push(event: RunEvent): void {
    this.#events.push(event);
    this.#wake?.();
    this.#wake = null;
  }

  async next(): Promise<RunEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
