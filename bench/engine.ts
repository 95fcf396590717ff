// Tokens per second of the exact engine alone: no sampling, no trace, no messages.
// node bench/engine.ts [--model FILE | --type Q8_0] [--threads N] [--variant relaxed|plain] [--prompt 512] [--tokens 64] [--batch 8]
//   [--rounds 3] [--json FILE]
// Without --model it measures a random Llama of about 100 million weights.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  type BatchModel,
  type ByteSource,
  KERNEL_VARIANTS,
  type KernelSetup,
  loadExactModel,
  TENSOR_TYPES,
} from '@runproof/exact';
import { randomModel } from '@runproof/exact/testing';
import { CONTROL, type HelperData } from '../packages/engine-exact/src/messages.ts';
import { sharedRunner, stopHelpers } from '../packages/engine-exact/src/threads.ts';
import { option, type Row, report } from './table.ts';

const THREADS = Number(option('threads', String(availableParallelism())));
const PROMPT = Number(option('prompt', '512'));
const TOKENS = Number(option('tokens', '64'));
const BATCH = Number(option('batch', '8'));
const ROUNDS = Number(option('rounds', '3'));

/** Tokens per second of the best round: on a shared machine the others measure the neighbours. */
function best(what: string, tokens: number, run: () => void): Row {
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    run();
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return { what, value: tokens / seconds, unit: 'tokens/s' };
}

function measure(model: BatchModel): Row[] {
  const { vocabSize } = model.config;
  const start = Math.min(PROMPT, model.maxCapacity - TOKENS);
  const ids = Array.from({ length: start }, (_, index) => (index * 7919) % vocabSize);
  const sequences = Array.from({ length: Math.max(1, BATCH) }, () => model.createSequence(start + TOKENS));
  const [first] = sequences;
  if (first === undefined) throw new Error('--batch must be at least 1');
  // Optimised code replaces the baseline's while it runs: a warm-up keeps that out of the numbers.
  first.extend(ids, start);
  const prefill = best(`prefill of ${start}`, start, () => {
    first.truncate(0);
    first.extend(ids, start);
  });
  const decode = best(`decode after ${start}`, TOKENS, () => {
    first.truncate(start);
    for (let token = 0; token < TOKENS; token += 1) first.extend([token % vocabSize], 0);
  });
  const batched = best(`decode of ${sequences.length} sequences`, TOKENS * sequences.length, () => {
    for (const sequence of sequences) sequence.truncate(0);
    for (let token = 0; token < TOKENS; token += 1) {
      model.extendBatch(sequences.map((sequence) => ({ sequence, ids: [token % vocabSize], logitsFrom: 0 })));
    }
  });
  return [prefill, decode, batched];
}

function randomFile(folder: string): string {
  const type = TENSOR_TYPES.find((name) => name === option('type', 'Q8_0'));
  if (type === undefined) throw new Error(`--type must be one of ${TENSOR_TYPES.join(', ')}`);
  const shape = {
    width: 768,
    layers: 12,
    heads: 12,
    kvHeads: 4,
    ffnWidth: 2048,
    vocabSize: 32_000,
    contextLength: 2048,
  };
  const path = join(folder, `random-${type}.gguf`);
  writeFileSync(path, randomModel({ seed: 1, architecture: 'llama', type, tied: true, ...shape }));
  return path;
}

async function load(path: string, control: SharedArrayBuffer): Promise<{ model: BatchModel; setup: KernelSetup }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    };
    const source: ByteSource = { size, read };
    const wanted = option('variant', '');
    const variant = KERNEL_VARIANTS.find((name) => name === wanted);
    if (wanted !== '' && variant === undefined)
      throw new Error(`--variant must be one of ${KERNEL_VARIANTS.join(', ')}`);
    const setups: KernelSetup[] = [];
    const runner = sharedRunner(THREADS, control, (setup) => setups.push(setup));
    const model = await loadExactModel(source, { runner, ...(variant === undefined ? {} : { variant }) });
    const [setup] = setups;
    if (setup === undefined) throw new Error('the model was loaded without its threads');
    return { model, setup };
  } finally {
    await handle.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'runproof-bench-'));
const control = new SharedArrayBuffer(CONTROL.words * 4);
const helpers: Worker[] = [];
try {
  const given = option('model', '');
  const { model, setup } = await load(given === '' ? randomFile(folder) : given, control);
  for (let part = 1; part < THREADS; part += 1) {
    const workerData: HelperData = { setup, control, part, parts: THREADS };
    const helper = new Worker(new URL('../packages/engine-exact/src/helper-worker.ts', import.meta.url), {
      workerData,
    });
    helpers.push(helper);
    await new Promise((resolve) => helper.once('message', resolve));
  }
  const type = given === '' ? `${option('type', 'Q8_0')}, 107 M weights` : given;
  report(`Exact engine: ${type}, ${model.variant}, ${THREADS} thread${THREADS === 1 ? '' : 's'}`, measure(model));
} finally {
  stopHelpers(control);
  await Promise.all(helpers.map((helper) => helper.terminate()));
  rmSync(folder, { recursive: true, force: true });
}
