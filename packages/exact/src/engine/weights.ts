// Streams the weights of a file into their places: tensor by tensor in the order of the file, in chunks, repacked on the way.
import { RunproofError } from '@runproof/protocol';
import type { ByteSource } from '../interfaces.ts';
import type { Kernels } from './kernels.ts';
import { groupBytes, KERNEL_TYPES, type Layout, type PlacedTensor } from './layout.ts';

/** Bytes of weights that are in place, and of all. */
export type LoadProgress = (done: number, total: number) => void;

function nonFinite(name: string): RunproofError {
  return new RunproofError('MODEL_NONFINITE', `tensor ${name} holds a weight or scale that is NaN or infinite`, {
    tensor: name,
  });
}

async function readExactly(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) throw new RunproofError('MODEL_SYNTAX', 'the file became shorter while it was read');
  return bytes;
}

async function loadVector(source: ByteSource, placed: PlacedTensor, memory: Uint8Array): Promise<void> {
  const { info } = placed.tensor;
  const bytes = await readExactly(source, info.offset, info.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 4) {
    if (!Number.isFinite(view.getFloat32(at, true))) throw nonFinite(info.name);
  }
  memory.set(bytes, placed.address);
}

/** Loads every placed tensor. Errors: `MODEL_NONFINITE` names the tensor, `MODEL_SYNTAX` a file that ends early. */
export async function loadWeights(
  source: ByteSource,
  layout: Layout,
  kernels: Kernels,
  memory: Uint8Array,
  onProgress?: LoadProgress,
): Promise<void> {
  const inFileOrder = [...layout.tensors.values()].sort(
    (left, right) => left.tensor.info.offset - right.tensor.info.offset,
  );
  const total = inFileOrder.reduce((sum, { tensor }) => sum + tensor.info.byteLength, 0);
  let done = 0;
  for (const placed of inFileOrder) {
    const { info, rows, cols, kind } = placed.tensor;
    if (kind === 'vector') {
      await loadVector(source, placed, memory);
      done += info.byteLength;
      onProgress?.(done, total);
      continue;
    }
    const rowBytes = info.byteLength / rows;
    const step = Math.floor(layout.staging.bytes / rowBytes / 8) * 8;
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row);
      const bytes = await readExactly(source, info.offset + row * rowBytes, count * rowBytes);
      memory.set(bytes, layout.staging.address);
      const target = placed.address + (row / 8) * groupBytes(info.type, cols);
      if (kernels.repack(KERNEL_TYPES[info.type], layout.staging.address, count, cols, target) === 0)
        throw nonFinite(info.name);
      done += bytes.length;
      onProgress?.(done, total);
    }
  }
}
