// The engine beside llama.cpp (node-llama-cpp's prebuilt binary for this processor), on the same file with the same number of threads, in turn.
// Needs the packages of interop/: npm install --prefix interop --no-save --omit=optional --ignore-scripts
// Each step of the peer crosses node-llama-cpp's binding, which costs it about 2 ms: that decides its figure on the built-in model, not llama.cpp.
// node bench/llama.ts [--threads 1] [--rounds 3] [--json FILE]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openExactEngine } from '@runproof/engine-exact';
import { createTokenizer, readGguf } from '@runproof/exact';
import { memorySource, randomModel } from '@runproof/exact/testing';
import type { Engine } from '@runproof/node';
import { median, option, type Row, report } from './table.ts';

const here = dirname(fileURLToPath(import.meta.url));
const PEER = resolve(here, '..', 'interop', 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
const THREADS = Number(option('threads', '1'));
const ROUNDS = Number(option('rounds', '3'));
const PROMPT = 256;
const DECODE = 64;

/** The few calls of node-llama-cpp that are used here. */
interface PeerSequence {
  controlledEvaluate(
    input: (number | [number, Record<string, unknown>])[],
  ): Promise<(undefined | { next: { token?: number | null } })[]>;
  clearHistory(): Promise<void>;
}
interface PeerContext {
  getSequence(): PeerSequence;
  dispose(): Promise<void>;
}
interface PeerModel {
  createContext(options: Record<string, unknown>): Promise<PeerContext>;
  dispose(): Promise<void>;
}
interface Peer {
  loadModel(options: { modelPath: string }): Promise<PeerModel>;
  dispose(): Promise<void>;
}

/** Tokens per second of reading a prompt and of writing after it. */
interface Speed {
  readonly prefill: number;
  readonly decode: number;
}

const prompt = (vocabulary: number): number[] =>
  Array.from({ length: PROMPT }, (_, index) => 3 + ((index * 7919) % (vocabulary - 4)));

async function ours(engine: Engine, endIds: ReadonlySet<number>): Promise<Speed> {
  const ids = prompt(Math.min(engine.model.vocabSize, 256));
  // The run must not end by itself before it was measured.
  const logit_bias = Object.fromEntries(Array.from(endIds, (id) => [String(id), -100]));
  const sampling = {
    ...{
      frequency_penalty: 0,
      logit_bias,
      max_tokens: DECODE + 1,
      min_p: 0,
      presence_penalty: 0,
      repetition_penalty: 1,
    },
    ...{ seed: '00'.repeat(32), stop: [], temperature: 0, top_k: 0, top_p: 1 },
  };
  const started = performance.now();
  let first = 0;
  let last = 0;
  let count = 0;
  for await (const event of engine.run({
    prompt: ids,
    sampling,
    logprobs: null,
    signal: new AbortController().signal,
  })) {
    if (event.type !== 'token') continue;
    last = performance.now();
    if (count === 0) first = last;
    count += 1;
  }
  return { prefill: (PROMPT * 1000) / (first - started), decode: ((count - 1) * 1000) / (last - first) };
}

/** Greedy decoding step by step: `evaluate` would stop at an end-of-generation token, and what is measured must be equally long. */
async function theirs(sequence: PeerSequence, vocabulary: number): Promise<Speed> {
  const ids = prompt(Math.min(vocabulary, 256));
  await sequence.clearHistory();
  const next = async (given: number[]): Promise<number> => {
    const last = given.at(-1) ?? 0;
    const ask = { generateNext: { token: true, options: { temperature: 0 } } };
    const steps = await sequence.controlledEvaluate([...given.slice(0, -1), [last, ask]]);
    return steps.at(-1)?.next.token ?? 0;
  };
  const started = performance.now();
  let token = await next(ids);
  const first = performance.now();
  for (let count = 0; count < DECODE; count += 1) token = await next([token]);
  const last = performance.now();
  return { prefill: (PROMPT * 1000) / (first - started), decode: (DECODE * 1000) / (last - first) };
}

async function compare(peer: Peer, name: string, path: string): Promise<Row[]> {
  const engine = await openExactEngine({ path, threads: THREADS });
  const { metadata } = await readGguf(memorySource(readFileSync(path)));
  const endIds = createTokenizer(metadata).endOfGeneration;
  const model = await peer.loadModel({ modelPath: path });
  const rows: Row[] = [];
  const pairs: { us: Speed; them: Speed }[] = [];
  // Both settings of flash attention are tried on the peer, and the better one counts.
  for (const flashAttention of [true, false]) {
    const context = await model.createContext({ contextSize: 512, batchSize: 512, threads: THREADS, flashAttention });
    const sequence = context.getSequence();
    await theirs(sequence, engine.model.vocabSize);
    await ours(engine, endIds);
    for (let round = 0; round < ROUNDS; round += 1) {
      const us = await ours(engine, endIds);
      pairs.push({ us, them: await theirs(sequence, engine.model.vocabSize) });
    }
    await context.dispose();
  }
  for (const kind of ['decode', 'prefill'] as const) {
    const mine = median(pairs.map((pair) => pair.us[kind]));
    const best = Math.max(
      median(pairs.slice(0, ROUNDS).map((pair) => pair.them[kind])),
      median(pairs.slice(ROUNDS).map((pair) => pair.them[kind])),
    );
    const what = kind === 'decode' ? `decode after ${PROMPT}` : `prefill ${PROMPT}`;
    rows.push({ what: `${name}: ${what}`, value: mine, unit: 'tokens/s', note: `llama.cpp ${Math.round(best)}` });
    rows.push({ what: `${name}: ${what}, ratio to llama.cpp`, value: mine / best, unit: 'x', target: '>= 1.0' });
  }
  await model.dispose();
  await engine.close();
  return rows;
}

function models(folder: string): { name: string; path: string }[] {
  const found = [{ name: 'built-in Q8_0', path: 'models/runproof-tiny-q8_0.gguf' }];
  const shape = {
    architecture: 'llama',
    width: 768,
    layers: 12,
    heads: 12,
    kvHeads: 12,
    ffnWidth: 2304,
    vocabSize: 4096,
    contextLength: 512,
  } as const;
  for (const type of ['Q8_0', 'Q4_0'] as const) {
    const path = join(folder, `random-${type}.gguf`);
    writeFileSync(path, randomModel({ ...shape, seed: 1, type }));
    found.push({ name: `random 0.1B ${type}`, path });
  }
  return found;
}

if (!existsSync(PEER)) {
  console.error('The peer is not installed: npm install --prefix interop --no-save --omit=optional --ignore-scripts');
  process.exit(1);
}
const { getLlama } = (await import(pathToFileURL(PEER).href)) as {
  getLlama(options: Record<string, unknown>): Promise<Peer>;
};
const folder = mkdtempSync(join(tmpdir(), 'runproof-llama-'));
const peer = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error' });
try {
  const rows: Row[] = [];
  for (const { name, path } of models(folder)) rows.push(...(await compare(peer, name, path)));
  report(`exact-1 beside llama.cpp, ${THREADS} thread(s) each, ${ROUNDS} rounds`, rows);
} finally {
  await peer.dispose();
  rmSync(folder, { recursive: true, force: true });
}
