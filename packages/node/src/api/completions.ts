// POST /v1/chat/completions and /v1/completions: from the request to the sealed answer.
import {
  effectiveSampling,
  encodeHex,
  type Operation,
  RunproofError,
  type SamplingParameters,
} from '@runproof/protocol';
import type { NodeContext, RequestContext } from '../context.ts';
import { announcedLength, assertJsonContent, readBody } from '../http/body.ts';
import { asRunproofError, wireError } from '../http/errors.ts';
import { describeError } from '../logger.ts';
import { RunControl } from '../run/control.ts';
import { EventStream } from '../run/event-stream.ts';
import { executeRun, type RunOutcome, type TokenEvent } from '../run/execute.ts';
import { type Sealed, sealRun } from '../seal/seal.ts';
import { parseNonce, parseRunRequest, type RunPlan } from './request.ts';
import {
  ChunkWriter,
  createLogprobWriter,
  errorEvent,
  plainResponse,
  type ResponseHead,
  STREAM_DONE,
  usageOf,
} from './wire.ts';

/** One run on its way: what was asked, what it became, and whom to tell. */
interface Exchange {
  readonly node: NodeContext;
  readonly context: RequestContext;
  readonly plan: RunPlan;
  readonly prompt: readonly number[];
  readonly sampling: SamplingParameters;
  readonly head: ResponseHead;
  readonly control: RunControl;
  /** gives the place in the engine to the next run */
  readonly leave: () => void;
}

const RESPONSE_ID_BYTES = 12;

function responseHead(node: NodeContext, operation: Operation): ResponseHead {
  const { engine } = node;
  return {
    operation,
    id: `${operation === 'chat.completion' ? 'chatcmpl' : 'cmpl'}-${encodeHex(node.random.bytes(RESPONSE_ID_BYTES))}`,
    createdSeconds: Math.floor(node.clock.now() / 1_000),
    model: engine.model.name,
    fingerprint: `fp_${engine.build.slice('sha256:'.length, 'sha256:'.length + 12)}`,
  };
}

async function readPlan(node: NodeContext, context: RequestContext, operation: Operation): Promise<RunPlan> {
  const { request } = context;
  assertJsonContent(request);
  const nonce = parseNonce(request.headers.get('runproof-nonce'), node.random);
  const bytes = await readBody(request, node.limits.bodyBytesMax);
  return parseRunRequest(operation, bytes, nonce, node.engine.model);
}

function encodePrompt(node: NodeContext, plan: RunPlan): Promise<readonly number[]> {
  if (plan.prompt.kind === 'chat') return node.engine.encodeChat(plan.prompt.messages);
  if (plan.prompt.kind === 'text') return node.engine.encodeText(plan.prompt.text);
  return Promise.resolve(plan.prompt.ids);
}

function samplingOf(node: NodeContext, plan: RunPlan, prompt: readonly number[]): SamplingParameters {
  const { contextLength } = node.engine.model;
  const parameter = plan.operation === 'chat.completion' ? 'messages' : 'prompt';
  if (prompt.length === 0) throw new RunproofError('PARAMETER_INVALID', 'The prompt has no tokens.', { parameter });
  const maxTokensAvailable = contextLength - prompt.length;
  if (maxTokensAvailable < 1) {
    const message = `The prompt has ${prompt.length} tokens; the model reads ${contextLength}, with room for the answer.`;
    throw new RunproofError('MODEL_CONTEXT', message, {
      parameter,
      prompt_tokens: prompt.length,
      context_length: contextLength,
    });
  }
  return effectiveSampling(plan.request, { requestBytes: plan.bytes, nonce: plan.nonce, maxTokensAvailable });
}

/** Runs the engine and counts what it gives; `onToken` is told every token. */
async function run(exchange: Exchange, onToken: (event: TokenEvent) => Promise<void> | undefined): Promise<RunOutcome> {
  const { node, context, plan, prompt, sampling, control } = exchange;
  const { clock, metrics } = node;
  let previousMs = 0;
  const outcome = await executeRun(node.engine, { prompt, sampling, logprobs: plan.logprobs }, control, clock, {
    onToken(event) {
      const now = clock.now();
      if (previousMs === 0) metrics.firstTokenSeconds.observeMs(now - context.arrivedMs);
      else metrics.tokenGapSeconds.observeMs(now - previousMs);
      previousMs = now;
      return onToken(event);
    },
  });
  control.close();
  exchange.leave();
  metrics.runs.add(1, { reason: outcome.reason });
  metrics.runSeconds.observeMs(outcome.endedMs - outcome.startedMs);
  metrics.promptTokens.add(prompt.length);
  metrics.completionTokens.add(outcome.ids.length);
  return outcome;
}

/** Seals the run and says so in the log; a failure is counted, logged and thrown. */
async function seal(exchange: Exchange, outcome: RunOutcome): Promise<Sealed> {
  const { node, context, plan, prompt, sampling } = exchange;
  const facts = {
    request: context.id,
    reason: outcome.reason,
    prompt_tokens: prompt.length,
    completion_tokens: outcome.ids.length,
    run_ms: outcome.endedMs - outcome.startedMs,
  };
  if (outcome.error !== null && outcome.error.status >= 500) {
    node.logger({
      level: 'error',
      event: 'run.failed',
      ...facts,
      code: outcome.error.code,
      detail: describeError(outcome.error),
    });
  }
  try {
    const sealed = await sealRun(node, { plan, prompt, sampling, outcome });
    node.health.sealed();
    node.logger({ level: 'info', event: 'run.sealed', ...facts, receipt: sealed.id });
    return sealed;
  } catch (cause) {
    const error = asRunproofError(cause);
    node.health.sealFailed();
    node.metrics.sealFailures.add(1, { code: error.code });
    node.logger({ level: 'error', event: 'seal.failed', ...facts, code: error.code, detail: describeError(cause) });
    throw error;
  }
}

/** The answer to a run that failed before anything was sent: an error with the receipt of what there was. */
function failedResponse(exchange: Exchange, outcome: RunOutcome, sealed: Sealed): Response {
  const error = outcome.error ?? new RunproofError('ABORTED', 'The client went away.');
  return exchange.context.refuse(error, { 'Runproof-Receipt': sealed.id, 'Runproof-Nonce': exchange.plan.nonce });
}

async function plainAnswer(exchange: Exchange): Promise<Response> {
  const { node, context, plan, prompt } = exchange;
  const logprobs = createLogprobWriter(plan.operation);
  const onAbort = (): void => exchange.control.stop({ reason: 'abort' });
  context.signal.addEventListener('abort', onAbort, { once: true });
  if (context.signal.aborted) onAbort();
  const outcome = await run(exchange, (event) => {
    if (event.logprob !== undefined) logprobs.add(event.logprob);
    return undefined;
  });
  context.signal.removeEventListener('abort', onAbort);
  const sealing = node.clock.now();
  const sealed = await seal(exchange, outcome);
  if (outcome.reason === 'abort' || outcome.reason === 'error') return failedResponse(exchange, outcome, sealed);
  const body = plainResponse(
    exchange.head,
    outcome.text,
    outcome.reason,
    logprobs.take(),
    usageOf(prompt.length, outcome.ids.length),
  );
  const sealMs = Math.max(0, node.clock.now() - sealing).toFixed(1);
  return context.reply(200, body, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'Runproof-Receipt': sealed.id,
    'Runproof-Nonce': plan.nonce,
    'Server-Timing': `run;dur=${outcome.endedMs - outcome.startedMs}, seal;dur=${sealMs}`,
  });
}

/** After the last token of a stream: its end, its receipt, and `[DONE]` or the error that stands in its place. */
async function closeStream(
  exchange: Exchange,
  outcome: RunOutcome,
  chunks: ChunkWriter,
  stream: EventStream,
): Promise<void> {
  const { context, plan, prompt } = exchange;
  if (outcome.tail !== '') stream.write(chunks.delta(outcome.tail, null));
  stream.write(chunks.finish(outcome.reason));
  try {
    const sealed = await seal(exchange, outcome);
    const usage = plan.includeUsage ? usageOf(prompt.length, outcome.ids.length) : null;
    stream.write(chunks.receipt(sealed.bundle, usage));
    stream.write(outcome.error === null ? STREAM_DONE : errorEvent(wireError(outcome.error, context.id)));
  } catch (error) {
    stream.write(errorEvent(wireError(asRunproofError(error), context.id)));
  }
  stream.end();
}

interface StreamParts {
  readonly stream: EventStream;
  readonly chunks: ChunkWriter;
  /** what is sent counts from here on: the status line has to leave */
  readonly begin: () => void;
}

/** Resolves, when all is sealed and written, to null, or to the error that is to be the whole answer. */
async function runStream(exchange: Exchange, { stream, chunks, begin }: StreamParts): Promise<Response | null> {
  const logprobs = createLogprobWriter(exchange.plan.operation);
  const outcome = await run(exchange, (event) => {
    if (event.logprob !== undefined) logprobs.add(event.logprob);
    const taken = logprobs.take();
    if (event.text !== '' || taken !== null) stream.write(chunks.delta(event.text, taken));
    begin();
    return stream.ready();
  });
  if (outcome.error !== null && outcome.ids.length === 0)
    return failedResponse(exchange, outcome, await seal(exchange, outcome));
  begin();
  await closeStream(exchange, outcome, chunks, stream);
  return null;
}

function stalled(milliseconds: number): RunproofError {
  return new RunproofError('DEADLINE_EXCEEDED', `The client read nothing for ${milliseconds} ms.`, {
    deadline_ms: milliseconds,
  });
}

/**
 * A stream's status line leaves with its first token: what fails before is an HTTP error, which every client understands. The
 * run goes on after this function has returned; `settled` is called when it is sealed.
 */
async function streamAnswer(exchange: Exchange, settled: () => void): Promise<Response> {
  const { node, context, plan, control } = exchange;
  const { streamBufferBytes: bufferBytes, stallMsMax } = node.limits;
  const stream = new EventStream({
    bufferBytes,
    stallMsMax,
    onLost: () => control.stop({ reason: 'abort' }),
    onStalled: () => control.stop({ reason: 'error', error: stalled(stallMsMax) }),
  });
  const onAbort = (): void => stream.lose();
  context.signal.addEventListener('abort', onAbort, { once: true });
  if (context.signal.aborted) onAbort();
  control.signal.addEventListener('abort', () => stream.unbind(), { once: true });
  const chunks = new ChunkWriter(exchange.head, plan.includeUsage);
  const failed = await new Promise<Response | null>((resolve, reject) => {
    runStream(exchange, { stream, chunks, begin: () => resolve(null) })
      .then(resolve, (error: unknown) => {
        reject(error);
        stream.lose();
      })
      .finally(() => {
        context.signal.removeEventListener('abort', onAbort);
        settled();
      });
  });
  if (failed !== null) return failed;
  return context.reply(200, stream.body, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
    'Runproof-Nonce': plan.nonce,
  });
}

async function prepare(
  node: NodeContext,
  context: RequestContext,
  plan: RunPlan,
  leave: () => void,
  control: RunControl,
): Promise<Exchange> {
  let prompt: readonly number[] = [];
  try {
    prompt = await control.wait(() => encodePrompt(node, plan));
  } catch (error) {
    if (control.stopped === null) throw error;
  }
  if (control.stopped?.reason === 'error') throw control.stopped.error;
  if (context.signal.aborted) throw new RunproofError('ABORTED', 'The client went away.');
  const sampling = samplingOf(node, plan, prompt);
  return { node, context, plan, prompt, sampling, control, leave, head: responseHead(node, plan.operation) };
}

/** Answers one call. Throws what is to be answered as an error without a receipt: nothing has run then. */
export async function answerCompletion(
  node: NodeContext,
  context: RequestContext,
  operation: Operation,
): Promise<Response> {
  node.admission.assertRoom();
  const giveBack = node.bodies.take(
    announcedLength(context.request, node.limits.bodyBytesMax) ?? node.limits.bodyBytesMax,
  );
  let ending = giveBack;
  let streaming = false;
  try {
    const plan = await readPlan(node, context, operation);
    const waiting = node.clock.now();
    const leave = await node.admission.enter(context.signal);
    node.metrics.queueSeconds.observeMs(node.clock.now() - waiting);
    const control = new RunControl(node.limits);
    const closeRun = node.runs.open(control);
    ending = () => {
      control.close();
      leave();
      closeRun();
      giveBack();
    };
    const exchange = await prepare(node, context, plan, leave, control);
    if (!plan.stream) return await plainAnswer(exchange);
    streaming = true;
    return await streamAnswer(exchange, ending);
  } finally {
    if (!streaming) ending();
  }
}
