// The lead's side of its helper threads.
import type { KernelSetup, ParallelRunner } from '@runproof/exact';
import { CONTROL } from './messages.ts';

/** A runner that shares every tape run with `threads` - 1 helpers. They are started with `onSetup`, before the first run. */
export function sharedRunner(
  threads: number,
  control: SharedArrayBuffer,
  onSetup: (setup: KernelSetup) => void,
): ParallelRunner {
  const words = new Int32Array(control);
  return {
    parts: threads,
    start(setup, kernels) {
      onSetup(setup);
      return (from, to) => {
        if (threads > 1) {
          // Helpers read the range after they see the new epoch; the barriers of the tape keep them from missing one.
          Atomics.store(words, CONTROL.from, from);
          Atomics.store(words, CONTROL.to, to);
          Atomics.add(words, CONTROL.epoch, 1);
          Atomics.notify(words, CONTROL.epoch);
        }
        kernels.execute(setup.header, setup.tape, from, to, 0, threads);
      };
    },
  };
}

/** Lets the helpers leave their loop. */
export function stopHelpers(control: SharedArrayBuffer): void {
  const words = new Int32Array(control);
  Atomics.store(words, CONTROL.stop, 1);
  Atomics.add(words, CONTROL.epoch, 1);
  Atomics.notify(words, CONTROL.epoch);
}
