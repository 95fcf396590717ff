// One run of the engine, from its first event to its last, whatever happens in between.
import type { FinishReason, SamplingParameters } from '@runproof/protocol';
import { RunproofError } from '@runproof/protocol';
import { asRunproofError } from '../http/errors.ts';
import type { Clock, Engine, RunEvent } from '../ports.ts';
import type { RunControl } from './control.ts';

export type TokenEvent = Extract<RunEvent, { type: 'token' }>;
type EndEvent = Extract<RunEvent, { type: 'end' }>;

/** What a run came to. All of it is sealed. */
export interface RunOutcome {
  readonly ids: readonly number[];
  /** the first 8 bytes of every h_t (specs/exact-1.md §8) */
  readonly trace: Uint8Array;
  /** the last h_t, or null when the run has no token, or the engine no trace */
  readonly root: Uint8Array | null;
  readonly text: string;
  /** the end of `text` that came with the last event, after the last token */
  readonly tail: string;
  readonly reason: FinishReason;
  /** why the run failed; null unless `reason` is `error` */
  readonly error: RunproofError | null;
  readonly startedMs: number;
  readonly endedMs: number;
}

interface RunInput {
  readonly prompt: readonly number[];
  readonly sampling: SamplingParameters;
  readonly logprobs: number | null;
}

interface RunObserver {
  /** A promise holds the engine back until it resolves. */
  onToken(event: TokenEvent): Promise<void> | undefined;
}

const TRACE_BYTES = 8;

/** Tokens as they come, in buffers that grow by doubling. */
class Collector {
  readonly ids: number[] = [];
  readonly #pieces: string[] = [];
  #trace = new Uint8Array(64 * TRACE_BYTES);
  root: Uint8Array | null = null;

  add(event: TokenEvent): void {
    const offset = this.ids.length * TRACE_BYTES;
    if (offset === this.#trace.length) {
      const larger = new Uint8Array(this.#trace.length * 2);
      larger.set(this.#trace);
      this.#trace = larger;
    }
    if (event.trace.length >= TRACE_BYTES) {
      this.#trace.set(event.trace.subarray(0, TRACE_BYTES), offset);
      this.root = event.trace;
    }
    this.ids.push(event.id);
    if (event.text !== '') this.#pieces.push(event.text);
  }

  text(tail: string): string {
    return this.#pieces.join('') + tail;
  }

  trace(): Uint8Array {
    return this.root === null ? new Uint8Array() : this.#trace.subarray(0, this.ids.length * TRACE_BYTES);
  }
}

/** How the run ended: the engine's word, unless it was stopped from outside or broke its promise. */
function ending(end: EndEvent, control: RunControl): { reason: FinishReason; error: RunproofError | null } {
  if (end.reason === 'stop' || end.reason === 'length') return { reason: end.reason, error: null };
  const stopped = control.stopped;
  if (end.reason === 'error') return { reason: 'error', error: asRunproofError(end.error) };
  if (stopped === null)
    return { reason: 'error', error: new RunproofError('INTERNAL', 'The engine gave up a run by itself.') };
  return stopped.reason === 'abort' ? { reason: 'abort', error: null } : { reason: 'error', error: stopped.error };
}

async function readEvents(
  events: AsyncIterator<RunEvent>,
  input: RunInput,
  control: RunControl,
  collector: Collector,
  observer: RunObserver,
): Promise<EndEvent> {
  for (;;) {
    const next = await control.wait(() => events.next());
    if (next.done === true) throw new RunproofError('INTERNAL', 'The engine ended a run without its last event.');
    const event = next.value;
    if (event.type === 'end') return event;
    if (collector.ids.length >= input.sampling.max_tokens) {
      throw new RunproofError('INTERNAL', 'The engine gave more tokens than were allowed.');
    }
    control.tokenArrived();
    collector.add(event);
    const hold = observer.onToken(event);
    if (hold !== undefined) await hold;
  }
}

/**
 * Runs `input` and tells `observer` every token. Never rejects: a failure of the engine is an outcome with reason `error` that holds
 * what had come before it. The caller owns `control`.
 */
export async function executeRun(
  engine: Engine,
  input: RunInput,
  control: RunControl,
  clock: Clock,
  observer: RunObserver,
): Promise<RunOutcome> {
  const startedMs = Math.floor(clock.now());
  const collector = new Collector();
  let events: AsyncIterator<RunEvent> | null = null;
  let tail = '';
  let end: { reason: FinishReason; error: RunproofError | null };
  try {
    events = engine.run({ ...input, signal: control.signal })[Symbol.asyncIterator]();
    const last = await readEvents(events, input, control, collector, observer);
    tail = last.text;
    end = ending(last, control);
  } catch (error) {
    // The engine broke the rule that a run always has a last event.
    end = { reason: 'error', error: asRunproofError(error) };
    control.stop({ reason: 'error', error: asRunproofError(error) });
  }
  // The engine may let go of what it holds for this run; nobody waits for that.
  events?.return?.()?.catch(() => {});
  return {
    ids: collector.ids,
    trace: collector.trace(),
    root: collector.root,
    text: collector.text(tail),
    tail,
    ...end,
    startedMs,
    endedMs: Math.max(startedMs, Math.floor(clock.now())),
  };
}
