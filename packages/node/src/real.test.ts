// The node with its real engine, log and store, judged by the verifier: what the parts promise each other holds when they meet.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openExactEngine } from '@runproof/engine-exact';
import { openLog } from '@runproof/log';
import { bundleFromValue, encodeBundle, StreamReader, utf8 } from '@runproof/protocol';
import { verify } from '@runproof/verify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNode } from './node.ts';
import type { Engine } from './ports.ts';
import { type NodeServer, serveNode } from './serve.ts';
import { FileReceiptStore } from './stores/file-receipt-store.ts';
import { systemClock, systemRandom } from './system.ts';
import { nonceOf } from './test/kit.ts';

const MODEL = fileURLToPath(new URL('../../../models/runproof-tiny-q8_0.gguf', import.meta.url));

let engine: Engine;
let server: NodeServer;
let policy = '';
let closeAll = async (): Promise<void> => {};

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'runproof-node-'));
  engine = await openExactEngine({ path: MODEL, threads: 1 });
  const log = await openLog({
    directory: join(directory, 'log'),
    clock: systemClock,
    random: systemRandom,
    onWarning: () => {},
  });
  const store = await FileReceiptStore.open({ directory: join(directory, 'receipts') });
  const node = createNode({
    engine,
    log,
    store,
    clock: systemClock,
    random: systemRandom,
    limits: { concurrencyMax: 3 },
  });
  server = await serveNode(node, { host: '127.0.0.1', port: 0 });
  policy = ((await (await fetch(`${server.url}/.well-known/runproof.json`)).json()) as { policy: string }).policy;
  closeAll = async () => {
    await server.drain(10_000);
    await store.close();
    await log.close();
    await engine.close();
    await rm(directory, { recursive: true });
  };
});

afterAll(() => closeAll());

function post(path: string, body: string, nonce: string, signal?: AbortSignal): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'Runproof-Nonce': nonce };
  return fetch(server.url + path, { method: 'POST', headers, body, ...(signal === undefined ? {} : { signal }) });
}

async function checkReplay(bundleText: string): Promise<void> {
  const bundle = bundleFromValue(JSON.parse(bundleText) as never);
  const { disclosure, body } = bundle;
  if (disclosure === null) throw new Error('no disclosure');
  const outcome = await engine.replay(disclosure, body.sampling, body.trace);
  expect(outcome).toMatchObject({ equal: true, tokens: body.usage.completion_tokens });
}

const CALLS = [
  [
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: 'Tell me a story about a fox.' }] },
    'chat.completion',
  ],
  ['/v1/completions', { prompt: 'Once upon a time' }, 'text.completion'],
] as const;

it.each(CALLS)('%s: many at once, plain and streamed, verify and replay', async (path, prompt, operation) => {
  const asks = Array.from({ length: 6 }, async (_, index) => {
    const nonce = nonceOf(`${path} ${index >> 1}`);
    const stream = index % 2 === 1;
    const request = JSON.stringify({
      model: engine.model.name,
      ...prompt,
      max_tokens: 12,
      seed: index >> 1,
      temperature: 0.9,
      top_p: 0.95,
      stop: ['zzz'],
      stream,
    });
    const response = await post(path, request, nonce);
    const bytes = new Uint8Array(await response.arrayBuffer());
    let text = '';
    let bundle = '';
    if (stream) {
      const reader = new StreamReader(operation);
      text = reader.push(bytes);
      reader.end();
      bundle = encodeBundle(bundleFromValue(reader.receipt ?? null));
    } else {
      const choice = (
        JSON.parse(new TextDecoder().decode(bytes)) as { choices: { text?: string; message?: { content: string } }[] }
      ).choices[0];
      text = choice?.text ?? choice?.message?.content ?? '';
      const id = response.headers.get('runproof-receipt');
      bundle = await (await fetch(`${server.url}/v1/receipts/${id}`, { headers: { 'Runproof-Nonce': nonce } })).text();
    }
    const report = await verify(bundle, { policy, request: utf8(request), response: bytes, nonce });
    expect(report.failed).toEqual([]);
    expect(report.verdict).toBe('valid');
    await checkReplay(bundle);
    return text;
  });
  const texts = await Promise.all(asks);
  for (let index = 0; index < texts.length; index += 2) expect(texts[index + 1]).toBe(texts[index]);
});

const NEUTRAL = {
  n: 1,
  store: false,
  service_tier: 'auto',
  user: 'someone',
  metadata: { purpose: 'test' },
  top_k: null,
};
const NEUTRAL_CHAT = {
  ...{ tools: [], tool_choice: 'auto', functions: [], function_call: 'none', parallel_tool_calls: false },
  ...{ response_format: { type: 'text' }, modalities: ['text'], reasoning_effort: 'none', prompt_cache_key: 'k' },
  ...{ safety_identifier: 's', audio: null, prediction: null, verbosity: null, web_search_options: null },
  ...{ max_tokens: 3, max_completion_tokens: 3, logprobs: true, top_logprobs: 2 },
};
const NEUTRAL_TEXT = { best_of: 1, echo: false, suffix: '', max_tokens: 3, logprobs: 2 };

it.each(CALLS)('%s: what the node accepts beside, the verifier accepts too', async (path, prompt, operation) => {
  const more = operation === 'chat.completion' ? NEUTRAL_CHAT : NEUTRAL_TEXT;
  const nonce = nonceOf(`neutral ${path}`);
  const request = JSON.stringify({ model: engine.model.digest, ...prompt, ...NEUTRAL, ...more });
  const response = await post(path, request, nonce);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const id = response.headers.get('runproof-receipt');
  const bundle = await fetch(`${server.url}/v1/receipts/${id}`, { headers: { 'Runproof-Nonce': nonce } });
  const report = await verify(await bundle.text(), { policy, request: utf8(request), response: bytes, nonce });
  expect(report.failed).toEqual([]);
  expect(report.verdict).toBe('valid');
});

it('a client that leaves in the middle ends the run, and the next one is served', async () => {
  const leaving = new AbortController();
  const request = {
    model: engine.model.name,
    messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
    logit_bias: {},
    stream: true,
  };
  const response = await post('/v1/chat/completions', JSON.stringify(request), nonceOf('leaving'), leaving.signal);
  await response.body?.getReader().read();
  leaving.abort();
  const next = await post(
    '/v1/chat/completions',
    JSON.stringify({ ...request, stream: false, max_tokens: 3 }),
    nonceOf('next'),
  );
  expect(next.status).toBe(200);
  for (;;) {
    const { running } = (await (await fetch(`${server.url}/readyz`)).json()) as { running: number };
    if (running === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('runproof_seal_failures_total 0');
});
