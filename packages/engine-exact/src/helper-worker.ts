// A helper thread: computes its part of every tape run, and sleeps between them.
import { parentPort, workerData } from 'node:worker_threads';
import { bindKernels } from '@runproof/exact';
import { CONTROL, type HelperData } from './messages.ts';

/** Loads of the epoch before sleeping: tokens follow each other within microseconds, a wake-up costs tens of them. */
const SPINS = 20_000;

const { setup, control, part, parts } = workerData as HelperData;
const words = new Int32Array(control);
const kernels = bindKernels(setup.variant, setup.memory);
let epoch = 0;
parentPort?.postMessage('ready');

for (;;) {
  for (let spin = 0; spin < SPINS && Atomics.load(words, CONTROL.epoch) === epoch; spin += 1);
  while (Atomics.load(words, CONTROL.epoch) === epoch) Atomics.wait(words, CONTROL.epoch, epoch);
  epoch = Atomics.load(words, CONTROL.epoch);
  if (Atomics.load(words, CONTROL.stop) !== 0) break;
  kernels.execute(
    setup.header,
    setup.tape,
    Atomics.load(words, CONTROL.from),
    Atomics.load(words, CONTROL.to),
    part,
    parts,
  );
}
