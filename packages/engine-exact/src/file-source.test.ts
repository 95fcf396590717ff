import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { HashingFile } from './file-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'runproof-file-'));
const path = join(folder, 'bytes');
const bytes = Uint8Array.from({ length: 5000 }, (_, index) => (index * 31) % 251);
writeFileSync(path, bytes);
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

afterAll(() => rmSync(folder, { recursive: true }));

describe('HashingFile', () => {
  it('gives the bytes, and the digest of the whole file whatever was read in which order', async () => {
    const read = fc.tuple(fc.nat(4999), fc.nat(700));
    await fc.assert(
      fc.asyncProperty(fc.array(read, { maxLength: 12 }), async (reads) => {
        const file = await HashingFile.open(path);
        for (const [offset, wanted] of reads) {
          const length = Math.min(wanted, 5000 - offset);
          expect(Buffer.compare(await file.read(offset, length), bytes.subarray(offset, offset + length))).toBe(0);
        }
        expect(await file.finish()).toBe(digest);
      }),
      { numRuns: 50 },
    );
  });

  it('hashes what it gave, also when the file changes behind it', async () => {
    const moving = join(folder, 'moving');
    writeFileSync(moving, bytes);
    const file = await HashingFile.open(moving);
    const given = await file.read(0, 5000);
    writeFileSync(
      moving,
      bytes.map((byte) => byte ^ 1),
    );
    expect(await file.finish()).toBe(`sha256:${createHash('sha256').update(given).digest('hex')}`);
  });

  it('refuses what is not there', async () => {
    await expect(HashingFile.open(join(folder, 'absent'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(HashingFile.open(folder)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const file = await HashingFile.open(path);
    await expect(file.read(4990, 11)).rejects.toMatchObject({ code: 'MODEL_SYNTAX' });
    await file.close();
  });
});
