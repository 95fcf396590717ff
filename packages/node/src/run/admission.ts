// Who may run now, who waits, and who is told to come back later.
import { RunproofError } from '@runproof/protocol';
import type { Clock } from '../ports.ts';

interface AdmissionOptions {
  readonly concurrencyMax: number;
  readonly waitingMax: number;
  readonly queueMsMax: number;
  readonly clock: Clock;
}

interface Waiter {
  readonly admit: () => void;
  readonly refuse: (error: RunproofError) => void;
}

const RETRY_SECONDS_MAX = 60;
/** weight of the newest run in the mean duration */
const MEAN_WEIGHT = 0.2;

/** A first-in-first-out queue with two bounds: runs at work, and runs that wait. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #waiters = new Set<Waiter>();
  #running = 0;
  #meanMs = 1_000;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** True when a request that came now would be refused. */
  get full(): boolean {
    return this.#running >= this.#options.concurrencyMax && this.#waiters.size >= this.#options.waitingMax;
  }

  /** `OVERLOADED` or `SHUTTING_DOWN` when there is no room; costs nothing, so it is asked before a body is read. */
  assertRoom(): void {
    if (this.#closed) throw this.#shuttingDown();
    if (this.full) throw this.#overloaded('The queue is full.');
  }

  /**
   * Resolves, in the order of the calls, when there is a free place; the function that it gives must be called once the place
   * is free again. Rejects with `OVERLOADED` when the queue is full or the wait too long, with `SHUTTING_DOWN` after `close`,
   * and with `ABORTED` when `signal` fires first.
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    this.assertRoom();
    if (signal.aborted) throw new RunproofError('ABORTED', 'The client went away.');
    if (this.#running < this.#options.concurrencyMax) this.#running += 1;
    else await this.#wait(signal);
    const started = this.#options.clock.now();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const duration = Math.max(0, this.#options.clock.now() - started);
      this.#meanMs += MEAN_WEIGHT * (duration - this.#meanMs);
      this.#leave();
    };
  }

  /** Refuses everybody who waits and everybody who comes. Runs at work are not touched. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.refuse(this.#shuttingDown());
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        admit: () => {
          settle();
          resolve();
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.refuse(new RunproofError('ABORTED', 'The client went away.'));
      const timer = setTimeout(
        () => waiter.refuse(this.#overloaded('No turn came in time.')),
        this.#options.queueMsMax,
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** The place goes straight to the first who waits, so that nobody who comes later can take it. */
  #leave(): void {
    const [first] = this.#waiters;
    if (first === undefined) this.#running -= 1;
    else first.admit();
  }

  #overloaded(message: string): RunproofError {
    const turns = (this.#waiters.size + 1) / this.#options.concurrencyMax;
    const seconds = Math.min(RETRY_SECONDS_MAX, Math.max(1, Math.ceil((turns * this.#meanMs) / 1_000)));
    return new RunproofError('OVERLOADED', message, { retry_after_seconds: seconds });
  }

  #shuttingDown(): RunproofError {
    return new RunproofError('SHUTTING_DOWN', 'This node is shutting down.', { retry_after_seconds: 5 });
  }
}
