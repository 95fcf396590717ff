import { RunproofError } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';
import OpenAI, { APIError } from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { chatBody, textBody, until } from '../../../node/src/test/kit.ts';
import { type Answer, type Middleman, startMiddleman, type Tamper } from '../test/middleman.ts';
import { type ProxyOptions, type ProxyServer, startProxy } from './server.ts';

interface World {
  readonly middleman: Middleman;
  readonly proxy: ProxyServer;
  readonly reports: VerificationReport[];
  post(body: unknown, path?: string): Promise<Response>;
}

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const place of open.splice(0).reverse()) await place.close();
});

async function createWorld(options: Partial<ProxyOptions> = {}): Promise<World> {
  const middleman = await startMiddleman();
  open.push(middleman);
  const reports: VerificationReport[] = [];
  const onReport = (report: VerificationReport): void => void reports.push(report);
  const proxy = await startProxy({
    url: middleman.url,
    policy: middleman.policy,
    host: '127.0.0.1',
    port: 0,
    onReport,
    ...options,
  });
  open.push(proxy);
  return {
    middleman,
    proxy,
    reports,
    post: (body, path = '/v1/chat/completions') =>
      fetch(proxy.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
        body: JSON.stringify(body),
      }),
  };
}

const codeOf = async (
  response: Response,
): Promise<{ code: string; runproof?: { failed: string[] | null; missing: string[] | null } }> =>
  ((await response.json()) as { error: { code: string } }).error;

const editBody =
  (edit: (body: string) => string): Tamper =>
  (answer: Answer) => ({ ...answer, body: edit(answer.body) });

describe('proxy: honest nodes', () => {
  it('passes on plain and streamed answers that hold, to stock SDKs', async () => {
    const { proxy, reports } = await createWorld();
    const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: 'none' });
    const asked = {
      ...(chatBody() as { model: string; seed: number }),
      messages: [{ role: 'user' as const, content: 'Tell me of a fox.' }],
    };
    const plain = await client.chat.completions.create(asked);
    let streamed = '';
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true }))
      streamed += chunk.choices[0]?.delta.content ?? '';
    expect(streamed).toBe(plain.choices[0]?.message.content);
    expect((await client.models.list()).data.length).toBe(1);
    expect(reports.map((report) => report.verdict)).toEqual(['valid', 'valid']);
  });

  it('passes on text completions, errors and credentials, and draws the nonce itself', async () => {
    const { middleman, post } = await createWorld();
    expect((await post(textBody(), '/v1/completions')).status).toBe(200);
    const refused = await post(chatBody({ tools: [{ type: 'function' }] }));
    expect([refused.status, (await codeOf(refused)).code]).toEqual([400, 'PARAMETER_UNSUPPORTED']);
    const [first] = middleman.seen;
    expect(first?.headers.authorization).toBe('Bearer key');
    expect(first?.headers['runproof-nonce']).toMatch(/^[0-9a-f]{64}$/);
    expect(first?.headers['accept-encoding']).toBe('identity');
  });

  it('takes a base with and without /v1', async () => {
    const middleman = await startMiddleman();
    open.push(middleman);
    for (const url of [`${middleman.url}/v1`, `${middleman.url}/v1/`, `${middleman.url}/`]) {
      const proxy = await startProxy({ url, policy: middleman.policy, host: '127.0.0.1', port: 0 });
      open.push(proxy);
      expect((await fetch(`${proxy.url}/v1/models`)).status).toBe(200);
    }
  });

  it('stops the run when its client leaves', async () => {
    const { middleman, post } = await createWorld();
    middleman.kit.engine.pace = () => new Promise((resolve) => setTimeout(resolve, 20));
    const response = await post(chatBody({ stream: true, max_tokens: 400, logit_bias: { 0: -100 } }));
    await response.body?.cancel();
    await until(() => middleman.kit.store.bundles.size > 0);
    expect(middleman.kit.onlyBundle().body.finish_reason).toBe('abort');
  });
});

/** What the middleman does to a plain answer → status, code and the named check. */
const PLAIN: readonly (readonly [string, Tamper, string, string | null])[] = [
  ['edits the answer', editBody((body) => body.replace('fox', 'box')), 'VERIFY_FAILED', 'response.match'],
  [
    'inflates usage',
    editBody((body) => body.replace(/"completion_tokens":\d+/, '"completion_tokens":9000')),
    'VERIFY_FAILED',
    'response.match',
  ],
  [
    'strips the receipt',
    (answer) => ({ ...answer, headers: { 'content-type': 'application/json' } }),
    'VERIFY_INCOMPLETE',
    'receipt',
  ],
  [
    'names a receipt that does not exist',
    (answer) => ({ ...answer, headers: { ...answer.headers, 'runproof-receipt': '0'.repeat(64) } }),
    'VERIFY_INCOMPLETE',
    'receipt',
  ],
  [
    'redirects to an answer that nobody checks',
    (answer) => ({ status: 307, headers: { location: 'http://127.0.0.1:9/v1/chat/completions' }, body: answer.body }),
    'VERIFY_FAILED',
    'response.match',
  ],
  ['sends something else than JSON', (answer) => ({ ...answer, body: '<html>' }), 'VERIFY_FAILED', 'response.match'],
  ['breaks the connection', () => 'reset', 'UPSTREAM_UNREACHABLE', null],
];

describe('proxy: a middleman who tampers', () => {
  it.each(PLAIN)('answers 502 when he %s', async (_name, tamper, code, named) => {
    const { middleman, post } = await createWorld();
    middleman.tamper = tamper;
    const response = await post(chatBody());
    const error = await codeOf(response);
    expect([response.status, error.code]).toEqual([502, code]);
    if (named !== null) expect([error.runproof?.failed, error.runproof?.missing].flat()).toContain(named);
  });

  const asked = {
    model: 'test/markov',
    messages: [{ role: 'user' as const, content: 'Tell me of a fox.' }],
    seed: 7,
    max_tokens: 24,
    stream: true as const,
  };
  const events = (body: string): string[] => body.split(/(?<=\n\n)/);
  const streams: readonly (readonly [string, Tamper])[] = [
    ['edits a piece', editBody((body) => body.replace('"content":" ', '"content":" not '))],
    ['cuts the stream', editBody((body) => events(body).slice(0, 5).join(''))],
    [
      'strips the receipt',
      editBody((body) =>
        events(body)
          .filter((event) => !event.includes('"receipt"'))
          .join(''),
      ),
    ],
    ['ends early with [DONE]', editBody((body) => `${events(body).slice(0, 4).join('')}data: [DONE]\n\n`)],
  ];

  it.each(streams)('a stream ends in an error for a stock SDK when he %s', async (_name, tamper) => {
    const { middleman, proxy } = await createWorld();
    middleman.tamper = tamper;
    const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const finishes: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of await client.chat.completions.create(asked))
        finishes.push(chunk.choices[0]?.finish_reason ?? null);
    };
    await expect(read()).rejects.toBeInstanceOf(APIError);
    expect(finishes.every((finish) => finish === null)).toBe(true);
  });

  it('breaks the connection of a stream that does not hold, for those who only read bytes', async () => {
    const { middleman, post } = await createWorld();
    middleman.tamper = editBody((body) => body.replace('"content":" ', '"content":" not '));
    const response = await post(asked);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it('strict: a stream that does not hold is a 502', async () => {
    const { middleman, post } = await createWorld({ strict: true });
    middleman.tamper = editBody((body) => body.replace('"content":" ', '"content":" not '));
    const response = await post(asked);
    expect([response.status, (await codeOf(response)).runproof?.failed]).toEqual([502, ['response.match']]);
  });
});

describe('proxy: bounds', () => {
  it('refuses what it cannot verify', async () => {
    const { post, proxy, middleman } = await createWorld();
    expect([404, 404, 405]).toEqual([
      (await post({}, '/v1/embeddings')).status,
      (await post({}, '/v1/responses')).status,
      (await post({}, '/v1/models')).status,
    ]);
    expect((await fetch(`${proxy.url}/v1/chat/completions`)).status).toBe(405);
    expect((await fetch(`${proxy.url}/v1/%2e%2e/metrics`)).status).toBe(404);
    expect(middleman.seen).toEqual([]);
  });

  it('bounds bodies, requests and time', async () => {
    const { post, middleman } = await createWorld({
      limits: { bodyBytesMax: 1_000, requestsMax: 1, headersMsMax: 300 },
    });
    expect((await post(chatBody({ user: 'x'.repeat(2_000) }))).status).toBe(413);
    middleman.tamper = () => 'hang';
    const slow = post(chatBody());
    await until(() => middleman.seen.length > 0);
    const refused = await post(chatBody());
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await slow).status).toBe(504);
  });

  it('says when the node is not there, and when an address cannot be had', async () => {
    const { proxy, middleman } = await createWorld();
    const blind = await startProxy({ url: 'http://127.0.0.1:1', policy: middleman.policy, host: '127.0.0.1', port: 0 });
    open.push(blind);
    const response = await fetch(`${blind.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
    expect([response.status, (await codeOf(response)).code]).toEqual([502, 'UPSTREAM_UNREACHABLE']);
    const taken = startProxy({ url: middleman.url, policy: middleman.policy, host: '127.0.0.1', port: proxy.port });
    await expect(taken).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(
      startProxy({ url: 'nowhere', policy: middleman.policy, host: '127.0.0.1', port: 0 }),
    ).rejects.toBeInstanceOf(RunproofError);
  });
});
