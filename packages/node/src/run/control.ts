// The reins of one run: every reason to stop it, and every deadline, meet here.
import { RunproofError } from '@runproof/protocol';
import type { NodeLimits } from '../config.ts';

/** Why a run was stopped from outside. The first cause stands. */
export type Stop = { readonly reason: 'abort' } | { readonly reason: 'error'; readonly error: RunproofError };

function deadline(what: string, milliseconds: number): Stop {
  const error = new RunproofError('DEADLINE_EXCEEDED', `${what} took longer than ${milliseconds} ms.`, {
    deadline_ms: milliseconds,
  });
  return { reason: 'error', error };
}

export class RunControl {
  readonly #limits: NodeLimits;
  readonly #controller = new AbortController();
  readonly #whole: NodeJS.Timeout;
  #gap: NodeJS.Timeout;
  #firstToken = true;
  #waiting = false;
  #stopped: Stop | null = null;
  #patience: NodeJS.Timeout | null = null;
  #gaveUp = false;
  #closed = false;
  #giveUp: (error: RunproofError) => void = () => {};

  /** The clocks of the whole run and of the first token start now. `close` must be called. */
  constructor(limits: NodeLimits) {
    this.#limits = limits;
    this.#whole = setTimeout(() => this.stop(deadline('The run', limits.runMsMax)), limits.runMsMax);
    this.#gap = setTimeout(() => this.#late('The first token', limits.firstTokenMsMax), limits.firstTokenMsMax);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get stopped(): Stop | null {
    return this.#stopped;
  }

  stop(stop: Stop): void {
    if (this.#stopped !== null) return;
    this.#stopped = stop;
    if (this.#closed) return;
    this.#patience = setTimeout(() => {
      this.#gaveUp = true;
      this.#giveUp(this.#disobeyed());
    }, this.#limits.abortMsMax);
    this.#controller.abort();
  }

  /**
   * Settles as the promise of `start` does. The clock of the next token runs only while something waits here, so that a slow
   * reader does not count as a slow engine. Rejects when the engine has not obeyed a stop for `abortMsMax`.
   */
  wait<Value>(start: () => Promise<Value>): Promise<Value> {
    this.#waiting = true;
    if (!this.#firstToken) this.#gap.refresh();
    return new Promise<Value>((resolve, reject) => {
      this.#giveUp = reject;
      if (this.#gaveUp) throw this.#disobeyed();
      start().then(resolve, reject);
    }).finally(() => {
      this.#waiting = false;
    });
  }

  /** From here on the clock of the gap between tokens runs, instead of that of the first one. */
  tokenArrived(): void {
    if (!this.#firstToken) return;
    this.#firstToken = false;
    clearTimeout(this.#gap);
    this.#gap = setTimeout(() => this.#late('The next token', this.#limits.tokenGapMsMax), this.#limits.tokenGapMsMax);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#whole);
    clearTimeout(this.#gap);
    if (this.#patience !== null) clearTimeout(this.#patience);
  }

  #late(what: string, milliseconds: number): void {
    if (this.#waiting) this.stop(deadline(what, milliseconds));
  }

  #disobeyed(): RunproofError {
    return new RunproofError(
      'INTERNAL',
      `The engine did not end a run ${this.#limits.abortMsMax} ms after it was told to.`,
    );
  }
}
