import { RunproofError, utf8 } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';
import OpenAI, { APIConnectionError } from 'openai';
import { describe, expect, it } from 'vitest';
import { chatBody, textBody } from '../../node/src/test/kit.ts';
import { CHAT_REQUEST, serve } from '../../verify/test/honest-node.ts';
import { VerificationError } from './errors.ts';
import type { Exchange, FetchFunction } from './exchange.ts';
import { CHAT_URL, createWorld, failureOf, post, type Tamper, TEXT_URL, withHeaders } from './test/world.ts';
import { verifiedFetch } from './verified-fetch.ts';

const JSON_TYPE = 'application/json';

describe('verifiedFetch: plain answers', () => {
  it('returns the exact bytes of an answer that holds, and reports it', async () => {
    const world = createWorld();
    const seen: [VerificationReport, Exchange][] = [];
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch, onReport: (...made) => seen.push(made) });
    for (const [url, body] of [
      [CHAT_URL, chatBody()],
      [TEXT_URL, textBody()],
    ] as const) {
      const response = await send(url, post(body));
      const text = await response.text();
      expect(response.status).toBe(200);
      const [report, exchange] = seen.at(-1) ?? [];
      expect(report?.verdict).toBe('valid');
      expect(report?.level).toBe('sealed');
      expect(exchange?.response).toEqual(utf8(text));
      expect(exchange?.request).toEqual(utf8(JSON.stringify(body)));
      expect(report?.facts?.nonce).toBe(exchange?.nonce);
    }
  });

  it('sends a fresh nonce with each request, whatever the caller set', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    const request = post(chatBody());
    const headers = { ...(request.headers as Record<string, string>), 'runproof-nonce': '00'.repeat(16) };
    for (let round = 0; round < 3; round += 1) await send(CHAT_URL, { ...request, headers });
    const nonces = world.sent
      .filter((sent) => sent.method === 'POST')
      .map((sent) => sent.headers.get('runproof-nonce') ?? '');
    expect(new Set(nonces).size).toBe(3);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes bodies in every form, and a Request', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    const text = JSON.stringify(chatBody());
    const headers = { 'content-type': 'application/json' };
    const forms: [string | URL | Request, RequestInit?][] = [
      [new URL(CHAT_URL), { method: 'post', headers, body: utf8(text) }],
      [CHAT_URL, { method: 'POST', headers, body: new Blob([text]) }],
      [new Request(CHAT_URL, { method: 'POST', headers, body: text })],
    ];
    for (const [input, init] of forms) expect((await send(input, init)).ok).toBe(true);
    expect(world.sent.filter((sent) => sent.method === 'POST').map((sent) => sent.body)).toEqual([text, text, text]);
  });

  it('passes on other requests, and errors, untouched', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    const models = await send('http://node.test/v1/models');
    expect(((await models.json()) as { object: string }).object).toBe('list');
    expect(world.sent.at(-1)?.headers.has('runproof-nonce')).toBe(false);
    const refused = await send(CHAT_URL, post(chatBody({ tools: [{ type: 'function' }] })));
    expect(refused.status).toBe(400);
    expect(((await refused.json()) as { error: { code: string } }).error.code).toBe('PARAMETER_UNSUPPORTED');
  });

  it.each(['abort', 'error'] as const)('refuses a truthful answer that the node has cut with "%s"', async (reason) => {
    for (const stream of [false, true]) {
      const request = { ...CHAT_REQUEST, stream };
      let held = new Uint8Array();
      const node: FetchFunction = async (_, init) => {
        if (init?.method === 'GET') return new Response(held);
        const nonce = new Headers(init?.headers).get('runproof-nonce') ?? '';
        const exchange = serve({ request, nonce, cutAt: 3, reason });
        held = utf8(exchange.text) as Uint8Array<ArrayBuffer>;
        const headers = {
          'runproof-receipt': 'ab'.repeat(32),
          'content-type': stream ? 'text/event-stream' : JSON_TYPE,
        };
        return new Response((stream ? exchange.stream : exchange.response) as Uint8Array<ArrayBuffer>, { headers });
      };
      const verdicts: string[] = [];
      const send = verifiedFetch({
        policy: serve().policy,
        fetch: node,
        onReport: ({ verdict }) => verdicts.push(verdict),
      });
      const failure = await failureOf(async () => (await send(CHAT_URL, post(request))).text());
      expect([verdicts, failure.code, failure.evidence.failed]).toEqual([
        ['valid'],
        'VERIFY_FAILED',
        ['response.match'],
      ]);
    }
  });

  it('sends nothing that no receipt covers', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    for (const [url, method] of [
      ['http://node.test/v1/responses', 'POST'],
      ['http://node.test/v1/embeddings', 'POST'],
      [CHAT_URL, 'PUT'],
    ] as const) {
      const failure = await failureOf(() => send(url, { ...post(chatBody()), method }));
      expect([failure.code, failure.evidence.missing]).toEqual(['VERIFY_INCOMPLETE', ['receipt']]);
    }
    expect(world.sent).toEqual([]);
  });

  it('passes on the error of a run that failed', async () => {
    const world = createWorld();
    world.kit.engine.fault = { at: 2, kind: 'error' };
    const response = await verifiedFetch({ policy: world.policy, fetch: world.fetch })(CHAT_URL, post(chatBody()));
    expect(response.status).toBe(500);
    expect(response.headers.get('runproof-receipt')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('replays when level replayed is asked for, and wants a model for it', async () => {
    const world = createWorld();
    const reports: VerificationReport[] = [];
    const send = verifiedFetch({
      ...{ policy: world.policy, fetch: world.fetch, replay: world.replay, level: 'replayed' },
      onReport: (report) => reports.push(report),
    });
    await send(CHAT_URL, post(chatBody()));
    expect(reports.map((report) => report.level)).toEqual(['replayed']);
    expect(() => verifiedFetch({ policy: world.policy, level: 'replayed' })).toThrow(RunproofError);
    expect(() => verifiedFetch({ policy: 'not a policy' })).toThrow(RunproofError);
    const lying = { ...world.replay, modelDigest: `sha256:${'0'.repeat(64)}` };
    const failure = await failureOf(() =>
      verifiedFetch({ policy: world.policy, fetch: world.fetch, replay: lying, level: 'replayed' })(
        CHAT_URL,
        post(chatBody()),
      ),
    );
    expect(failure.report?.failed).toContain('replay.model');
  });
});

interface Answer {
  readonly choices: { index: number; message: object; finish_reason: string }[];
  readonly usage: object;
}

function editedJson(edit: (value: Answer) => void): Tamper {
  return (text) => {
    const value = JSON.parse(text) as Answer;
    edit(value);
    return JSON.stringify(value);
  };
}

/** What somebody in the middle may try on a plain answer → the check, or the missing thing, that catches it. */
const PLAIN_TAMPER: readonly (readonly [string, Tamper, string])[] = [
  ['a letter of the answer', (text) => text.replace('fox', 'box'), 'response.match'],
  [
    'the finish reason',
    (text) =>
      text.replace(
        /"finish_reason":"(\w+)"/,
        (_, reason: string) => `"finish_reason":"${reason === 'stop' ? 'length' : 'stop'}"`,
      ),
    'response.match',
  ],
  [
    'usage',
    editedJson((value) =>
      Object.assign(value.usage, { prompt_tokens: 9, completion_tokens: 9_000, total_tokens: 9_009 }),
    ),
    'response.match',
  ],
  [
    'a second choice',
    editedJson((value) =>
      value.choices.push({
        index: 1,
        message: { role: 'assistant', content: 'buy' },
        finish_reason: 'stop',
      }),
    ),
    'response.match',
  ],
  [
    'a tool call',
    editedJson((value) => Object.assign(value.choices[0]?.message ?? {}, { tool_calls: [{ id: 'x' }] })),
    'response.match',
  ],
  [
    'no receipt',
    (text, response) => withHeaders(text, response, (headers) => headers.delete('runproof-receipt')),
    'receipt',
  ],
  [
    'a receipt id that is a path',
    (text, response) => withHeaders(text, response, (headers) => headers.set('runproof-receipt', '../../secret')),
    'receipt',
  ],
  [
    'another kind of answer',
    (text, response) => withHeaders(text, response, (headers) => headers.set('content-type', 'text/event-stream')),
    'response.match',
  ],
  ['an empty success', () => new Response(null, { status: 204 }), 'receipt'],
];

describe('verifiedFetch: tampered plain answers', () => {
  it.each(PLAIN_TAMPER)('refuses %s', async (_name, tamper, caught) => {
    const world = createWorld();
    world.tamper = tamper;
    const failure = await failureOf(() =>
      verifiedFetch({ policy: world.policy, fetch: world.fetch })(CHAT_URL, post(chatBody())),
    );
    const named = failure.report?.failed ?? [failure.evidence.failed ?? failure.evidence.missing].flat();
    expect(named).toContain(caught);
  });

  it('refuses a redirect, a replayed answer, another policy, and a receipt that is gone', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    world.tamper = () =>
      new Response(null, { status: 307, headers: { location: 'http://elsewhere.test/v1/chat/completions' } });
    expect((await failureOf(() => send(CHAT_URL, post(chatBody())))).code).toBe('VERIFY_FAILED');

    world.tamper = null;
    const once = (): Tamper => {
      let kept: Response | null = null;
      return (text, response) => {
        kept ??= new Response(text, { status: 200, headers: response.headers });
        return kept.clone();
      };
    };
    [world.tamper, world.tamperReceipt] = [once(), once()];
    await send(CHAT_URL, post(chatBody()));
    expect((await failureOf(() => send(CHAT_URL, post(chatBody())))).report?.failed).toEqual(['nonce.match']);

    world.tamperReceipt = null;
    world.tamper = null;
    const stranger = world.policy.replace(/^model .*$/m, `model sha256:${'1'.repeat(64)}`);
    expect(
      (await failureOf(() => verifiedFetch({ policy: stranger, fetch: world.fetch })(CHAT_URL, post(chatBody()))))
        .report?.failed,
    ).toEqual(['model.trusted']);
    const vague = world.policy.replace(/^model .*\n/m, '');
    const incomplete = await failureOf(() =>
      verifiedFetch({ policy: vague, fetch: world.fetch })(CHAT_URL, post(chatBody())),
    );
    expect([incomplete.code, incomplete.report?.missing]).toEqual(['VERIFY_INCOMPLETE', ['model.trusted']]);

    world.tamperReceipt = () => new Response('{}', { status: 404 });
    expect((await failureOf(() => send(CHAT_URL, post(chatBody())))).code).toBe('VERIFY_INCOMPLETE');
    world.tamperReceipt = (text) => ` ${text}`;
    expect((await failureOf(() => send(CHAT_URL, post(chatBody())))).report?.failed).toEqual(['bundle.parse']);
  });

  it('asks for the receipt where the answer came from, with the caller’s credentials and the nonce', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    await send(CHAT_URL, {
      ...post(chatBody()),
      headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
    });
    const [asked, receipt] = world.sent;
    expect(receipt?.url).toMatch(/^http:\/\/node\.test\/v1\/receipts\/[0-9a-f]{64}$/);
    expect(receipt?.headers.get('authorization')).toBe('Bearer key');
    expect(receipt?.headers.get('runproof-nonce')).toBe(asked?.headers.get('runproof-nonce'));
  });
});

describe('verifiedFetch: in the openai SDK', () => {
  it('a retry has a nonce of its own, and what remains is our error', async () => {
    const world = createWorld();
    world.tamper = (text) => text.replace('fox', 'box');
    const checked = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    const client = new OpenAI({ baseURL: 'http://node.test/v1', apiKey: 'none', fetch: checked, maxRetries: 1 });
    const asked = {
      model: 'test/markov',
      messages: [{ role: 'user' as const, content: 'Tell me of a fox.' }],
      seed: 7,
    };
    const error = await client.chat.completions.create({ ...asked, max_tokens: 24 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIConnectionError);
    expect((error as APIConnectionError).cause).toBeInstanceOf(VerificationError);
    const nonces = world.sent
      .filter(({ method }) => method === 'POST')
      .map(({ headers }) => headers.get('runproof-nonce'));
    expect([nonces.length, new Set(nonces).size]).toEqual([2, 2]);
  });
});
