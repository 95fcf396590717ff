// What the tests and the process that they kill both use.
import { randomBytes } from 'node:crypto';
import type { OpenLogOptions } from '../open-log.ts';

export function options(directory: string, warnings: string[] = []): OpenLogOptions {
  return {
    directory,
    clock: { now: () => Date.now() },
    random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    onWarning: (message) => warnings.push(message),
  };
}

/** Entry of a receipt's length that differs for every index. */
export function entry(index: number): Uint8Array {
  const bytes = new Uint8Array(33).fill(7);
  new DataView(bytes.buffer).setUint32(1, index);
  return bytes;
}
