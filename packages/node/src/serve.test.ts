import { connect } from 'node:net';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { parseBundle, StreamReader } from '@runproof/protocol';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeLimitsInput } from './config.ts';
import { type NodeServer, serveNode } from './serve.ts';
import { checkBundle } from './test/checks.ts';
import { CHAT, chatBody, createGate, createKit, type Kit, until } from './test/kit.ts';

const servers: NodeServer[] = [];

async function start(limits: NodeLimitsInput = {}): Promise<{ kit: Kit; server: NodeServer; openai: OpenAI }> {
  const kit = createKit(limits);
  const server = await serveNode(kit.node, { host: '127.0.0.1', port: 0 });
  servers.push(server);
  return { kit, server, openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'unused', maxRetries: 0 }) };
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.drain(0);
});

const messages = [{ role: 'user' as const, content: 'Tell me of a fox.' }];
const call = { model: 'test/markov', messages, seed: 7, max_tokens: 24 };
const ENDLESS = { max_tokens: 400, logit_bias: { 0: -100 } };

describe('the official openai SDK, unmodified', () => {
  it('chats, and the receipt binds exactly what it sent and got', async () => {
    const { kit, server } = await start();
    let sent = '';
    const openai = new OpenAI({
      baseURL: `${server.url}/v1`,
      apiKey: 'unused',
      fetch: (url, init) => {
        sent = String(init?.body ?? '');
        return fetch(url, init);
      },
    });
    const { data, response } = await openai.chat.completions.create({ ...call, temperature: 0.7 }).withResponse();
    const bundle = kit.bundleOf(response);
    await checkBundle(bundle, kit, { request: sent, content: data.choices[0]?.message.content ?? '' });
    expect(data.usage?.completion_tokens).toBe(bundle.body.usage.completion_tokens);
    const headers = { 'Runproof-Nonce': response.headers.get('runproof-nonce') ?? '' };
    const fetched = await fetch(`${server.url}/v1/receipts/${response.headers.get('runproof-receipt')}`, { headers });
    expect(parseBundle(await fetched.text())).toEqual(bundle);
  });

  it('streams the same text, with usage, and its accumulated answer keeps the usage', async () => {
    const { openai } = await start();
    const plain = await openai.chat.completions.create(call);
    const stream = openai.chat.completions.stream({ ...call, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe(plain.choices[0]?.message.content);
    expect(final.choices[0]?.finish_reason).toBe(plain.choices[0]?.finish_reason);
    expect(final.usage).toEqual(plain.usage);
  });

  it('sends a conversation back with the messages that it got', async () => {
    const { openai } = await start();
    const first = await openai.chat.completions.create({ ...call, logprobs: true, top_logprobs: 2 });
    const message = first.choices[0]?.message;
    if (message === undefined) throw new Error('no message');
    expect(first.choices[0]?.logprobs?.content).toHaveLength(first.usage?.completion_tokens ?? -1);
    const second = await openai.chat.completions.create({
      ...call,
      messages: [...messages, message, { role: 'user', content: 'And then?' }],
    });
    expect(second.choices).toHaveLength(1);
  });

  it('completes text, plain and streamed, and lists models', async () => {
    const { openai } = await start();
    const plain = await openai.completions.create({
      model: 'test/markov',
      prompt: 'Once',
      seed: 1,
      max_tokens: 16,
      logprobs: 1,
    });
    let text = '';
    for await (const chunk of await openai.completions.create({
      model: 'test/markov',
      prompt: 'Once',
      seed: 1,
      max_tokens: 16,
      stream: true,
    })) {
      text += chunk.choices[0]?.text ?? '';
    }
    expect(text).toBe(plain.choices[0]?.text);
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(['test/markov']);
    expect((await openai.models.retrieve('test/markov')).id).toBe('test/markov');
  });

  it('throws typed errors with our code and the name of the parameter', async () => {
    const { openai } = await start();
    const tools = [{ type: 'function' as const, function: { name: 'f' } }];
    const refused = openai.chat.completions.create({ ...call, tools });
    await expect(refused).rejects.toMatchObject({
      status: 400,
      code: 'PARAMETER_UNSUPPORTED',
      param: 'tools',
      type: 'invalid_request_error',
    });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(openai.chat.completions.create({ ...call, model: 'gpt-4o' })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
  });

  it('throws when a stream fails in its middle, after it has seen the receipt', async () => {
    const { kit, openai } = await start();
    kit.engine.fault = { at: 5, kind: 'throw' };
    const stream = await openai.chat.completions.create({ ...call, stream: true });
    let receipt: unknown = null;
    const reading = (async () => {
      for await (const chunk of stream) receipt ??= (chunk as { runproof?: { receipt: unknown } }).runproof?.receipt;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(JSON.stringify(receipt)).toContain('"finish_reason":"error"');
  });

  it('tries again when the node is full, by itself', async () => {
    const { kit, server } = await start({ concurrencyMax: 1, waitingMax: 0 });
    const gate = createGate();
    kit.engine.pace = () => gate.opened;
    const patient = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'unused', maxRetries: 3 });
    const first = patient.chat.completions.create(call);
    await until(() => kit.engine.running === 1);
    const second = patient.chat.completions.create(call);
    await until(() => kit.lines.some((line) => line.status === 503));
    gate.open();
    expect((await first).choices).toHaveLength(1);
    expect((await second).choices).toHaveLength(1);
  });
});

describe('the ai SDK, unmodified', () => {
  const provider = (server: NodeServer) =>
    createOpenAICompatible({ name: 'runproof', baseURL: `${server.url}/v1`, includeUsage: true });

  it('generates and streams the same text', async () => {
    const { server } = await start();
    const settings = {
      model: provider(server)('test/markov'),
      prompt: 'Tell me of a fox.',
      seed: 7,
      maxOutputTokens: 24,
      temperature: 0.5,
    };
    const plain = await generateText(settings);
    const stream = streamText(settings);
    let text = '';
    for await (const piece of stream.textStream) text += piece;
    expect(text).toBe(plain.text);
    expect((await stream.usage).outputTokens).toBe(plain.usage.outputTokens);
    expect(await stream.finishReason).toBe(plain.finishReason);
  });

  it('reports an error when a stream fails in its middle', async () => {
    const { kit, server } = await start();
    kit.engine.fault = { at: 5, kind: 'throw' };
    const errors: unknown[] = [];
    const stream = streamText({
      model: provider(server)('test/markov'),
      prompt: 'x',
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    await stream.consumeStream({ onError: () => {} });
    expect(errors).toHaveLength(1);
    expect(await stream.finishReason).toBe('error');
  });
});

describe('clients that leave', () => {
  it.each([true, false])('end the run, which is sealed with what was emitted (stream: %s)', async (stream) => {
    const { kit, server } = await start();
    kit.engine.pace = () => new Promise((resolve) => setTimeout(resolve, 1));
    const leaving = new AbortController();
    const body = JSON.stringify(chatBody({ ...ENDLESS, stream }));
    const answer = fetch(server.url + CHAT, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      signal: leaving.signal,
    })
      .then((response) => response.text())
      .catch((error: unknown) => error);
    await until(() => kit.engine.running === 1);
    leaving.abort();
    expect(await answer).toBeInstanceOf(DOMException);
    await until(() => kit.store.bundles.size === 1);
    expect(kit.onlyBundle().body.finish_reason).toBe('abort');
    expect(kit.engine.running).toBe(0);
  });
});

describe('shutting down', () => {
  it('finishes running streams, refuses new ones meanwhile, and then closes the door', async () => {
    const { kit, server } = await start();
    const gate = createGate();
    kit.engine.pace = (position) => (position < 3 ? Promise.resolve() : gate.opened);
    const headers = { 'Content-Type': 'application/json' };
    const running = await fetch(server.url + CHAT, {
      method: 'POST',
      headers,
      body: JSON.stringify(chatBody({ stream: true })),
    });
    const drained = server.drain(60_000);
    const refused = await fetch(server.url + CHAT, { method: 'POST', headers, body: JSON.stringify(chatBody()) });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    gate.open();
    const reader = new StreamReader('chat.completion');
    reader.push(new Uint8Array(await running.arrayBuffer()));
    reader.end();
    expect(reader.error).toBeNull();
    await drained;
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow();
  });
});

function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('what is hardly HTTP', () => {
  it.each([
    ['garbage', 'hello\r\n\r\n', '400'],
    ['headers that are too large', `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(40_000)}\r\n\r\n`, '431'],
    ['a path that climbs', 'GET /v1/receipts/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', '404'],
    ['no host', 'GET / HTTP/1.0\r\n\r\n', '400'],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', '400'],
  ])('%s is answered with an error, and the server goes on', async (_name, text, status) => {
    const { server } = await start();
    const answer = await rawRequest(server.port, text);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(answer).toMatch(/"type":"invalid_request_error","param":null,"code":"[A-Z_]+"/);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });

  it.each([true, false])(
    'a body that is too large is answered with 413, and read no further (announced: %s)',
    async (announced) => {
      const { kit, server } = await start({ bodyBytesMax: 10_000 });
      const filler = Buffer.alloc(64 * 1024, 0x20);
      let sent = 0;
      const chunks = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += filler.length;
          if (sent > 4 * 1024 * 1024) controller.close();
          else controller.enqueue(filler);
        },
      });
      const body = announced ? Buffer.alloc(4 * 1024 * 1024, 0x20) : chunks;
      const init = {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
        duplex: 'half',
      } as RequestInit;
      const response = await fetch(server.url + CHAT, init);
      expect(response.status).toBe(413);
      expect(((await response.json()) as { error: { code: string } }).error.code).toBe('JSON_SIZE');
      expect(kit.engine.requests).toHaveLength(0);
      expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    },
  );

  it('an address in use is one clear sentence', async () => {
    const { kit, server } = await start();
    await expect(serveNode(kit.node, { host: '127.0.0.1', port: server.port })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `Port ${server.port} of 127.0.0.1 is in use by another program.`,
    });
  });
});
