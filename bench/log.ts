// The log on this disk: durable leaves per second by batch, latency of one append, and what making a checkpoint durable costs.
// node bench/log.ts [--directory DIR] [--json FILE]
// Every figure includes the proof of every entry. The directory should be on the disk that would hold the log, not in memory.
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, openLog } from '@runproof/log';
import { option, quantile, type Row, report } from './table.ts';

const ENTRY_BYTES = 33;
const BATCHES = [1, 250, 5000, 20_000];
const CALLERS = [1, 32];
const SECONDS_PER_ROW = 2;

const root = mkdtempSync(join(option('directory', tmpdir()), 'runproof-bench-log-'));

function open(name: string): Promise<Log> {
  return openLog({
    directory: join(root, name),
    clock: { now: () => Date.now() },
    random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    onWarning: (message) => console.error(message),
  });
}

const newEntry = (): Uint8Array => new Uint8Array(randomBytes(ENTRY_BYTES));

async function throughput(batch: number): Promise<Row[]> {
  const log = await open(`batch-${batch}`);
  const entries = Array.from({ length: batch }, newEntry);
  const latencies: number[] = [];
  const start = performance.now();
  while (performance.now() - start < SECONDS_PER_ROW * 1000) {
    const before = performance.now();
    await Promise.all(entries.map((entry) => log.append(entry)));
    latencies.push(performance.now() - before);
  }
  const seconds = (performance.now() - start) / 1000;
  const rate = log.size / seconds;
  await log.close();
  const note = `batch p50 ${quantile(latencies, 0.5).toFixed(2)} ms, p99 ${quantile(latencies, 0.99).toFixed(2)} ms`;
  return [{ what: `leaves, batches of ${batch}`, value: rate, unit: 'leaves/s', note }];
}

async function latency(callers: number): Promise<Row[]> {
  const log = await open(`callers-${callers}`);
  const latencies: number[] = [];
  const end = performance.now() + SECONDS_PER_ROW * 1000;
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      const entry = newEntry();
      const before = performance.now();
      await log.append(entry);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  await log.close();
  const name = `append, ${callers} ${callers === 1 ? 'caller' : 'callers'}`;
  return [
    { what: `${name}, p50`, value: quantile(latencies, 0.5), unit: 'ms', note: `${latencies.length} appends` },
    { what: `${name}, p99`, value: quantile(latencies, 0.99), unit: 'ms', target: '≤ 15' },
  ];
}

/** Milliseconds of `write`, which makes 300 bytes durable; the median of 200. */
function durable(what: string, write: (round: number) => void): Row {
  const times = Array.from({ length: 200 }, (_, round) => {
    const before = performance.now();
    write(round);
    return performance.now() - before;
  });
  return { what, value: quantile(times, 0.5), unit: 'ms', note: `p99 ${quantile(times, 0.99).toFixed(2)} ms` };
}

/** The three ways of making a checkpoint durable that docs/decisions/2026-11-20-log-files.md compares. */
function checkpointWays(): Row[] {
  const note = Buffer.alloc(300, 'x');
  const slots = openSync(join(root, 'slots'), 'w');
  const journal = openSync(join(root, 'journal'), 'w');
  const directory = openSync(root, 'r');
  writeSync(slots, Buffer.alloc(8192));
  fsyncSync(slots);
  const rows = [
    durable('checkpoint: two slots', (round) => {
      writeSync(slots, note, 0, note.length, (round % 2) * 4096);
      fdatasyncSync(slots);
    }),
    durable('checkpoint: journal', () => {
      writeSync(journal, note);
      fdatasyncSync(journal);
    }),
    durable('checkpoint: rename', () => {
      const fd = openSync(join(root, 'new'), 'w');
      writeSync(fd, note);
      fsyncSync(fd);
      closeSync(fd);
      renameSync(join(root, 'new'), join(root, 'renamed'));
      fsyncSync(directory);
    }),
  ];
  for (const fd of [slots, journal, directory]) closeSync(fd);
  return rows;
}

try {
  const rows: Row[] = [];
  for (const batch of BATCHES) rows.push(...(await throughput(batch)));
  for (const callers of CALLERS) rows.push(...(await latency(callers)));
  rows.push(...checkpointWays());
  report(`log, entries of ${ENTRY_BYTES} bytes, in ${root}`, rows);
} finally {
  rmSync(root, { recursive: true, force: true });
}
