// The log as its callers see it, on a real directory.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes } from '@runproof/protocol';
import { leafHash, parseCheckpoint, parseEntryBundle, parseNote, parseVerifierKey, tilePath } from '@runproof/tlog';
import { describe, expect, it } from 'vitest';
import { fsck, openLog } from './index.ts';
import { codeOf, entries, entry, mustContinue, mustProve, options, temporaryDirectory } from './test/helpers.ts';

describe('first start', () => {
  it('makes a key of its own, readable by the owner only, and signs the empty tree', async () => {
    const directory = join(temporaryDirectory(), 'deep', 'log');
    const log = await openLog(options(directory));
    expect(statSync(join(directory, 'key')).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(log.origin).toMatch(/^runproof\.local\/[0-9a-f]{16}$/);
    expect(readFileSync(join(directory, 'log.vkey'), 'utf8')).toBe(`${log.vkey}\n`);
    expect(parseVerifierKey(log.vkey).name).toBe(log.origin);
    expect(log.size).toBe(0);
    expect(await fsck(directory, log.vkey)).toMatchObject({ origin: log.origin, size: 0, entryBytes: 0 });
    await log.close();
    const other = await openLog(options(join(temporaryDirectory(), 'log')));
    expect(other.origin).not.toBe(log.origin);
    await other.close();
  });

  it('takes the name that it is given, and only that one later', async () => {
    const directory = temporaryDirectory();
    const log = await openLog({ ...options(directory), origin: 'log.example/receipts' });
    expect(log.origin).toBe('log.example/receipts');
    await log.close();
    expect(await codeOf(openLog({ ...options(directory), origin: 'log.example/other' }))).toBe('CONFIG_INVALID');
    const again = await openLog(options(directory));
    expect([again.origin, again.vkey]).toEqual([log.origin, log.vkey]);
    await again.close();
  });
});

describe('append', () => {
  it('answers with a proof under a checkpoint that is already on disk', async () => {
    const directory = temporaryDirectory();
    const log = await openLog(options(directory));
    for (let index = 0; index < 20; index += 1) {
      const inclusion = await log.append(entry(index));
      const onDisk = readFileSync(join(directory, 'checkpoint'), 'utf8');
      expect(onDisk).toContain(inclusion.proof.slice(inclusion.proof.indexOf('\n\n') + 2));
      expect(readFileSync(join(directory, 'entries')).subarray(-33)).toEqual(Buffer.from(entry(index)));
      expect(inclusion.index).toBe(index);
      mustProve(entry(index), inclusion, log.vkey);
    }
    await log.close();
  });

  it('commits what comes together as one batch, in the order of the calls', async () => {
    const log = await openLog(options(temporaryDirectory()));
    const batch = entries(1000);
    const inclusions = await Promise.all(batch.map((bytes) => log.append(bytes)));
    expect(inclusions.map(({ index }) => index)).toEqual(batch.map((_, index) => index));
    expect(new Set(inclusions.map(({ treeSize }) => treeSize))).toEqual(new Set([1000]));
    for (const [index, inclusion] of inclusions.entries()) {
      if (index % 97 === 0) mustProve(entry(index), inclusion, log.vkey);
    }
    await log.close();
  });

  it('does not see what the caller does to the entry afterwards', async () => {
    const log = await openLog(options(temporaryDirectory()));
    const bytes = entry(1);
    const pending = log.append(bytes);
    bytes.fill(0);
    expect(mustProve(entry(1), await pending, log.vkey).size).toBe(1);
    await log.close();
  });

  it('many callers at once, batches of many sizes: every answer holds, all under one history', async () => {
    const log = await openLog(options(temporaryDirectory()));
    let next = 0;
    const checkpoints: ReturnType<typeof mustProve>[] = [];
    const caller = async (): Promise<void> => {
      for (let round = 0; round < 25; round += 1) {
        const number = next++;
        const bytes = number % 7 === 0 ? new Uint8Array(1 + (number % 300)).fill(number) : entry(number);
        const inclusion = await log.append(bytes);
        if (number % 5 === 0) checkpoints.push(mustProve(bytes, inclusion, log.vkey));
      }
    };
    await Promise.all(Array.from({ length: 32 }, caller));
    expect(log.size).toBe(800);
    await mustContinue(log, checkpoints);
    await log.close();
  });

  it('refuses entries that no bundle can hold, and more than it can remember', async () => {
    const log = await openLog(options(temporaryDirectory()));
    expect(await codeOf(log.append(new Uint8Array(0)))).toBe('PARAMETER_INVALID');
    expect(await codeOf(log.append(new Uint8Array(65_536)))).toBe('PARAMETER_INVALID');
    const accepted = entries(65_536).map((bytes) => log.append(bytes));
    expect(await codeOf(log.append(entry(0)))).toBe('OVERLOADED');
    const inclusions = await Promise.all(accepted);
    expect(inclusions.at(-1)?.index).toBe(65_535);
    mustProve(entry(65_535), inclusions.at(-1) as (typeof inclusions)[0], log.vkey);
    const large = Array.from({ length: 1025 }, () =>
      log.append(new Uint8Array(65_535)).then(
        () => 'ok',
        (error) => error.code,
      ),
    );
    expect(await large[1024]).toBe('OVERLOADED');
    expect(await large[0]).toBe('ok');
    await log.close();
  });
});

describe('close', () => {
  it('commits what is pending, then refuses', async () => {
    const directory = temporaryDirectory();
    const log = await openLog(options(directory));
    const pending = entries(50).map((bytes) => log.append(bytes));
    const closing = log.close();
    expect(await codeOf(log.append(entry(50)))).toBe('SHUTTING_DOWN');
    expect((await Promise.all(pending)).map(({ index }) => index)).toEqual(pending.map((_, index) => index));
    await closing;
    await log.close();
    const again = await openLog(options(directory));
    expect(again.size).toBe(50);
    await again.close();
  });
});

describe('read', () => {
  it('serves the static API for the published size, and null beyond it', async () => {
    const log = await openLog(options(temporaryDirectory()));
    expect(await log.read('tile/0/000')).toBe(null);
    expect(await log.read('tile/entries/000.p/1')).toBe(null);
    await Promise.all(entries(300).map((bytes) => log.append(bytes)));
    const checkpoint = await log.read('checkpoint');
    expect(Buffer.from(checkpoint as Uint8Array).toString()).toBe(await log.checkpoint());
    for (const [bundle, width] of [
      [0, 256],
      [0, 1],
      [0, 255],
      [1, 44],
      [1, 1],
    ] as const) {
      const tile = (await log.read(tilePath(0, bundle, width))) as Uint8Array;
      const body = parseEntryBundle((await log.read(tilePath('entries', bundle, width))) as Uint8Array);
      expect(body).toHaveLength(width);
      expect(tile).toHaveLength(width * 32);
      body.forEach((bytes, at) => {
        expect(equalBytes(bytes, entry(bundle * 256 + at))).toBe(true);
        expect(equalBytes(leafHash(bytes), tile.subarray(at * 32, at * 32 + 32))).toBe(true);
      });
    }
    expect(await log.read('tile/1/000.p/1')).toHaveLength(32);
    expect((await fsck((path) => log.read(path), log.vkey)).size).toBe(300);
    for (const path of [
      'tile/0/001',
      'tile/0/001.p/45',
      'tile/entries/001.p/45',
      'tile/1/000.p/2',
      'tile/2/000.p/1',
      'tile/0/002.p/1',
    ]) {
      expect(await log.read(path), path).toBe(null);
    }
    for (const path of [
      '',
      'key',
      '../key',
      'tile/0/../../key',
      'entries',
      'checkpoint/',
      'tile/0/000.p/256',
      'log.vkey',
    ]) {
      expect(await log.read(path), path).toBe(null);
    }
    await log.close();
  });

  it('proves any entry again under the newest checkpoint', async () => {
    const log = await openLog(options(temporaryDirectory()));
    for (const size of [1, 2, 255, 256, 257, 600]) {
      await Promise.all(entries(size - log.size, log.size).map((bytes) => log.append(bytes)));
      for (let index = 0; index < size; index += 1 + (size >> 4)) {
        expect(mustProve(entry(index), await log.proofFor(index), log.vkey).size).toBe(size);
      }
    }
    for (const index of [600, -1, 0.5]) expect(await codeOf(log.proofFor(index))).toBe('NOT_FOUND');
    await log.close();
  });
});

describe('a tree of three tile levels', () => {
  it('is proved by fsck, reopens, and goes on as one history', async () => {
    const directory = temporaryDirectory();
    let log = await openLog(options(directory));
    const first = await Promise.all(entries(40_000).map((bytes) => log.append(bytes)));
    const second = await Promise.all(entries(26_000, 40_000).map((bytes) => log.append(bytes)));
    const checkpoints = [mustProve(entry(0), first[0] as (typeof first)[0], log.vkey)];
    checkpoints.push(mustProve(entry(40_001), second[1] as (typeof first)[0], log.vkey));
    await log.close();
    const progress: number[] = [];
    expect((await fsck(directory, log.vkey, (done) => progress.push(done))).size).toBe(66_000);
    expect(progress).toHaveLength(258);
    const warnings: string[] = [];
    log = await openLog(options(directory, warnings));
    expect(warnings).toEqual([]);
    expect(await log.read('tile/2/000.p/1')).toHaveLength(32);
    mustProve(entry(66_000), await log.append(entry(66_000)), log.vkey);
    mustProve(entry(12_345), await log.proofFor(12_345), log.vkey);
    await mustContinue(log, checkpoints);
    expect(parseCheckpoint(parseNote(await log.checkpoint()).text).size).toBe(66_001);
    await log.close();
  });
});
