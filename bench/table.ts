// What the benches share: percentiles, a table for people, JSON for machines.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** what we aim at, in words; empty when there is no target */
  readonly target?: string;
  /** how it was measured, in a few words */
  readonly note?: string;
}

/** Value below which the share `q` of `values` lies (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1000) return Math.round(value).toLocaleString('en-US');
  return magnitude >= 10 ? value.toFixed(1) : magnitude >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}

/** Prints `rows` as a table and, with `--json FILE` on the command line, writes them. */
export function report(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const width = Math.max(...rows.map((row) => row.what.length));
  for (const row of rows) {
    const target = row.target === undefined ? '' : `  (aim ${row.target})`;
    const note = row.note === undefined ? '' : `  ${row.note}`;
    console.log(`  ${row.what.padEnd(width)}  ${formatNumber(row.value).padStart(9)} ${row.unit}${target}${note}`);
  }
  const flag = process.argv.indexOf('--json');
  const path = flag < 0 ? undefined : process.argv[flag + 1];
  if (path !== undefined) {
    const machine = { processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
    writeFileSync(path, `${JSON.stringify({ title, machine, rows }, null, 2)}\n`);
  }
}

/** `--name value` of the command line, or `fallback`. */
export function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
}
