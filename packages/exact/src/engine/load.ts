// Loads a model into Wasm memory: plan, allocate once, stream the weights, write the tape.
import { RunproofError } from '@runproof/protocol';
import { readGguf } from '../gguf/reader.ts';
import type { GgufFile } from '../gguf/types.ts';
import type { ByteSource } from '../interfaces.ts';
import { readModelConfig } from '../model/config.ts';
import { tensorPlan } from '../model/plan.ts';
import { assertVariant, bindKernels, detectVariant, type KernelVariant } from './kernels.ts';
import { planLayout } from './layout.ts';
import { type ParallelRunner, serialRunner } from './parallel.ts';
import { writeTape } from './tape.ts';
import { type BatchModel, WasmModel } from './wasm-model.ts';
import { type LoadProgress, loadWeights } from './weights.ts';

export interface LoadOptions {
  /** header of the file, when the caller has read it already */
  readonly file?: GgufFile;
  /** the best one of this machine when absent */
  readonly variant?: KernelVariant;
  /** the calling thread alone when absent */
  readonly runner?: ParallelRunner;
  /** rows of one pass through the model, 1 … 1024; 128 when absent */
  readonly batchRows?: number;
  /** sequences at a time, 1 … 1024; 64 when absent */
  readonly sequences?: number;
  /** positions of all sequences together; up to eight contexts within 2 GiB and the memory that is left, when absent */
  readonly kvPositions?: number;
  readonly onProgress?: LoadProgress;
}

function bounded(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= 1024) return value;
  throw new RunproofError('CONFIG_INVALID', `${what} is ${value}, expected 1 to 1024`);
}

function allocate(bytes: number): WebAssembly.Memory {
  const pages = bytes / 65_536;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new RunproofError(
      'MODEL_UNSUPPORTED',
      `This machine gives no ${bytes} bytes of memory for the model.`,
      { needed: bytes },
      { cause },
    );
  }
}

/**
 * Loads the model of a GGUF file for contract exact-1 (specs/exact-1.md). The file is read once, in ascending order after its
 * header, and never held twice.
 *
 * Errors: those of `readGguf`, `readModelConfig` and `tensorPlan`; `MODEL_NONFINITE`; `MODEL_UNSUPPORTED` with the numbers for a
 * model beyond 4 GiB; `ENGINE_CPU_UNSUPPORTED`; `CONFIG_INVALID`.
 */
export async function loadExactModel(source: ByteSource, options: LoadOptions = {}): Promise<BatchModel> {
  const variant = options.variant ?? detectVariant();
  assertVariant(variant);
  const runner = options.runner ?? serialRunner;
  const batchRows = bounded(options.batchRows ?? 128, 'batchRows');
  const sequences = bounded(options.sequences ?? 64, 'sequences');
  const file = options.file ?? (await readGguf(source));
  const config = await readModelConfig(source, file);
  const plan = tensorPlan(config, file);

  // A record's size is a property of the variant, and the plan needs it before the memory exists.
  const recordBytes = bindKernels(
    variant,
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
  ).activationRecordBytes();
  const limits = {
    parts: bounded(runner.parts, 'parts'),
    batchRows,
    sequences,
    recordBytes,
    kvPositions: options.kvPositions ?? null,
  };
  const layout = planLayout(config, plan, limits);
  const memory = allocate(layout.bytes);
  const kernels = bindKernels(variant, memory);
  await loadWeights(source, layout, kernels, new Uint8Array(memory.buffer), options.onProgress);
  const tape = writeTape(config, layout, memory.buffer, recordBytes);
  const run = runner.start({ variant, memory, header: layout.header, tape: layout.tape }, kernels);
  return new WasmModel({ config, variant, layout, tape, buffer: memory.buffer, batchRows, sequences, run });
}
