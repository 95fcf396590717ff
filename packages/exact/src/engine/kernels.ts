/// <reference path="./webassembly.d.ts" />
// The compiled kernels: which variant this machine can run, and their bindings.
import { concatBytes, parseBase64, RunproofError, sha256 } from '@runproof/protocol';
import { PLAIN, RELAXED } from './generated/kernels.ts';

export const KERNEL_VARIANTS = ['relaxed', 'plain'] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

/** The functions of a kernel module. Addresses are byte offsets in the memory. */
export interface Kernels {
  /** Executes operations `from` up to `to` of the tape as part `part` of `parts`; see kernels/assembly/index.ts. */
  execute(header: number, tape: number, from: number, to: number, part: number, parts: number): void;
  /** Repacks rows of the file into groups of 8; 0 when a weight or scale is not finite. */
  repack(type: number, source: number, rows: number, cols: number, target: number): number;
  /** bytes of one activation record in this variant */
  activationRecordBytes(): number;
}

/** Bytes of the Wasm module of `variant`: the same as packages/exact/wasm/exact-1-<variant>.wasm. */
export function kernelBytes(variant: KernelVariant): Uint8Array {
  const bytes = parseBase64(variant === 'relaxed' ? RELAXED : PLAIN);
  if (bytes === null) throw new RunproofError('INTERNAL', 'the embedded kernels are damaged');
  return bytes;
}

/** The best variant that this engine can run. Error: `ENGINE_CPU_UNSUPPORTED`. */
export function detectVariant(): KernelVariant {
  const found = KERNEL_VARIANTS.find((variant) => WebAssembly.validate(kernelBytes(variant)));
  if (found !== undefined) return found;
  throw new RunproofError(
    'ENGINE_CPU_UNSUPPORTED',
    'This JavaScript engine or processor has no WebAssembly SIMD with shared memory.',
  );
}

/** Refuses a variant that this machine cannot run. Error: `ENGINE_CPU_UNSUPPORTED`. */
export function assertVariant(variant: KernelVariant): void {
  if (WebAssembly.validate(kernelBytes(variant))) return;
  const what =
    variant === 'relaxed' ? 'WebAssembly relaxed SIMD; use the plain variant' : 'WebAssembly SIMD with shared memory';
  throw new RunproofError('ENGINE_CPU_UNSUPPORTED', `This JavaScript engine or processor has no ${what}.`);
}

/** SHA-256 over both modules, relaxed first: the `engine.build` of specs/receipt.md, field 2, without its prefix. */
export function kernelsDigest(): Uint8Array {
  return sha256(concatBytes(...KERNEL_VARIANTS.map(kernelBytes)));
}

/** Binds the kernels of `variant` to a shared memory. Every thread that computes makes its own binding. */
export function bindKernels(variant: KernelVariant, memory: WebAssembly.Memory): Kernels {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(kernelBytes(variant)), { env: { memory } });
  return instance.exports as unknown as Kernels;
}
