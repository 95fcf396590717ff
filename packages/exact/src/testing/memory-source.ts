import { RunproofError } from '@runproof/protocol';
import type { ByteSource } from '../interfaces.ts';

/** A ByteSource over bytes in memory; every read gives a copy. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        return Promise.reject(new RunproofError('MODEL_SYNTAX', `bytes ${offset} to ${offset + length} are not there`));
      }
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}
