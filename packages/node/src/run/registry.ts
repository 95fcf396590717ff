// The runs that are not settled yet: a node does not leave before the last of them is sealed.
import type { RunControl, Stop } from './control.ts';

export class RunRegistry {
  readonly #open = new Set<RunControl>();
  #idle: (() => void)[] = [];

  get size(): number {
    return this.#open.size;
  }

  /** The function that it returns is called when the run is sealed, or has failed to be. */
  open(control: RunControl): () => void {
    this.#open.add(control);
    return () => {
      if (!this.#open.delete(control) || this.#open.size > 0) return;
      for (const resolve of this.#idle) resolve();
      this.#idle = [];
    };
  }

  stopAll(stop: Stop): void {
    for (const control of this.#open) control.stop(stop);
  }

  /** Resolves when no run is open. */
  idle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }
}
