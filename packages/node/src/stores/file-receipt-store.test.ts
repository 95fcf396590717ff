import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
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

const idOf = (number: number): string => number.toString(16).padStart(2, '0').repeat(32);

describe('FileReceiptStore', () => {
  it('gives back what was put, also after it is opened again', async () => {
    const directory = join(await freshFolder(), 'receipts');
    const store = await FileReceiptStore.open({ directory });
    await store.put(idOf(1), '{"text":"é 🦊"}');
    expect(await store.get(idOf(1))).toBe('{"text":"é 🦊"}');
    const again = await FileReceiptStore.open({ directory });
    expect(await again.get(idOf(1))).toBe('{"text":"é 🦊"}');
    expect(await again.get(idOf(2))).toBeNull();
  });

  it('is readable by its owner only', async () => {
    const directory = join(await freshFolder(), 'receipts');
    const store = await FileReceiptStore.open({ directory });
    await store.put(idOf(1), 'x');
    const modes = [directory, join(directory, '01'), join(directory, '01', `${idOf(1)}.receipt.json`)];
    expect(await Promise.all(modes.map(async (path) => (await stat(path)).mode & 0o777))).toEqual([0o700, 0o700, 0o600]);
  });

  it('keeps many that come at once, and leaves nothing behind but them', async () => {
    const directory = await freshFolder();
    const store = await FileReceiptStore.open({ directory });
    const ids = Array.from({ length: 60 }, (_, index) => idOf(index % 3).slice(0, 62) + index.toString(16).padStart(2, '0'));
    await Promise.all(ids.map((id) => store.put(id, id)));
    for (const id of ids) expect(await store.get(id)).toBe(id);
    const files = await readdir(directory, { recursive: true });
    expect(files.filter((name) => name.endsWith('.new'))).toEqual([]);
    expect(files.filter((name) => name.endsWith('.receipt.json'))).toHaveLength(60);
  });

  it('puts the same receipt twice without harm', async () => {
    const store = await FileReceiptStore.open({ directory: await freshFolder() });
    await Promise.all([store.put(idOf(1), 'same'), store.put(idOf(1), 'same')]);
    expect(await store.get(idOf(1))).toBe('same');
  });

  it.each(['', '../../etc/passwd', 'AB'.repeat(32), `${idOf(1)}0`])('looks nowhere for an id that is none: %s', async (id) => {
    const directory = await freshFolder();
    const store = await FileReceiptStore.open({ directory });
    expect(await store.get(id)).toBeNull();
    await expect(store.put(id, 'x')).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('says STORE_UNWRITABLE when a bundle cannot be written, and leaves no half of it', async () => {
    const directory = await freshFolder();
    const store = await FileReceiptStore.open({ directory });
    await writeFile(join(directory, '01'), 'a file where the folder should be');
    await expect(store.put(idOf(1), 'x')).rejects.toMatchObject({ code: 'STORE_UNWRITABLE' });
    expect(await store.get(idOf(1)).catch(() => null)).toBeNull();
    await rm(join(directory, '01'));
    await store.put(idOf(1), 'x');
    expect(await store.get(idOf(1))).toBe('x');
  });

  it('says STORE_UNWRITABLE when its folder cannot be made', async () => {
    const directory = await freshFolder();
    await writeFile(join(directory, 'file'), '');
    await expect(FileReceiptStore.open({ directory: join(directory, 'file', 'receipts') })).rejects.toMatchObject({ code: 'STORE_UNWRITABLE' });
  });
});
