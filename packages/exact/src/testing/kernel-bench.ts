// One operation of the kernels on a bench, for tests that compare it with the scalar oracle, as bits.

import { bindKernels, KERNEL_VARIANTS, type Kernels } from '../engine/kernels.ts';
import { activationsOf, KERNEL_TYPES } from '../engine/layout.ts';
import type { TensorType } from '../interfaces.ts';
import { decodeMatrix, multiply } from '../oracle/linear.ts';

const HEADER = 1024;
const TAPE = 2048;
const STATUS = 4096;
const SOURCE = 65_536;
const WEIGHTS = 2 * 65_536;
const INPUT = 4 * 65_536;
const RECORDS = 5 * 65_536;
const OUTPUT = 6 * 65_536;

/** A bench for one operation: memory, kernels, and a tape of two. */
class Bench {
  readonly kernels: Kernels;
  readonly view: DataView;
  readonly bytes: Uint8Array;

  constructor(variant: (typeof KERNEL_VARIANTS)[number]) {
    const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
    this.kernels = bindKernels(variant, memory);
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
  }

  #operation(index: number, code: number, words: readonly number[]): void {
    [code, 0, ...words].forEach((word, place) => {
      this.view.setUint32(TAPE + index * 128 + place * 4, word, true);
    });
  }

  /** Repacks the tensor's bytes; false when the kernel refuses them. */
  load(type: TensorType, rows: number, cols: number, tensor: Uint8Array): boolean {
    this.bytes.fill(0, WEIGHTS, INPUT);
    this.bytes.set(tensor, SOURCE);
    return this.kernels.repack(KERNEL_TYPES[type], SOURCE, rows, cols, WEIGHTS) !== 0;
  }

  /** W x for each of `inputs`, or null for a row whose activations are not finite. */
  multiply(type: TensorType, rows: number, cols: number, inputs: readonly Float32Array[]): (Float32Array | null)[] {
    const groups = Math.ceil(rows / 8);
    inputs.forEach((input, token) => {
      input.forEach((value, k) => {
        this.view.setFloat32(INPUT + (token * cols + k) * 4, value, true);
      });
      this.view.setUint32(STATUS + token * 4, 0xffffffff, true);
    });
    const kind = activationsOf(type);
    const isBlocks = kind !== 'float';
    const stride = (cols / 32) * this.kernels.activationRecordBytes();
    this.#operation(0, 3, [INPUT, cols * 4, RECORDS, stride, cols / 32, kind === 'q4' ? 1 : 0, 1, STATUS, 7, 0]);
    const input = isBlocks ? [RECORDS, stride] : [INPUT, cols * 4];
    this.#operation(1, 4, [KERNEL_TYPES[type], WEIGHTS, groups, cols, ...input, OUTPUT, groups * 32, 0]);
    this.view.setUint32(HEADER + 12, inputs.length, true);
    this.kernels.execute(HEADER, TAPE, isBlocks ? 0 : 1, 2, 0, 1);
    return inputs.map((_, token) => {
      if (this.view.getUint32(STATUS + token * 4, true) !== 0xffffffff) return null;
      return Float32Array.from({ length: rows }, (__, row) =>
        this.view.getFloat32(OUTPUT + token * groups * 32 + row * 4, true),
      );
    });
  }
}

export const benches = KERNEL_VARIANTS.map((variant) => new Bench(variant));

function bitsOf(values: Float32Array): number[] {
  return [...new Uint32Array(Float32Array.from(values).buffer)];
}

interface Comparison {
  readonly wanted: (number[] | null)[];
  readonly got: (number[] | null)[];
}

/** Bits of W x by the oracle and by both variants of the kernels: all `inputs` as one batch, then each alone. */
export function compareWithOracle(
  type: TensorType,
  rows: number,
  cols: number,
  tensor: Uint8Array,
  inputs: readonly Float32Array[],
): Comparison[] {
  const matrix = decodeMatrix(type, rows, cols, tensor);
  const batches = [inputs, ...inputs.map((input) => [input])];
  const wanted = new Map(inputs.map((input) => [input, bitsOf(multiply(matrix, input, 'test'))]));
  return benches.flatMap((bench) => {
    if (!bench.load(type, rows, cols, tensor)) return [{ wanted: [], got: [null] }];
    return batches.map((batch) => ({
      wanted: batch.map((input) => wanted.get(input) ?? null),
      got: bench.multiply(type, rows, cols, batch).map((row) => row && bitsOf(row)),
    }));
  });
}
