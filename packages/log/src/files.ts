// The few file operations that durability rests on.
import { closeSync, fdatasync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** Resolves when the data of `fd` and what is needed to read it are on disk. Runs in the thread pool. */
export const syncData: (fd: number) => Promise<void> = promisify(fdatasync);

/** Writes all of `bytes` at `position`. */
export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** Reads up to `length` bytes at `position`; fewer at the end of the file. */
export function readUpTo(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, bytes, done, length - done, position + done);
    if (got === 0) break;
    done += got;
  }
  return bytes.subarray(0, done);
}

/** Makes the names in `directory` durable. */
export function syncDirectory(directory: string): void {
  // Windows has no handle for directories; its file systems journal names themselves.
  if (process.platform === 'win32') return;
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Puts a file in place whole and durable, or not at all. Whoever else may write it has to be kept out by the caller. */
export function writeFileDurably(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', mode);
  try {
    writeAll(fd, typeof content === 'string' ? Buffer.from(content) : content, 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}
