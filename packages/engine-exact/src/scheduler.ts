// Many runs and replays on one model: every tick, all runs that decode advance by one token in one pass, together with a piece of
// one prompt; then one replay does a step. Rows never mix, so company changes no bit (specs/exact-1.md §0).
import {
  type BatchJob,
  type BatchModel,
  Generation,
  replaySteps,
  type Sequence,
  type Tokenizer,
  tokenLogprobs,
} from '@runproof/exact';
import type { ReplayOutcome } from '@runproof/node';
import { type Disclosure, RunproofError, type SamplingParameters } from '@runproof/protocol';
import { packError, type WireEvent, type WireRun } from './messages.ts';

type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Prompt rows of a pass while others decode: it bounds how long their next token waits. */
const SHARED_PREFILL_ROWS = 48;
/** Prompt rows of a pass when nobody waits for a token. */
const PREFILL_ROWS = 128;
/** Positions of a step of a replay: whoever comes meanwhile waits for one step at most. */
const REPLAY_ROWS = 64;

interface SchedulerOptions {
  readonly model: BatchModel;
  readonly tokenizer: Tokenizer;
  readonly modelDigest: string;
  readonly sha256: Sha256;
  /** events of a run; `end` is the last */
  readonly emit: (id: number, event: WireEvent) => void;
}

interface ReplayCall {
  readonly disclosure: Disclosure;
  readonly sampling: SamplingParameters;
  readonly trace: string;
  readonly onProgress: (done: number, total: number) => void;
  readonly resolve: (outcome: ReplayOutcome) => void;
  readonly reject: (error: unknown) => void;
}

interface Run {
  readonly id: number;
  readonly request: WireRun;
  readonly generation: Generation;
  readonly sequence: Sequence;
  /** prompt ids and sampled ids that the model has not seen */
  pending: number[];
  /** tokens that the consumer will still take */
  credit: number;
}

interface WaitingRun {
  readonly kind: 'run';
  readonly id: number;
  readonly request: WireRun;
  readonly generation: Generation;
  readonly capacity: number;
  credit: number;
}

interface WaitingReplay {
  readonly kind: 'replay';
  readonly call: ReplayCall;
  readonly capacity: number;
}

interface RunningReplay {
  readonly call: ReplayCall;
  readonly steps: ReturnType<typeof replaySteps>;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  /** First come, first served: a long request at the head is not overtaken for ever. */
  readonly #waiting: (WaitingRun | WaitingReplay)[] = [];
  readonly #runs = new Map<number, Run>();
  readonly #replays: RunningReplay[] = [];
  /** id of the run whose prompt was served last */
  #lastPrefilled = -1;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** True when `tick` would do something. */
  get busy(): boolean {
    if (this.#replays.length > 0 || this.#headFits()) return true;
    for (const run of this.#runs.values()) if (run.credit > 0 || run.pending.length > 1) return true;
    return false;
  }

  /** Queues a run; `credit` is the number of tokens that may be emitted before `addCredit`. */
  addRun(id: number, request: WireRun, credit: number): void {
    try {
      const { model, tokenizer, modelDigest, sha256 } = this.#options;
      const { prompt, sampling } = request;
      const { contextLength, vocabSize } = model.config;
      const stranger = prompt.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabSize);
      if (stranger !== undefined)
        throw new RunproofError('PARAMETER_INVALID', `token id ${stranger} is not in the vocabulary of ${vocabSize}`);
      const generation = new Generation({ prompt, sampling, tokenizer, modelDigest, contextLength, sha256 });
      if (generation.finish !== null) {
        this.#options.emit(id, { type: 'end', reason: generation.finish, text: generation.end() });
        return;
      }
      const capacity = Math.min(contextLength, prompt.length + sampling.max_tokens - 1);
      this.#checkCapacity(capacity);
      this.#waiting.push({ kind: 'run', id, request, generation, capacity, credit });
    } catch (error) {
      this.#options.emit(id, { type: 'end', reason: 'error', text: '', error: packError(error) });
    }
  }

  /** Queues a replay. */
  addReplay(call: ReplayCall): void {
    try {
      const { prompt, completion } = call.disclosure;
      const capacity = Math.max(1, prompt.length + completion.length - 1);
      // What is longer than the context is a difference, which the replay itself finds without a sequence.
      if (capacity < this.#options.model.config.contextLength) this.#checkCapacity(capacity);
      this.#waiting.push({ kind: 'replay', call, capacity: Math.min(capacity, this.#options.model.maxCapacity) });
    } catch (error) {
      call.reject(error);
    }
  }

  addCredit(id: number, count: number): void {
    const run = this.#runs.get(id);
    if (run !== undefined) run.credit += count;
    const waiting = this.#waiting.find((entry) => entry.kind === 'run' && entry.id === id);
    if (waiting?.kind === 'run') waiting.credit += count;
  }

  /** Ends a run with reason `abort`; of an unknown one nothing. */
  abort(id: number): void {
    const run = this.#runs.get(id);
    if (run !== undefined) {
      this.#end(run, 'abort');
      return;
    }
    const index = this.#waiting.findIndex((entry) => entry.kind === 'run' && entry.id === id);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#options.emit(id, { type: 'end', reason: 'abort', text: '' });
  }

  /** One pass through the model, and one step of a replay. */
  tick(): void {
    this.#admit();
    const { jobs, runs } = this.#collect();
    if (jobs.length > 0) {
      this.#options.model.extendBatch(jobs).forEach((result, index) => {
        const run = runs[index];
        if (run === undefined) return;
        try {
          if ('error' in result) throw result.error;
          if (result.logits[0] !== undefined) this.#advance(run, result.logits[0]);
        } catch (error) {
          // Whatever a run's parameters lead to, its neighbours go on.
          if (this.#runs.has(run.id)) this.#end(run, 'error', error);
        }
      });
    }
    this.#stepReplay();
  }

  #checkCapacity(capacity: number): void {
    const { maxCapacity } = this.#options.model;
    if (capacity <= maxCapacity) return;
    throw new RunproofError(
      'MODEL_CONTEXT',
      `prompt and answer need ${capacity} positions; the memory of this engine holds ${maxCapacity}`,
    );
  }

  #headFits(): boolean {
    const head = this.#waiting[0];
    return head !== undefined && this.#options.model.hasRoom(head.capacity);
  }

  #admit(): void {
    const { model, tokenizer, modelDigest, sha256 } = this.#options;
    while (this.#headFits()) {
      const head = this.#waiting.shift();
      if (head?.kind === 'run') {
        const { id, request, generation, capacity, credit } = head;
        const sequence = model.createSequence(capacity);
        this.#runs.set(id, { id, request, generation, sequence, pending: [...request.prompt], credit });
      } else if (head !== undefined) {
        const { disclosure, sampling, trace } = head.call;
        const steps = replaySteps(model, tokenizer, {
          disclosure,
          sampling,
          trace,
          modelDigest,
          sha256,
          chunk: REPLAY_ROWS,
        });
        this.#replays.push({ call: head.call, steps });
        // The first step takes the pages that admission has counted on.
        this.#stepReplay(this.#replays.length - 1);
      }
    }
  }

  /** All runs that decode, and the next piece of one prompt. */
  #collect(): { jobs: BatchJob[]; runs: Run[] } {
    const jobs: BatchJob[] = [];
    const runs: Run[] = [];
    for (const run of this.#runs.values()) {
      if (run.pending.length !== 1 || run.credit < 1) continue;
      jobs.push({ sequence: run.sequence, ids: run.pending, logitsFrom: 0 });
      runs.push(run);
      run.pending = [];
    }
    const filling = this.#nextPrompt();
    if (filling !== null) {
      this.#lastPrefilled = filling.id;
      const limit = jobs.length > 0 || this.#replays.length > 0 ? SHARED_PREFILL_ROWS : PREFILL_ROWS;
      // The last id stays, so that sampling begins in a decoding pass, when the consumer has credit.
      const ids = filling.pending.slice(0, Math.min(limit, filling.pending.length - 1));
      filling.pending = filling.pending.slice(ids.length);
      jobs.push({ sequence: filling.sequence, ids, logitsFrom: ids.length });
      runs.push(filling);
    }
    return { jobs, runs };
  }

  /** Prompts take turns: the next run in order of arrival after the one served last. */
  #nextPrompt(): Run | null {
    const filling = [...this.#runs.values()].filter((run) => run.pending.length > 1);
    return filling.find((run) => run.id > this.#lastPrefilled) ?? filling[0] ?? null;
  }

  #advance(run: Run, logits: Float32Array): void {
    const { generation, request } = run;
    const step = generation.next(logits);
    run.credit -= 1;
    this.#options.emit(run.id, { type: 'token', ...step, ...this.#logprob(request.logprobs, step.id, logits) });
    if (generation.finish !== null) this.#end(run, generation.finish);
    else run.pending = [step.id];
  }

  #logprob(
    count: number | null,
    id: number,
    logits: Float32Array,
  ): Pick<Extract<WireEvent, { type: 'token' }>, 'logprob'> {
    if (count === null) return {};
    const { tokenizer } = this.#options;
    const bytes = (token: number): Uint8Array => tokenizer.decodeToken(token, { special: true });
    const { logprob, top } = tokenLogprobs(logits, id, count);
    return {
      logprob: { id, bytes: bytes(id), logprob, top: top.map((entry) => ({ ...entry, bytes: bytes(entry.id) })) },
    };
  }

  #end(run: Run, reason: 'stop' | 'length' | 'abort' | 'error', error?: unknown): void {
    this.#runs.delete(run.id);
    run.sequence.release();
    const failure = error === undefined ? {} : { error: packError(error) };
    this.#options.emit(run.id, { type: 'end', reason, text: run.generation.end(), ...failure });
  }

  /** One step of the replay at `index`; replays take turns. */
  #stepReplay(index = 0): void {
    const [replay] = this.#replays.splice(index, 1);
    if (replay === undefined) return;
    try {
      const step = replay.steps.next();
      if (step.done === true) {
        replay.call.resolve(step.value);
        return;
      }
      replay.call.onProgress(step.value.done, step.value.total);
      this.#replays.push(replay);
    } catch (error) {
      replay.call.reject(error);
    }
  }
}
