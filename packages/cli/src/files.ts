// Files that a person names on the command line.
import { open } from 'node:fs/promises';
import { RunproofError } from '@runproof/protocol';

/** Bytes of a file that is read whole. A bundle is at most 32 MiB, a response 64. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

/** The program was called in a way that gives it nothing to work on: exit code 3. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** All bytes of `path`; `UsageError` when it cannot be read or is larger than 64 MiB. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > INPUT_BYTES_MAX)
        throw new RunproofError('JSON_SIZE', `${path} is larger than ${INPUT_BYTES_MAX} bytes.`);
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`, {
      cause: error,
    });
  }
}

/** All bytes of standard input, at most 64 MiB. */
export async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > INPUT_BYTES_MAX) throw new UsageError(`Standard input is larger than ${INPUT_BYTES_MAX} bytes.`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
