// What receipts cost: the node over real HTTP with its real log and store, beside the same node whose log and store answer at once from memory.
// node bench/receipts.ts [--model FILE] [--tokens 64] [--rounds 5] [--json FILE]
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openExactEngine } from '@runproof/engine-exact';
import { randomModel } from '@runproof/exact/testing';
import { type Log, openLog } from '@runproof/log';
import {
  createNode,
  type Engine,
  FileReceiptStore,
  type ReceiptLog,
  type ReceiptStore,
  serveNode,
  systemClock,
  systemRandom,
} from '@runproof/node';
import { encodeHex, parseBundle } from '@runproof/protocol';
import { verify } from '@runproof/verify';
import { platformEd25519 } from '../packages/cli/src/platform-ed25519.ts';
import { median, option, quantile, type Row, report } from './table.ts';

const MODEL = option('model', 'models/runproof-tiny-q8_0.gguf');
const TOKENS = Number(option('tokens', '64'));
const ROUNDS = Number(option('rounds', '5'));

interface Served {
  readonly url: string;
  readonly sealMs: number[];
  close(): Promise<void>;
}

/** Times each seal from the append of its leaf to the durable bundle. */
function timed(log: ReceiptLog, store: ReceiptStore, sealMs: number[]): { log: ReceiptLog; store: ReceiptStore } {
  const started: number[] = [];
  const timedLog: ReceiptLog = {
    origin: log.origin,
    vkey: log.vkey,
    append(entry) {
      started.push(performance.now());
      return log.append(entry);
    },
    checkpoint: () => log.checkpoint(),
    read: (path) => log.read(path),
  };
  const timedStore: ReceiptStore = {
    async put(id, bundle) {
      await store.put(id, bundle);
      sealMs.push(performance.now() - (started.shift() ?? 0));
    },
    get: (id) => store.get(id),
  };
  return { log: timedLog, store: timedStore };
}

async function serve(engine: Engine, log: ReceiptLog, store: ReceiptStore): Promise<Served> {
  const sealMs: number[] = [];
  const ports = timed(log, store, sealMs);
  const limits = { concurrencyMax: 32, waitingMax: 64 };
  const node = createNode({ engine, ...ports, clock: systemClock, random: systemRandom, limits });
  const server = await serveNode(node, { host: '127.0.0.1', port: 0 });
  return { url: server.url, sealMs, close: () => server.drain(1000) };
}

/** Answers at once, from memory: what remains is the price of canonical JSON, commitments and transport. */
async function withoutDisk(log: Log): Promise<{ log: ReceiptLog; store: ReceiptStore }> {
  const inclusion = await log.append(randomBytes(33));
  const memory: ReceiptLog = {
    origin: log.origin,
    vkey: log.vkey,
    append: async () => inclusion,
    checkpoint: () => log.checkpoint(),
    read: (path) => log.read(path),
  };
  return { log: memory, store: { put: async () => {}, get: async () => null } };
}

const request = (): string =>
  JSON.stringify({
    model: 'runproof-tiny',
    messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
    max_tokens: TOKENS,
    seed: 7,
  });

async function ask(url: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: request(),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the node answered ${response.status}`);
  return performance.now() - started;
}

/** Requests per second with `concurrent` callers, and every latency. */
async function load(
  url: string,
  concurrent: number,
  total: number,
): Promise<{ perSecond: number; latencyMs: number[] }> {
  const latencyMs: number[] = [];
  let left = total;
  const started = performance.now();
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      latencyMs.push(await ask(url));
    }
  };
  await Promise.all(Array.from({ length: concurrent }, caller));
  return { perSecond: (total * 1000) / (performance.now() - started), latencyMs };
}

async function compareThroughput(sealed: Served, bare: Served, concurrent: number): Promise<Row[]> {
  const ratios: number[] = [];
  const perSecond: number[] = [];
  const latency: number[] = [];
  sealed.sealMs.length = 0;
  const total = Math.max(8, concurrent * 2);
  for (let round = 0; round < ROUNDS; round += 1) {
    // In turn, and in both orders, so that a drifting machine favours neither.
    const first = round % 2 === 0 ? sealed : bare;
    const one = await load(first.url, concurrent, total);
    const two = await load((first === sealed ? bare : sealed).url, concurrent, total);
    const [real, without] = first === sealed ? [one, two] : [two, one];
    ratios.push(real.perSecond / without.perSecond);
    perSecond.push(real.perSecond);
    latency.push(...real.latencyMs);
  }
  const who = `${concurrent} at once`;
  return [
    { what: `requests per second, ${who}`, value: median(perSecond), unit: '1/s', note: `${TOKENS} tokens each` },
    {
      what: `throughput, log and store / memory, ${who}`,
      value: median(ratios),
      unit: 'x',
      target: '>= 0.98',
      note: `median of ${ROUNDS} pairs`,
    },
    { what: `seal p50, ${who}`, value: median(sealed.sealMs), unit: 'ms' },
    { what: `seal p99, ${who}`, value: quantile(sealed.sealMs, 0.99), unit: 'ms', target: '<= 15' },
    {
      what: `seal / request time, ${who}`,
      value: (100 * median(sealed.sealMs)) / median(latency),
      unit: '%',
      target: '<= 2',
    },
  ];
}

/** A long answer, generated and replayed by the same engine with the same threads. */
async function replayRatio(engine: Engine, name: string): Promise<Row[]> {
  const prompt = await engine.encodeChat([{ role: 'user', content: 'Tell me a story about a fox.' }]);
  const sampling = {
    ...{ frequency_penalty: 0, logit_bias: {}, max_tokens: 256, min_p: 0, presence_penalty: 0, repetition_penalty: 1 },
    ...{ seed: '00'.repeat(32), stop: [], temperature: 1, top_k: 0, top_p: 1 },
  };
  const ratios: number[] = [];
  const generated: number[] = [];
  let tokens = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const completion: number[] = [];
    let hashes = Buffer.alloc(0);
    let root = '';
    const seeded = { ...sampling, seed: encodeHex(randomBytes(32)) };
    const started = performance.now();
    for await (const event of engine.run({
      prompt,
      sampling: seeded,
      logprobs: null,
      signal: new AbortController().signal,
    })) {
      if (event.type !== 'token') continue;
      completion.push(event.id);
      hashes = Buffer.concat([hashes, event.trace.subarray(0, 8)]);
      root = encodeHex(event.trace);
    }
    const generateMs = performance.now() - started;
    const again = performance.now();
    const outcome = await engine.replay({ completion, prompt, trace: hashes.toString('base64') }, seeded, root);
    if (!outcome.equal) throw new Error('the replay differs');
    ratios.push((performance.now() - again) / generateMs);
    generated.push((completion.length * 1000) / generateMs);
    tokens += completion.length;
  }
  return [
    {
      what: `generation, one sequence, ${name}`,
      value: median(generated),
      unit: 'tokens/s',
      note: 'with trace and sampling',
    },
    {
      what: `replay / generation time, ${name}`,
      value: median(ratios),
      unit: 'x',
      target: '<= 0.5',
      note: `${Math.round(tokens / ROUNDS)} tokens`,
    },
  ];
}

/** The same on a random model of 0.1B parameters, where arithmetic outweighs sampling and hashing. */
async function largerReplay(directory: string): Promise<Row[]> {
  const path = join(directory, 'random.gguf');
  const shape = { width: 768, layers: 12, heads: 12, kvHeads: 12, ffnWidth: 2304, vocabSize: 4096, contextLength: 512 };
  writeFileSync(path, randomModel({ ...shape, architecture: 'llama', type: 'Q8_0', seed: 1 }));
  const larger = await openExactEngine({ path });
  try {
    return await replayRatio(larger, 'random 0.1B Q8_0');
  } finally {
    await larger.close();
  }
}

async function verification(served: Served, engine: Engine, log: Log): Promise<Row[]> {
  const nonce = encodeHex(randomBytes(16));
  const body = request();
  const response = await fetch(`${served.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'runproof-nonce': nonce },
    body,
  });
  const answer = new Uint8Array(await response.arrayBuffer());
  const id = response.headers.get('runproof-receipt') ?? '';
  const bundle = await (
    await fetch(`${served.url}/v1/receipts/${id}`, { headers: { 'runproof-nonce': nonce } })
  ).text();
  const policy = `log ${log.vkey}\nmodel ${engine.model.digest}\nengine ${engine.contract}\nquorum none\n`;
  const given = { policy, request: Buffer.from(body), response: answer, nonce };
  const time = async (options: Parameters<typeof verify>[1]): Promise<number> => {
    const times: number[] = [];
    for (let index = 0; index < 300; index += 1) {
      const started = performance.now();
      const result = await verify(bundle, options);
      times.push(performance.now() - started);
      if (result.verdict !== 'valid') throw new Error(`verdict ${result.verdict}: ${result.failed.join(', ')}`);
    }
    return median(times.slice(100));
  };
  const bare = JSON.stringify({ ...parseBundle(bundle), disclosure: null }).length;
  return [
    { what: 'verify, Ed25519 in JavaScript', value: await time(given), unit: 'ms', target: '<= 1' },
    {
      what: 'verify, Ed25519 of the platform',
      value: await time({ ...given, ed25519: platformEd25519 }),
      unit: 'ms',
      target: '<= 1',
    },
    { what: 'bundle with disclosure', value: bundle.length, unit: 'bytes', note: `${TOKENS} tokens at most` },
    { what: 'bundle without disclosure', value: bare, unit: 'bytes' },
  ];
}

const directory = mkdtempSync(join(tmpdir(), 'runproof-bench-'));
const log = await openLog({
  directory: join(directory, 'log'),
  clock: systemClock,
  random: systemRandom,
  onWarning: console.error,
});
const engine = await openExactEngine({ path: MODEL });
const real = await serve(engine, log, await FileReceiptStore.open({ directory: join(directory, 'receipts') }));
const stub = await withoutDisk(log);
const bare = await serve(engine, stub.log, stub.store);
try {
  await load(real.url, 4, 8);
  const rows = [
    ...(await compareThroughput(real, bare, 1)),
    ...(await compareThroughput(real, bare, 32)),
    ...(await replayRatio(engine, 'built-in')),
    ...(await largerReplay(directory)),
    ...(await verification(real, engine, log)),
  ];
  report(`receipts (${engine.model.name}, ${engine.contract})`, rows);
} finally {
  await real.close();
  await bare.close();
  await engine.close();
  await log.close();
  rmSync(directory, { recursive: true, force: true });
}
