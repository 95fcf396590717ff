// A model in Wasm memory: batches of rows from one or several sequences go through the tape together.
import { RunproofError } from '@runproof/protocol';
import type { ExactModel, ModelConfig, Sequence } from '../interfaces.ts';
import type { KernelVariant } from './kernels.ts';
import type { Layout } from './layout.ts';
import { type PageLease, PagePool } from './pages.ts';
import type { RunTape } from './parallel.ts';
import { ropeFrequencies, writeRopeRow } from './rope-table.ts';
import { HEADER_FIRST_OUT, HEADER_ROWS, nonFiniteError, STATUS_FINE, type Tape } from './tape.ts';

/** What one sequence contributes to a batch: as `Sequence.extend`. */
export interface BatchJob {
  readonly sequence: Sequence;
  readonly ids: readonly number[];
  readonly logitsFrom: number;
}

/** Logits of a job, or why it failed. A job that fails leaves the others, and its own sequence, as they were. */
export type BatchResult = { readonly logits: Float32Array[] } | { readonly error: RunproofError };

/** `ExactModel` that can also run several sequences in one pass. Their bits do not depend on the company. */
export interface BatchModel extends ExactModel {
  readonly variant: KernelVariant;
  /** longest sequence that the memory holds, at most the context length */
  readonly maxCapacity: number;
  /** True when `createSequence(capacity)` would succeed now. */
  hasRoom(capacity: number): boolean;
  /** Extends several different sequences in one pass. Never throws `ENGINE_NONFINITE`: it stands in the result of its job. */
  extendBatch(jobs: readonly BatchJob[]): BatchResult[];
}

/** A table of RoPE factors, one row per position. */
interface RopeTable {
  readonly address: number;
  readonly frequencies: Float64Array;
  readonly rope: ModelConfig['rope'];
}

/** Everything that loading has prepared. */
interface ModelParts {
  readonly config: ModelConfig;
  readonly variant: KernelVariant;
  readonly layout: Layout;
  readonly tape: Tape;
  readonly buffer: ArrayBufferLike;
  readonly batchRows: number;
  readonly sequences: number;
  readonly run: RunTape;
}

class WasmSequence implements Sequence {
  readonly capacity: number;
  readonly lease: PageLease;
  readonly #model: WasmModel;
  length = 0;
  released = false;

  constructor(model: WasmModel, capacity: number, lease: PageLease) {
    this.#model = model;
    this.capacity = capacity;
    this.lease = lease;
  }

  belongsTo(model: WasmModel): boolean {
    return this.#model === model;
  }

  extend(ids: readonly number[], logitsFrom: number): Float32Array[] {
    const [result] = this.#model.extendBatch([{ sequence: this, ids, logitsFrom }]);
    if (result === undefined) throw new RunproofError('INTERNAL', 'a batch without a result');
    if ('error' in result) throw result.error;
    return result.logits;
  }

  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.length) {
      throw new RunproofError('INTERNAL', `cannot truncate ${this.length} positions to ${length}`);
    }
    this.length = length;
  }

  release(): void {
    if (!this.released) this.#model.release(this);
    this.released = true;
  }
}

/** A job on its way through the passes. */
interface Progress {
  readonly sequence: WasmSequence;
  readonly ids: readonly number[];
  readonly logitsFrom: number;
  readonly before: number;
  /** ids that went through */
  done: number;
  readonly logits: Float32Array[];
  error: RunproofError | null;
}

/** Rows of one pass that belong to one job. */
interface Slice {
  readonly job: Progress;
  readonly firstRow: number;
  readonly count: number;
}

export class WasmModel implements BatchModel {
  readonly config: ModelConfig;
  readonly variant: KernelVariant;
  readonly maxCapacity: number;
  readonly #parts: ModelParts;
  readonly #layout: Layout;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #pool: PagePool;
  /** one RoPE table, or two */
  readonly #ropeTables: readonly RopeTable[];
  #ropeRows = 0;

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.variant = parts.variant;
    this.#layout = parts.layout;
    this.#words = new Uint32Array(parts.buffer);
    this.#floats = new Float32Array(parts.buffer);
    this.#pool = new PagePool(parts.layout, this.#words, parts.sequences);
    const { rope, localRope } = parts.config;
    const table = (from: ModelConfig['rope'], address: number): RopeTable => {
      return { address, frequencies: ropeFrequencies(from), rope: from };
    };
    const tables = [table(rope, parts.layout.rope.address)];
    if (localRope !== null) tables.push(table(localRope, parts.layout.rope.local));
    this.#ropeTables = tables;
    this.maxCapacity = Math.min(parts.config.contextLength, parts.layout.rope.positions);
  }

  createSequence(capacity: number): Sequence {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > this.maxCapacity) {
      throw new RunproofError(
        'MODEL_CONTEXT',
        `a sequence of ${capacity} positions; this model holds 1 to ${this.maxCapacity}`,
      );
    }
    return new WasmSequence(this, capacity, this.#pool.lease(capacity));
  }

  hasRoom(capacity: number): boolean {
    return this.#pool.fits(capacity);
  }

  release(sequence: WasmSequence): void {
    this.#pool.giveBack(sequence.lease);
  }

  extendBatch(jobs: readonly BatchJob[]): BatchResult[] {
    const queue = jobs.map((job) => this.#accept(job));
    if (new Set(queue.map(({ sequence }) => sequence)).size !== queue.length) {
      throw new RunproofError('INTERNAL', 'a sequence stands twice in one batch');
    }
    for (;;) {
      const slices = this.#fillPass(queue);
      if (slices.length === 0) break;
      this.#runPass(slices);
    }
    return queue.map((job) => (job.error === null ? { logits: job.logits } : { error: job.error }));
  }

  #accept({ sequence, ids, logitsFrom }: BatchJob): Progress {
    if (!(sequence instanceof WasmSequence) || !sequence.belongsTo(this) || sequence.released) {
      throw new RunproofError('INTERNAL', 'the sequence was released, or belongs to another model');
    }
    if (!Number.isInteger(logitsFrom) || logitsFrom < 0)
      throw new RunproofError('INTERNAL', `logitsFrom is ${logitsFrom}`);
    if (sequence.length + ids.length > sequence.capacity) {
      const message = `${sequence.length} + ${ids.length} positions do not fit the sequence's ${sequence.capacity}`;
      throw new RunproofError('MODEL_CONTEXT', message);
    }
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= this.config.vocabSize) {
        throw new RunproofError(
          'PARAMETER_INVALID',
          `token id ${id} is not in the vocabulary of ${this.config.vocabSize}`,
        );
      }
    }
    return { sequence, ids, logitsFrom, before: sequence.length, done: 0, logits: [], error: null };
  }

  /** Writes the next rows of the jobs, in their order, until the batch is full. */
  #fillPass(queue: readonly Progress[]): Slice[] {
    const { ids, positions, tables, status } = this.#layout;
    const slices: Slice[] = [];
    let row = 0;
    for (const job of queue) {
      const count = job.error === null ? Math.min(job.ids.length - job.done, this.#parts.batchRows - row) : 0;
      if (count === 0) continue;
      for (let index = 0; index < count; index += 1) {
        this.#words[ids / 4 + row + index] = job.ids[job.done + index] ?? 0;
        this.#words[positions / 4 + row + index] = job.before + job.done + index;
        this.#words[tables / 4 + row + index] = job.sequence.lease.table;
        this.#words[status / 4 + row + index] = STATUS_FINE;
      }
      slices.push({ job, firstRow: row, count });
      this.#growRope(job.before + job.done + count);
      row += count;
    }
    return slices;
  }

  /** RoPE rows are computed when a position is used for the first time. */
  #growRope(positions: number): void {
    const { rowBytes } = this.#layout.rope;
    for (; this.#ropeRows < positions; this.#ropeRows += 1) {
      for (const { address, frequencies, rope } of this.#ropeTables) {
        const start = (address + this.#ropeRows * rowBytes) / 4;
        const row = this.#floats.subarray(start, start + rowBytes / 4);
        writeRopeRow(row, this.#ropeRows, frequencies, rope);
      }
    }
  }

  #runPass(slices: readonly Slice[]): void {
    const { header, status, outRows } = this.#layout;
    const { tape, run } = this.#parts;
    const rows = slices.reduce((sum, { count }) => sum + count, 0);
    this.#words[(header + HEADER_ROWS) / 4] = rows;
    run(0, tape.layersEnd);
    const wanted: { job: Progress; row: number }[] = [];
    for (const { job, firstRow, count } of slices) {
      for (let row = firstRow; row < firstRow + count; row += 1) {
        this.#note(job, this.#words[status / 4 + row] ?? 0);
        if (job.error === null && job.done + row - firstRow >= job.logitsFrom) wanted.push({ job, row });
      }
    }
    wanted.forEach(({ row }, index) => {
      this.#words[outRows / 4 + index] = row;
    });
    for (let first = 0; first < wanted.length; first += this.#layout.logits.rows) {
      this.#outputPass(wanted.slice(first, first + this.#layout.logits.rows), first);
    }
    for (const { job, count } of slices) {
      job.done += count;
      if (job.error === null) job.sequence.length = job.before + job.done;
      else job.sequence.length = job.before;
    }
  }

  #outputPass(wanted: readonly { job: Progress; row: number }[], first: number): void {
    const { header, status, logits } = this.#layout;
    const { tape, run } = this.#parts;
    this.#words[(header + HEADER_ROWS) / 4] = wanted.length;
    this.#words[(header + HEADER_FIRST_OUT) / 4] = first;
    run(tape.layersEnd, tape.end);
    wanted.forEach(({ job, row }, index) => {
      this.#note(job, this.#words[status / 4 + row] ?? 0);
      const start = (logits.address + index * logits.stride) / 4;
      if (job.error === null) job.logits.push(this.#floats.slice(start, start + this.config.vocabSize));
    });
  }

  /** Keeps the first failure of a job: the one of its earliest row. */
  #note(job: Progress, status: number): void {
    if (status !== STATUS_FINE && job.error === null) job.error = nonFiniteError(status, this.config.layers);
  }
}
