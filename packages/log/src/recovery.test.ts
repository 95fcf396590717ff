// What a log does after its process was killed, its files were torn, or one byte of them changed.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Checkpoint, EMPTY_ROOT, encodeCheckpoint, signNote } from '@runproof/tlog';
import { describe, expect, it } from 'vitest';
import { CheckpointSlots } from './checkpoint-slots.ts';
import { fsck, type Inclusion, type Log, openLog } from './index.ts';
import { readLogKey } from './log-key.ts';
import {
  codeOf,
  entries,
  entry,
  mustContinue,
  mustProve,
  options,
  snapshot,
  temporaryDirectory,
} from './test/helpers.ts';

async function logOf(size: number): Promise<{ directory: string; log: Log; inclusions: Inclusion[] }> {
  const directory = temporaryDirectory();
  const log = await openLog(options(directory));
  const inclusions = await Promise.all(entries(size).map((bytes) => log.append(bytes)));
  return { directory, log, inclusions };
}

const appender = fileURLToPath(new URL('./test/appender.ts', import.meta.url));

interface Acknowledged extends Inclusion {
  readonly number: number;
}

/** Starts a process that appends, and kills it without warning after `kill` acknowledgements. */
async function runAndKill(directory: string, first: number, kill: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [appender, directory, String(first), '8'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: Acknowledged[] = [];
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as Acknowledged | { ready: number };
    if ('number' in message) acknowledged.push(message);
    if (acknowledged.length === kill) child.kill('SIGKILL');
  }
  await ended;
  return acknowledged;
}

describe('kill -9 in the middle of appends', () => {
  it('loses nothing that was acknowledged, never forks, needs no hands', async () => {
    const directory = temporaryDirectory();
    const checkpoints: Checkpoint[] = [];
    let vkey = '';
    for (const kill of [1, 40, 200]) {
      const acknowledged = await runAndKill(directory, 1000 * kill, kill);
      expect(acknowledged.length).toBeGreaterThanOrEqual(kill);
      const log = await openLog(options(directory));
      if (vkey !== '') expect(log.vkey).toBe(vkey);
      vkey = log.vkey;
      for (const answer of acknowledged) {
        checkpoints.push(mustProve(entry(answer.number), answer, vkey));
        mustProve(entry(answer.number), await log.proofFor(answer.index), vkey);
      }
      await mustContinue(log, checkpoints);
      expect((await fsck(directory, vkey)).size).toBe(log.size);
      mustProve(entry(1), await log.append(entry(1)), vkey);
      await log.close();
    }
  });
});

describe('a snapshot of a running log', () => {
  it('opens where the last checkpoint was', async () => {
    const { directory, log, inclusions } = await logOf(700);
    const copy = snapshot(directory);
    await log.close();
    const warnings: string[] = [];
    const again = await openLog(options(copy, warnings));
    expect([again.size, warnings]).toEqual([700, []]);
    await mustContinue(again, [mustProve(entry(3), inclusions[3] as Inclusion, log.vkey)]);
    await again.close();
  });

  it('entries without a checkpoint are integrated, as the lost process would have', async () => {
    const { directory, log } = await logOf(300);
    const copy = snapshot(directory);
    const later = await log.append(entry(300));
    copyFileSync(join(directory, 'entries'), join(copy, 'entries'));
    const warnings: string[] = [];
    const again = await openLog(options(copy, warnings));
    expect(again.size).toBe(301);
    expect(warnings.join()).toMatch(/1 durable entries had no checkpoint/);
    await mustContinue(again, [mustProve(entry(300), later, log.vkey)]);
    expect((await fsck(copy, again.vkey)).size).toBe(301);
    await again.close();
    await log.close();
  });

  it('a lost newest checkpoint leads to the same tree, not to a fork', async () => {
    const { directory, log } = await logOf(256);
    const last = await log.append(entry(256));
    const copy = snapshot(directory);
    await log.close();
    const bytes = readFileSync(join(copy, 'checkpoint'));
    const slot = bytes.indexOf(last.proof.slice(last.proof.indexOf('\n\n') + 2)) < 4096 ? 0 : 1;
    writeFileSync(join(copy, 'checkpoint'), Buffer.from(bytes).fill(0x5a, slot * 4096 + 100, slot * 4096 + 4096));
    const warnings: string[] = [];
    const again = await openLog(options(copy, warnings));
    expect(again.size).toBe(257);
    expect(warnings.join()).toMatch(/torn or damaged/);
    await mustContinue(again, [mustProve(entry(256), last, log.vkey)]);
    await again.close();
    expect(await openAndCount(copy)).toBe(257);
  });

  it('every torn tail of entries is cut back to whole entries', async () => {
    const { directory, log } = await logOf(260);
    const base = snapshot(directory);
    await log.close();
    const tail = Buffer.concat([
      Buffer.from([0, 33]),
      Buffer.from(entry(260)),
      Buffer.from([0, 33]),
      Buffer.from(entry(261)),
    ]);
    for (const cut of [1, 2, 3, 34, 35, 36, 69, 70]) {
      const copy = snapshot(base);
      appendFileSync(join(copy, 'entries'), tail.subarray(0, cut));
      const again = await openLog(options(copy));
      expect(again.size, `${cut} bytes`).toBe(260 + Math.floor(cut / 35));
      mustProve(entry(9), await again.append(entry(9)), again.vkey);
      expect((await fsck(copy, again.vkey)).size).toBe(again.size);
      await again.close();
    }
    const zeros = snapshot(base);
    appendFileSync(join(zeros, 'entries'), Buffer.alloc(5000));
    expect(await openAndCount(zeros)).toBe(260);
    expect(readFileSync(join(zeros, 'entries'))).toHaveLength(260 * 35);
  });

  it('hashes and offsets that were not yet on disk are derived again', async () => {
    const { directory, log } = await logOf(600);
    const base = snapshot(directory);
    await log.close();
    for (const name of ['hashes.0', 'hashes.1', 'offsets']) {
      for (const length of [0, 1, 31, 6]) {
        const copy = snapshot(base);
        truncateSync(join(copy, name), length);
        expect(await openAndCount(copy), `${name} of ${length} bytes`).toBe(600);
      }
      const copy = snapshot(base);
      rmSync(join(copy, name));
      expect(await openAndCount(copy), name).toBe(600);
    }
  });
});

/** Opens, lets fsck prove everything, and answers with the size. */
async function openAndCount(directory: string): Promise<number> {
  const log = await openLog(options(directory));
  try {
    return (await fsck(directory, log.vkey)).size;
  } finally {
    await log.close();
  }
}

describe('one changed byte', () => {
  it('of entries or key: refusal; of what can be derived: healed; never another history', async () => {
    const { directory, log, inclusions } = await logOf(600);
    const checkpoint = mustProve(entry(5), inclusions[5] as Inclusion, log.vkey);
    await log.close();
    for (const name of ['entries', 'key', 'hashes.0', 'hashes.1', 'offsets', 'checkpoint', 'log.vkey']) {
      const { length } = readFileSync(join(directory, name));
      for (const position of [0, 1, 40, Math.floor(length / 2), length - 1].filter((at) => at < length)) {
        const copy = snapshot(directory);
        const bytes = readFileSync(join(copy, name));
        bytes[position] = (bytes[position] as number) ^ 0x10;
        writeFileSync(join(copy, name), bytes);
        if (name === 'entries' || name === 'key') {
          expect(await codeOf(openLog(options(copy))), `${name} at ${position}`).toBe('LOG_CORRUPT');
          continue;
        }
        const again = await openLog(options(copy));
        expect([again.size, again.vkey], `${name} at ${position}`).toEqual([600, log.vkey]);
        await mustContinue(again, [checkpoint]);
        expect((await fsck(copy, log.vkey)).size).toBe(600);
        await again.close();
      }
    }
  });

  it('of the name in the key file, into one that no key can have, is a refusal', async () => {
    const { directory, log } = await logOf(1);
    await log.close();
    const path = join(directory, 'key');
    writeFileSync(path, readFileSync(path, 'utf8').replace('runproof.local', 'runproof local'));
    expect(await codeOf(openLog(options(directory)))).toBe('LOG_CORRUPT');
  });

  it('a changed byte is found by fsck, which names the place', async () => {
    const { directory, log } = await logOf(600);
    await log.close();
    for (const [name, position, message] of [
      ['entries', 35 * 300 + 10, /tile\/0\/001 does not follow/],
      ['hashes.0', 32 * 520, /tile\/0\/002\.p\/88 does not follow/],
      ['hashes.1', 3, /tile\/1\/000\.p\/2 does not follow/],
    ] as const) {
      const copy = snapshot(directory);
      const bytes = readFileSync(join(copy, name));
      bytes[position] = (bytes[position] as number) ^ 1;
      writeFileSync(join(copy, name), bytes);
      await expect(fsck(copy, log.vkey)).rejects.toThrow(message);
    }
    const other = await logOf(1);
    expect(await codeOf(fsck(directory, other.log.vkey))).toBe('SIGNATURE_INVALID');
    expect(await codeOf(fsck(temporaryDirectory(), log.vkey))).toBe('LOG_CORRUPT');
    expect(await codeOf(fsck(async (path) => (path === 'checkpoint' ? log.read(path) : null), log.vkey))).toBe(
      'LOG_CORRUPT',
    );
    await other.log.close();
  });

  it('entries that are gone below the checkpoint are a refusal, whole files too', async () => {
    const { directory, log } = await logOf(300);
    await log.close();
    const shorter = snapshot(directory);
    truncateSync(join(shorter, 'entries'), 299 * 35);
    expect(await codeOf(openLog(options(shorter)))).toBe('LOG_CORRUPT');
    for (const name of ['entries', 'checkpoint', 'key']) {
      const copy = snapshot(directory);
      rmSync(join(copy, name));
      expect(await codeOf(openLog(options(copy))), name).toBe('LOG_CORRUPT');
    }
    const slots = snapshot(directory);
    writeFileSync(join(slots, 'checkpoint'), Buffer.alloc(8192, 0x5a));
    expect(await codeOf(openLog(options(slots)))).toBe('LOG_CORRUPT');
  });

  it("another log's checkpoint or key is a refusal", async () => {
    const [one, two] = [await logOf(10), await logOf(10)];
    await Promise.all([one.log.close(), two.log.close()]);
    for (const name of ['checkpoint', 'key']) {
      const copy = snapshot(one.directory);
      copyFileSync(join(two.directory, name), join(copy, name));
      expect(await codeOf(openLog(options(copy))), name).toBe('LOG_CORRUPT');
    }
  });
});

describe('a checkpoint of another origin', () => {
  it('is a refusal also when the log has signed it itself', async () => {
    const { directory, log } = await logOf(0);
    await log.close();
    const key = readLogKey(join(directory, 'key'));
    const other = { origin: 'other.example', size: 0, root: EMPTY_ROOT, extensions: [] };
    CheckpointSlots.create(join(directory, 'checkpoint'), signNote(encodeCheckpoint(other), key));
    expect(await codeOf(openLog(options(directory)))).toBe('LOG_CORRUPT');
  });
});

describe('a first start that was cut short', () => {
  it('begins again as long as there is no key', async () => {
    const { directory, log } = await logOf(0);
    await log.close();
    for (const kept of [[], ['entries'], ['entries', 'offsets'], ['entries', 'offsets', 'checkpoint', 'log.vkey']]) {
      const copy = snapshot(directory);
      for (const name of readdirSync(copy)) if (!kept.includes(name)) rmSync(join(copy, name), { recursive: true });
      const again = await openLog(options(copy));
      expect(again.vkey).not.toBe(log.vkey);
      mustProve(entry(0), await again.append(entry(0)), again.vkey);
      await again.close();
    }
  });
});

describe('one writer', () => {
  it('a second one is refused, in this process and in another; a killed one leaves no lock', async () => {
    const { directory, log } = await logOf(1);
    await expect(openLog(options(directory))).rejects.toThrow(new RegExp(`process ${process.pid} since`));
    expect(await codeOf(openLog(options(directory)))).toBe('LOG_LOCKED');
    await log.close();
    const child: ChildProcess = spawn(process.execPath, [appender, directory, '5', '1'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expect(await codeOf(openLog(options(directory)))).toBe('LOG_LOCKED');
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdout?.resume();
    child.kill('SIGKILL');
    await ended;
    expect(await openAndCount(directory)).toBeGreaterThanOrEqual(1);
  });
});

describe('a file system that refuses', () => {
  it('is one sentence', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    expect(await codeOf(openLog(options(join(file, 'log'))))).toBe('LOG_UNWRITABLE');
    const locked = temporaryDirectory();
    mkdirSync(join(locked, 'lock'));
    expect(await codeOf(openLog(options(locked)))).toBe('LOG_UNWRITABLE');
    const { directory, log } = await logOf(1);
    await log.close();
    rmSync(join(directory, 'hashes.0'));
    mkdirSync(join(directory, 'hashes.0'));
    expect(await codeOf(openLog(options(directory)))).toBe('LOG_UNWRITABLE');
  });

  it.runIf(process.platform !== 'win32')('also when the directory is read-only', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o500);
    // Permissions do not bind root: then somebody else asks.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect(await codeOf(openLog(options(directory)))).toBe('LOG_UNWRITABLE');
      expect(await codeOf(openLog(options(join(directory, 'log'))))).toBe('LOG_UNWRITABLE');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('a key that others can read is refused', async () => {
    const { directory, log } = await logOf(1);
    await log.close();
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(join(directory, 'key'), mode);
      expect(await codeOf(openLog(options(directory)))).toBe('CONFIG_INVALID');
    }
    chmodSync(join(directory, 'key'), 0o600);
    expect(await openAndCount(directory)).toBe(1);
  });

  it.runIf(existsSync('/dev/full'))('a full disk refuses everything that waits, and all that follows', async () => {
    const { directory, log: made } = await logOf(0);
    await made.close();
    rmSync(join(directory, 'entries'));
    symlinkSync('/dev/full', join(directory, 'entries'));
    const log = await openLog(options(directory));
    const before = await log.checkpoint();
    const results = await Promise.all(entries(3).map((bytes) => codeOf(log.append(bytes))));
    expect(results).toEqual(['LOG_UNWRITABLE', 'LOG_UNWRITABLE', 'LOG_UNWRITABLE']);
    expect(await codeOf(log.append(entry(4)))).toBe('LOG_UNWRITABLE');
    expect(await log.checkpoint()).toBe(before);
    await log.close();
  });
});
