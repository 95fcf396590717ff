// The whole first run: a fresh data directory, a server as a child process, stock SDKs, then everything verified offline by another process.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { type Exchange, extendPolicy, fetchTrustInfo, keyFingerprint, verifiedFetch } from '@runproof/client';
import type { VerificationReport } from '@runproof/verify';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, runProcess, type ServerProcess, startProxyServer, startServer } from './support/programs.ts';

const MODEL_NAME = 'runproof-tiny';
const MESSAGES = [{ role: 'user' as const, content: 'Tell me a story about a fox.' }];
const LIMIT = { max_tokens: 40 };

let folder = '';
let data = '';
let server: ServerProcess;
const saved: { name: string; nonce: string }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runproof-first-run-'));
  data = join(folder, 'data');
  server = await startServer(data);
});

afterAll(async () => {
  if (server.child.exitCode === null) await server.stop('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function save(
  name: string,
  exchange: Pick<Exchange, 'request' | 'response' | 'receipt' | 'nonce'>,
): Promise<void> {
  await writeFile(join(folder, `${name}.request`), exchange.request);
  await writeFile(join(folder, `${name}.response`), exchange.response);
  await writeFile(join(folder, `${name}.receipt.json`), exchange.receipt);
  saved.push({ name, nonce: exchange.nonce });
}

/** A stock client and what went over its wire. */
function tappedClient(): { client: OpenAI; wire: { request: Uint8Array; response: Uint8Array } } {
  const wire = { request: new Uint8Array(), response: new Uint8Array() };
  const client = new OpenAI({
    baseURL: `${server.url}/v1`,
    apiKey: 'none',
    fetch: async (input, init) => {
      wire.request = new TextEncoder().encode(String(init?.body));
      const response = await fetch(input, init);
      const [here, there] = response.body?.tee() ?? [];
      new Response(here ?? null).arrayBuffer().then((bytes) => (wire.response = new Uint8Array(bytes)));
      return new Response(there ?? null, response);
    },
  });
  return { client, wire };
}

const nonceOf = (digit: string): string => digit.repeat(64);

describe('a first run', () => {
  it('says what it is, and has proved itself', async () => {
    const { greeting, url } = server;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(greeting).toMatch(/model {7}runproof-tiny {2}sha256:[0-9a-f]{64}\n/);
    expect(greeting).toMatch(/log origin {2}runproof\.local\/[0-9a-f]{16}\n/);
    expect(greeting).toMatch(/self-check: \d+ tokens sealed and replayed bit for bit\n/);
    for (const line of [
      `curl ${url}/v1/chat/completions`,
      `OPENAI_BASE_URL=${url}/v1`,
      `npx runproof chat --url ${url}`,
    ])
      expect(greeting).toContain(line);
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    const vkey = (await readFile(join(data, 'log.vkey'), 'utf8')).trim();
    expect(await readFile(join(data, 'policy.txt'), 'utf8')).toContain(`log ${vkey} ${url}/log\n`);
    expect(greeting).toContain(keyFingerprint(vkey));
    expect(await (await fetch(`${url}/`)).text()).toContain(`${url}/v1`);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('answers the stock openai SDK, plain and streamed', async () => {
    const plain = tappedClient();
    const { data: answer, response } = await plain.client.chat.completions
      .create({ model: MODEL_NAME, messages: MESSAGES, ...LIMIT }, { headers: { 'Runproof-Nonce': nonceOf('a') } })
      .withResponse();
    expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(10);
    expect(answer.usage?.completion_tokens).toBeGreaterThan(1);
    const receipt = await fetch(`${server.url}/v1/receipts/${response.headers.get('runproof-receipt')}`, {
      headers: { 'Runproof-Nonce': nonceOf('a') },
    });
    await save('openai-plain', {
      ...plain.wire,
      receipt: new Uint8Array(await receipt.arrayBuffer()),
      nonce: nonceOf('a'),
    });

    const streaming = tappedClient();
    const stream = await streaming.client.chat.completions.create(
      { model: MODEL_NAME, messages: MESSAGES, ...LIMIT, stream: true, stream_options: { include_usage: true } },
      { headers: { 'Runproof-Nonce': nonceOf('b') } },
    );
    let [text, bundle, pieces] = ['', '', 0];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      pieces += 1;
      const extension = (chunk as { runproof?: { receipt: unknown } }).runproof;
      if (extension !== undefined) bundle = JSON.stringify(extension.receipt);
    }
    expect(text.length).toBeGreaterThan(10);
    expect(pieces).toBeGreaterThan(10);
    await save('openai-stream', { ...streaming.wire, receipt: new TextEncoder().encode(bundle), nonce: nonceOf('b') });
  });

  it('answers the stock openai SDK on text completions, and the ai SDK', async () => {
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
    const completion = await client.completions.create({ model: MODEL_NAME, prompt: 'Once upon a time', ...LIMIT });
    expect(completion.choices[0]?.text.length).toBeGreaterThan(5);
    expect((await client.models.list()).data.map((model) => model.id)).toEqual([MODEL_NAME]);
    const provider = createOpenAICompatible({ name: 'runproof', baseURL: `${server.url}/v1` });
    const plain = await generateText({
      model: provider(MODEL_NAME),
      prompt: 'Tell me a story about a fox.',
      maxOutputTokens: 24,
    });
    expect(plain.text.length).toBeGreaterThan(5);
    let streamed = '';
    for await (const part of streamText({ model: provider(MODEL_NAME), prompt: 'Count to five.', maxOutputTokens: 24 })
      .textStream)
      streamed += part;
    expect(streamed.length).toBeGreaterThan(0);
  });
});

describe('a first run with verifiedFetch', () => {
  it('verifies for the openai SDK and the ai SDK, plain and streamed', async () => {
    const { policy } = extendPolicy(null, await fetchTrustInfo(`${server.url}/v1`));
    const made: [VerificationReport, Exchange][] = [];
    const checked = verifiedFetch({ policy, onReport: (...report) => made.push(report) });
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', fetch: checked });
    const plain = await client.chat.completions.create({ model: MODEL_NAME, messages: MESSAGES, ...LIMIT });
    let streamed = '';
    for await (const chunk of await client.chat.completions.create({
      model: MODEL_NAME,
      messages: MESSAGES,
      ...LIMIT,
      stream: true,
    })) {
      streamed += chunk.choices[0]?.delta.content ?? '';
    }
    const provider = createOpenAICompatible({ name: 'runproof', baseURL: `${server.url}/v1`, fetch: checked });
    const text = await generateText({
      model: provider(MODEL_NAME),
      prompt: 'Tell me a story about a fox.',
      maxOutputTokens: 24,
    });
    const flow = streamText({
      model: provider(MODEL_NAME),
      prompt: 'Tell me a story about a fox.',
      maxOutputTokens: 24,
    });
    let flowed = '';
    for await (const part of flow.textStream) flowed += part;
    for (const answer of [plain.choices[0]?.message.content ?? '', streamed, text.text, flowed])
      expect(answer.length).toBeGreaterThan(5);
    expect(made.map(([report]) => [report.verdict, report.level])).toEqual(
      Array.from({ length: 4 }, () => ['valid', 'sealed']),
    );
    for (const [index, [, exchange]] of made.entries()) await save(`verified-${index}`, exchange);
  });

  it('is trusted and talked to by the command line', async () => {
    const policy = join(folder, 'own-policy.txt');
    const environment = { RUNPROOF_DATA: join(folder, 'nobody') };
    const unsure = await runProcess(['trust', server.url, '--policy', policy], environment);
    expect([unsure.code, unsure.stderr.includes('--yes')]).toEqual([1, true]);
    const trusted = await runProcess(['trust', server.url, '--policy', policy, '--yes', '--json'], environment);
    expect(trusted.code).toBe(0);
    expect(JSON.parse(trusted.stdout)).toMatchObject({ written: true, url: server.url });
    const chat = await runProcess(
      [
        'chat',
        'Tell me a story about a fox.',
        '--url',
        server.url,
        '--policy',
        policy,
        '--max-tokens',
        '30',
        '--threads',
        '1',
      ],
      environment,
    );
    expect(chat.code).toBe(0);
    expect(chat.stdout.length).toBeGreaterThan(10);
    expect(chat.stderr).toMatch(/^replayed: \d+ tokens equal, bit for bit \(.+; generated in .+\)\n$/);
    const remote = await runProcess(['log', 'fsck', `${server.url}/log`, '--policy', policy, '--json'], environment);
    expect(remote.code).toBe(0);
    expect((JSON.parse(remote.stdout) as { size: number }).size).toBeGreaterThan(8);
  });
});

describe('a first run behind the proxy', () => {
  it('replays every answer for a stock SDK that knows nothing of it', async () => {
    const proxy = await startProxyServer(server.url, join(data, 'policy.txt'));
    let said = '';
    proxy.child.stderr?.on('data', (text: string) => (said += text));
    const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: 'none' });
    const asked = { model: MODEL_NAME, messages: MESSAGES, ...LIMIT, seed: 3 };
    const plain = await client.chat.completions.create(asked);
    let streamed = '';
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
      streamed += chunk.choices[0]?.delta.content ?? '';
    }
    expect(await proxy.stop()).toBe(0);
    expect(streamed).toBe(plain.choices[0]?.message.content);
    expect(said.match(/valid: replayed\. \d+ tokens equal, bit for bit/g)).toHaveLength(2);
  });
});

describe('after the first run, with the server stopped', () => {
  it('ends by itself on SIGTERM', async () => {
    expect(await server.stop()).toBe(0);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('proves every answer offline, in another process, bit for bit', async () => {
    expect(saved.map(({ name }) => name)).toEqual([
      'openai-plain',
      'openai-stream',
      'verified-0',
      'verified-1',
      'verified-2',
      'verified-3',
    ]);
    const policy = join(data, 'policy.txt');
    const checks = saved.map(async ({ name, nonce }) => {
      const file = join(folder, name);
      const files = ['--request', `${file}.request`, '--response', `${file}.response`, '--policy', policy];
      const words = [
        'verify',
        `${file}.receipt.json`,
        ...files,
        '--nonce',
        nonce,
        '--replay',
        '--threads',
        '1',
        '--json',
      ];
      return { name, ...(await runProcess(words)) };
    });
    for (const { name, code, stdout, stderr } of await Promise.all(checks)) {
      expect([name, code, stderr]).toEqual([name, 0, '']);
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'valid', level: 'replayed', missing: [], failed: [] });
    }
    const [first] = saved;
    const file = join(folder, first?.name ?? '');
    const unasked = await runProcess(['verify', `${file}.receipt.json`, '--policy', policy]);
    expect(unasked.code).toBe(2);
    expect(unasked.stdout).toContain(
      'incomplete: nothing failed, but request.match, response.match could not be checked.',
    );
  });

  it('keeps its log and key over a restart', async () => {
    const before = await runProcess(['keys', '--data', data, '--json']);
    const proved = await runProcess(['log', 'fsck', join(data, 'log'), '--json']);
    expect([proved.code, proved.stderr]).toEqual([0, '']);
    // Killed without a word, then started again: no hands are needed.
    await (await startServer(data)).stop('SIGKILL');
    const again = await startServer(data);
    expect(await again.stop('SIGINT')).toBe(0);
    const after = await runProcess(['keys', '--data', data, '--json']);
    expect(after.stdout).toBe(before.stdout);
    const grown = await runProcess(['log', 'fsck', join(data, 'log'), '--json']);
    expect((JSON.parse(grown.stdout) as { size: number }).size).toBe(
      (JSON.parse(proved.stdout) as { size: number }).size + 2,
    );
  });

  it('starts by its name, as npx starts it', async () => {
    const outcome = await runProcess(['--version'], {}, join(ROOT, 'packages', 'cli', 'bin', 'runproof.mjs'));
    expect(outcome).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it('says in one sentence what keeps it from starting', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const nowhere = await runProcess(['up', '--port', '0', '--data', join(file, 'data')]);
    expect([nowhere.code, nowhere.stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(nowhere.stderr).toContain('cannot be written');
    const missing = await runProcess(['up', '--port', '0', '--data', data, '--model', join(folder, 'no.gguf')]);
    expect([missing.code, missing.stderr.trim().split('\n').length]).toEqual([3, 1]);
    const wrong = await runProcess(['up', '--port', '0', '--data', data, '--model', join(data, 'policy.txt')]);
    expect([wrong.code, wrong.stderr.trim().split('\n').length]).toEqual([1, 1]);
  });
});
