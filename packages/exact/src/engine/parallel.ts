// How several threads compute one tape. This package starts no threads: the host injects them.
import type { Kernels, KernelVariant } from './kernels.ts';

/** What a helper thread needs to take part: it binds the kernels to the memory and calls `execute` with these addresses. */
export interface KernelSetup {
  readonly variant: KernelVariant;
  readonly memory: WebAssembly.Memory;
  /** address of the header with the barrier */
  readonly header: number;
  /** address of the tape */
  readonly tape: number;
}

/** Runs operations `from` up to `to` of the tape; returns when all parts have finished. */
export type RunTape = (from: number, to: number) => void;

/**
 * Threads that share the work. The calling thread is part 0; helpers are parts 1 … parts − 1 and must call
 * `execute(header, tape, from, to, part, parts)` for every run, concurrently with part 0: the kernels wait for each other.
 */
export interface ParallelRunner {
  readonly parts: number;
  /** Called once, when the memory exists. */
  start(setup: KernelSetup, kernels: Kernels): RunTape;
}

/** Everything in the calling thread. */
export const serialRunner: ParallelRunner = {
  parts: 1,
  start:
    (setup, kernels) =>
    (from, to): void =>
      kernels.execute(setup.header, setup.tape, from, to, 0, 1),
};
