// The engine as the node sees it. The model lives in a worker thread, so the event loop of the server stays free.
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { CONTRACT, KERNEL_VARIANTS, type KernelVariant, kernelsDigest } from '@runproof/exact';
import type { Engine, EngineModel, ReplayOutcome, ReplayProgress, RunEvent, RunRequest } from '@runproof/node';
import { type Disclosure, encodeHex, RunproofError, type SamplingParameters } from '@runproof/protocol';
import { EventQueue } from './event-queue.ts';
import {
  CONTROL,
  type HelperData,
  type LeadData,
  type LoadedModel,
  type Reply,
  type Request,
  unpackError,
  type WireEvent,
} from './messages.ts';
import { stopHelpers } from './threads.ts';

const THREADS_MAX = 64;
/** More threads than this gain nothing where memory bandwidth is the limit. */
const THREADS_DEFAULT_MAX = 16;
const BYTES_PER_THREAD = 16 * 1024 * 1024;
/** Tokens of a run that the consumer may lag behind. */
const CREDIT = 64;

export interface ExactEngineOptions {
  /** path of a GGUF file */
  readonly path: string;
  /** name under which the model is served; the file's own when absent */
  readonly name?: string;
  /** threads that compute; when absent one per 16 MiB of model, at most the number of processors and 16 */
  readonly threads?: number;
  /** kernel variant; the best one of this machine when absent */
  readonly variant?: KernelVariant;
  /** positions of all sequences together; up to eight contexts within 2 GiB when absent */
  readonly kvPositions?: number;
  /** rows of one pass through the model; 128 when absent */
  readonly batchRows?: number;
  /** bytes of weights loaded, of all */
  readonly onProgress?: (done: number, total: number) => void;
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ReplayProgress | null;
}

function scriptUrl(name: string): URL {
  // Sources run as they are in the repository, and compiled where the package is installed.
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}

/** `wanted`, or what the size of the model is worth: parts of a small one are done sooner than their threads have met. */
async function threadCount(wanted: number | undefined, path: string): Promise<number> {
  if (wanted === undefined) {
    // A file that cannot be read is the loader's to report.
    const bytes = await stat(path).then(
      (facts) => facts.size,
      () => 0,
    );
    return Math.max(1, Math.min(THREADS_DEFAULT_MAX, availableParallelism(), Math.floor(bytes / BYTES_PER_THREAD)));
  }
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= THREADS_MAX) return wanted;
  throw new RunproofError('CONFIG_INVALID', `threads is ${wanted}, expected 1 to ${THREADS_MAX}`);
}

class ExactEngine implements Engine {
  readonly contract = CONTRACT;
  readonly build = `sha256:${encodeHex(kernelsDigest())}`;
  readonly model: EngineModel;
  readonly #workers: readonly Worker[];
  readonly #control: SharedArrayBuffer;
  readonly #queues = new Map<number, EventQueue>();
  readonly #calls = new Map<number, Call>();
  #nextId = 0;
  #closed: RunproofError | null = null;

  constructor(model: LoadedModel, workers: readonly Worker[], control: SharedArrayBuffer) {
    const { name, digest, contextLength, vocabSize, createdSeconds } = model;
    this.model = { name, digest, contextLength, vocabSize, createdSeconds };
    this.#workers = workers;
    this.#control = control;
    this.#lead.on('message', (reply: Reply) => this.#receive(reply));
    for (const worker of workers) {
      worker.on('error', (error) => this.#fail(`a thread of the engine failed: ${error.message}`));
      worker.on('exit', () => this.#fail('a thread of the engine ended'));
    }
  }

  get #lead(): Worker {
    const lead = this.#workers[0];
    if (lead === undefined) throw new RunproofError('INTERNAL', 'an engine without a thread');
    return lead;
  }

  async encodeChat(messages: readonly { role: string; content: string }[]): Promise<number[]> {
    const plain = messages.map(({ role, content }) => ({ role, content }));
    return (await this.#call((id) => ({ type: 'chat', id, messages: plain }))) as number[];
  }

  async encodeText(text: string): Promise<number[]> {
    return (await this.#call((id) => ({ type: 'text', id, text }))) as number[];
  }

  async replay(
    disclosure: Disclosure,
    sampling: SamplingParameters,
    trace: string,
    onProgress?: ReplayProgress,
  ): Promise<ReplayOutcome> {
    const request = (id: number): Request => ({ type: 'replay', id, disclosure, sampling, trace });
    return (await this.#call(request, onProgress ?? null)) as ReplayOutcome;
  }

  async *run({ prompt, sampling, logprobs, signal }: RunRequest): AsyncGenerator<RunEvent, void, undefined> {
    if (signal.aborted) {
      yield { type: 'end', reason: 'abort', text: '' };
      return;
    }
    if (this.#closed !== null) {
      yield { type: 'end', reason: 'error', text: '', error: this.#closed };
      return;
    }
    const id = this.#takeId();
    const queue = new EventQueue();
    this.#queues.set(id, queue);
    const abort = (): void => this.#post({ type: 'abort', id });
    signal.addEventListener('abort', abort);
    this.#post({ type: 'run', id, run: { prompt: [...prompt], sampling, logprobs }, credit: CREDIT });
    try {
      for (let taken = 1; ; taken += 1) {
        const event = await queue.next();
        if (event.type === 'token' && taken % (CREDIT / 2) === 0) this.#post({ type: 'credit', id, count: CREDIT / 2 });
        yield event;
        if (event.type === 'end') return;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      // A consumer that leaves early ends the run too.
      if (this.#queues.delete(id)) this.#post({ type: 'abort', id });
    }
  }

  async close(): Promise<void> {
    this.#closed ??= new RunproofError('SHUTTING_DOWN', 'the engine is closed');
    this.#settle(this.#closed);
    stopHelpers(this.#control);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #takeId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #post(request: Request): void {
    if (this.#closed === null) this.#lead.postMessage(request);
  }

  #call(request: (id: number) => Request, onProgress: ReplayProgress | null = null): Promise<unknown> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const id = this.#takeId();
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, onProgress });
      this.#post(request(id));
    });
  }

  #receive(reply: Reply): void {
    if (reply.type === 'event') {
      this.#queues.get(reply.id)?.push(unpackEvent(reply.event));
      if (reply.event.type === 'end') this.#queues.delete(reply.id);
      return;
    }
    if (reply.type === 'loading' || reply.type === 'loaded' || reply.type === 'failed') return;
    const call = this.#calls.get(reply.id);
    if (reply.type === 'progress') {
      call?.onProgress?.(reply.done, reply.total);
      return;
    }
    this.#calls.delete(reply.id);
    if (reply.type === 'outcome') call?.resolve(reply.outcome);
    else if (reply.type === 'ids') call?.resolve(reply.ids);
    else call?.reject(unpackError(reply.error));
  }

  /** A thread is gone, so nothing can be computed any more: everybody is told, and the other threads end. */
  #fail(message: string): void {
    if (this.#closed !== null) return;
    this.#closed = new RunproofError('INTERNAL', message);
    this.#settle(this.#closed);
    for (const worker of this.#workers) void worker.terminate();
  }

  #settle(error: RunproofError): void {
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    for (const queue of this.#queues.values()) queue.push({ type: 'end', reason: 'error', text: '', error });
    this.#queues.clear();
  }
}

function unpackEvent(event: WireEvent): RunEvent {
  if (event.type === 'token' || event.error === undefined) return event as RunEvent;
  return { ...event, error: unpackError(event.error) };
}

/** Waits until the lead has loaded the model; rejects with its error. */
function loadedBy(
  lead: Worker,
  onProgress: ExactEngineOptions['onProgress'],
): Promise<Extract<Reply, { type: 'loaded' }>> {
  return new Promise((resolve, reject) => {
    const listen = (reply: Reply): void => {
      if (reply.type === 'loading') onProgress?.(reply.done, reply.total);
      else if (reply.type === 'failed') reject(unpackError(reply.error));
      else if (reply.type === 'loaded') {
        lead.off('message', listen);
        resolve(reply);
      }
    };
    lead.on('message', listen);
    lead.once('error', reject);
    lead.once('exit', () =>
      reject(new RunproofError('INTERNAL', 'the thread of the engine ended while it loaded the model')),
    );
  });
}

function helperReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', () =>
      reject(new RunproofError('INTERNAL', 'a helper thread of the engine ended while it started')),
    );
  });
}

/**
 * Loads the GGUF file at `path` and starts the threads that run it under contract exact-1. The file is hashed in the same pass; the
 * model's digest is that of its manifest.
 *
 * Errors: `MODEL_NOT_FOUND`, `MODEL_SYNTAX`, `MODEL_UNSUPPORTED`, `MODEL_NONFINITE`, `ENGINE_CPU_UNSUPPORTED`, `CONFIG_INVALID`.
 */
export async function openExactEngine(options: ExactEngineOptions): Promise<Engine> {
  const threads = await threadCount(options.threads, options.path);
  const { variant } = options;
  if (variant !== undefined && !KERNEL_VARIANTS.includes(variant)) {
    throw new RunproofError(
      'CONFIG_INVALID',
      `variant is ${String(variant)}, expected ${KERNEL_VARIANTS.join(' or ')}`,
    );
  }
  const control = new SharedArrayBuffer(CONTROL.words * 4);
  const leadData: LeadData = {
    path: options.path,
    name: options.name ?? null,
    variant: variant ?? null,
    threads,
    kvPositions: options.kvPositions ?? null,
    batchRows: options.batchRows ?? null,
    control,
  };
  const workers = [new Worker(scriptUrl('lead-worker'), { workerData: leadData })];
  try {
    const { model, setup } = await loadedBy(workers[0] as Worker, options.onProgress);
    for (let part = 1; part < threads; part += 1) {
      const workerData: HelperData = { setup, control, part, parts: threads };
      workers.push(new Worker(scriptUrl('helper-worker'), { workerData }));
    }
    await Promise.all(workers.slice(1).map(helperReady));
    return new ExactEngine(model, workers, control);
  } catch (error) {
    stopHelpers(control);
    await Promise.all(workers.map((worker) => worker.terminate()));
    throw error;
  }
}
