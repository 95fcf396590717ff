import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CHAT, chatBody, createKit } from '../test/kit.ts';
import { FileReceiptStore } from './file-receipt-store.ts';

const folders: string[] = [];

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runproof-store-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Real receipts, sealed by a node: the store knows a receipt by what it hashes to. */
async function someReceipts(count: number): Promise<(readonly [string, string])[]> {
  const kit = createKit();
  for (let seed = 0; seed < count; seed += 1) await kit.post(CHAT, chatBody({ seed }));
  return [...kit.store.bundles];
}

const filesIn = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.receipt.json'));
const journalsIn = async (directory: string): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.startsWith('journal-'));

async function storeWith(
  directory: string,
  receipts: readonly (readonly [string, string])[],
): Promise<FileReceiptStore> {
  const store = await FileReceiptStore.open({ directory });
  await Promise.all(receipts.map(([id, bundle]) => store.put(id, bundle)));
  return store;
}

describe('FileReceiptStore', () => {
  it('gives back what was put, at once and after it is opened again', async () => {
    const directory = join(await freshFolder(), 'receipts');
    const receipts = await someReceipts(40);
    const store = await storeWith(directory, receipts);
    for (const [id, bundle] of receipts) expect(await store.get(id)).toBe(bundle);
    await store.close();
    expect(await journalsIn(directory)).toEqual([]);
    expect(await filesIn(directory)).toHaveLength(40);
    const again = await FileReceiptStore.open({ directory });
    for (const [id, bundle] of receipts) expect(await again.get(id)).toBe(bundle);
    expect(await again.get('0'.repeat(64))).toBeNull();
  });

  it('is readable by its owner only', async () => {
    const directory = join(await freshFolder(), 'receipts');
    const [[id, bundle] = ['', '']] = await someReceipts(1);
    const store = await storeWith(directory, [[id, bundle]]);
    expect((await stat(join(directory, 'journal-00000001.txt'))).mode & 0o777).toBe(0o600);
    await store.close();
    const modes = [directory, join(directory, id.slice(0, 2)), join(directory, id.slice(0, 2), `${id}.receipt.json`)];
    expect(await Promise.all(modes.map(async (path) => (await stat(path)).mode & 0o777))).toEqual([
      0o700, 0o700, 0o600,
    ]);
  });

  it('loses nothing that was acknowledged when the power goes before the files are written', async () => {
    const directory = await freshFolder();
    const receipts = await someReceipts(20);
    const crashed = await storeWith(directory, receipts);
    const journal = await readFile(join(directory, 'journal-00000001.txt'));
    await crashed.close();
    // The state after a crash: the journal, some of the files torn, some of them missing.
    for (const [index, path] of (await filesIn(directory)).entries()) {
      if (index % 2 === 0) await rm(join(directory, path));
      else await writeFile(join(directory, path), '{"body":');
    }
    await writeFile(join(directory, 'journal-00000001.txt'), journal);
    const store = await FileReceiptStore.open({ directory });
    for (const [id, bundle] of receipts) expect(await store.get(id)).toBe(bundle);
    expect(await journalsIn(directory)).toEqual([]);
  });

  it('leaves out the torn end of a journal, and whatever does not hash to its id', async () => {
    const directory = await freshFolder();
    const receipts = await someReceipts(3);
    const [[first, bundle] = ['', ''], [second, other] = ['', ''], [third, last] = ['', '']] = receipts;
    await appendFile(
      join(directory, 'journal-00000007.txt'),
      `${first} ${bundle}\n${second} ${other.replace('"stop"', '"length"')} \n\0\0\0\n${third} ${last.slice(0, 100)}`,
    );
    const store = await FileReceiptStore.open({ directory });
    expect(await store.get(first)).toBe(bundle);
    expect(await store.get(second)).toBeNull();
    expect(await store.get(third)).toBeNull();
    await store.put(third, last);
    expect(await journalsIn(directory)).toEqual(['journal-00000008.txt']);
    await store.close();
  });

  it('replaces a journal that has grown long, and removes it when its files are on the disk', async () => {
    const directory = await freshFolder();
    const receipts = await someReceipts(30);
    const store = await FileReceiptStore.open({ directory, journalBytes: 5_000 });
    for (const [id, bundle] of receipts) await store.put(id, bundle);
    for (const [id, bundle] of receipts) expect(await store.get(id)).toBe(bundle);
    await store.close();
    expect(await journalsIn(directory)).toEqual([]);
    expect(await filesIn(directory)).toHaveLength(30);
  });

  it('puts the same receipt twice without harm', async () => {
    const directory = await freshFolder();
    const [receipt = ['', ''] as const] = await someReceipts(1);
    const store = await storeWith(directory, [receipt, receipt]);
    await store.close();
    expect(await store.get(receipt[0])).toBe(receipt[1]);
  });

  it.each(['', '../../etc/passwd', 'AB'.repeat(32), '0'.repeat(65)])(
    'looks nowhere for an id that is none: %s',
    async (id) => {
      const directory = await freshFolder();
      const store = await FileReceiptStore.open({ directory });
      expect(await store.get(id)).toBeNull();
      await expect(store.put(id, 'x')).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('says STORE_UNWRITABLE when a journal cannot be made, and recovers when it can', async () => {
    const directory = await freshFolder();
    const [[id, bundle] = ['', '']] = await someReceipts(1);
    const store = await FileReceiptStore.open({ directory });
    await mkdir(join(directory, 'journal-00000001.txt'));
    await expect(store.put(id, bundle)).rejects.toMatchObject({
      code: 'STORE_UNWRITABLE',
      evidence: { reason: 'EEXIST' },
    });
    await store.put(id, bundle);
    expect(await store.get(id)).toBe(bundle);
    await store.close();
  });

  it('keeps a receipt whose file cannot be written, in its journal', async () => {
    const directory = await freshFolder();
    const [[id, bundle] = ['', '']] = await someReceipts(1);
    await writeFile(join(directory, id.slice(0, 2)), 'a file where the folder should be');
    const store = await storeWith(directory, [[id, bundle]]);
    await store.close();
    expect(await store.get(id)).toBe(bundle);
    expect(await journalsIn(directory)).toEqual(['journal-00000001.txt']);
    await rm(join(directory, id.slice(0, 2)));
    const again = await FileReceiptStore.open({ directory });
    expect(await again.get(id)).toBe(bundle);
  });

  it('says STORE_UNWRITABLE when its folder cannot be made', async () => {
    const directory = await freshFolder();
    await writeFile(join(directory, 'file'), '');
    await expect(FileReceiptStore.open({ directory: join(directory, 'file', 'receipts') })).rejects.toMatchObject({
      code: 'STORE_UNWRITABLE',
    });
  });
});
