import { isJsonObject, parseBundle, parseJson, RunproofError, StreamReader, utf8 } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';
import { describe, expect, it } from 'vitest';
import { chatBody, textBody } from '../../node/src/test/kit.ts';
import { VerificationError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { CHAT_URL, createWorld, post, type Tamper, TEXT_URL } from './test/world.ts';
import { verifiedFetch } from './verified-fetch.ts';

async function failureOf(work: () => Promise<unknown>): Promise<VerificationError> {
  const error = await work().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(VerificationError);
  return error as VerificationError;
}

const streamed = { ...chatBody({ stream: true }) };

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

function editedJson(edit: (value: Record<string, never>) => void): Tamper {
  return (text) => {
    const value = JSON.parse(text) as Record<string, never>;
    edit(value);
    return JSON.stringify(value);
  };
}

const noStore = (text: string, response: Response, change: (headers: Headers) => void): Response => {
  const headers = new Headers(response.headers);
  change(headers);
  return new Response(text, { status: 200, headers });
};

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
      Object.assign(value['usage'] ?? {}, { prompt_tokens: 9, completion_tokens: 9_000, total_tokens: 9_009 }),
    ),
    'response.match',
  ],
  [
    'a second choice',
    editedJson((value) =>
      (value['choices'] as unknown[]).push({
        index: 1,
        message: { role: 'assistant', content: 'buy' },
        finish_reason: 'stop',
      }),
    ),
    'response.match',
  ],
  [
    'a tool call',
    editedJson((value) =>
      Object.assign((value['choices'] as { message: object }[])[0]?.message ?? {}, { tool_calls: [{ id: 'x' }] }),
    ),
    'response.match',
  ],
  [
    'no receipt',
    (text, response) => noStore(text, response, (headers) => headers.delete('runproof-receipt')),
    'receipt',
  ],
  [
    'a receipt id that is a path',
    (text, response) => noStore(text, response, (headers) => headers.set('runproof-receipt', '../../secret')),
    'receipt',
  ],
  [
    'another kind of answer',
    (text, response) => noStore(text, response, (headers) => headers.set('content-type', 'text/event-stream')),
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
    const named = failure.report?.failed ?? [failure.evidence['failed'] ?? failure.evidence['missing']].flat();
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

/** Reads a stream as an SDK does, to `[DONE]` and no further. */
async function readAsSdk(response: Response): Promise<{ content: string; finish: string | null }> {
  const reader = new StreamReader('chat.completion');
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    reader.push(bytes);
    if (reader.done) break;
  }
  return { content: reader.content, finish: reader.finishReason };
}

const events = (text: string): string[] => text.split(/(?<=\n\n)/);
const isReceipt = (event: string): boolean => event.includes('"runproof":{"receipt"');
const isFinish = (event: string): boolean => /"finish_reason":"/.test(event);
/** the first event with text that is not a special case */
const swap = (text: string, edit: (event: string) => string): string => {
  const all = events(text);
  const place = all.findIndex((event) => event.includes('"content":" '));
  return all.map((event, index) => (index === place ? edit(event) : event)).join('');
};

const STREAM_TAMPER: readonly (readonly [string, Tamper])[] = [
  ['a letter of the answer', (text) => swap(text, (event) => event.replace('"content":" ', '"content":" x'))],
  ['a piece left out', (text) => swap(text, () => '')],
  ['a piece twice', (text) => swap(text, (event) => event + event)],
  ['a piece under an event name that SDKs skip', (text) => swap(text, (event) => `event: thread.x\n${event}`)],
  ['a tool call', (text) => swap(text, (event) => event.replace('"delta":{', '"delta":{"tool_calls":[{"index":0}],'))],
  [
    'the finish reason',
    (text) =>
      text.replace(
        /"finish_reason":"(\w+)"/,
        (_, reason: string) => `"finish_reason":"${reason === 'stop' ? 'length' : 'stop'}"`,
      ),
  ],
  [
    'no receipt',
    (text) =>
      events(text)
        .filter((event) => !isReceipt(event))
        .join(''),
  ],
  ['cut before the finish reason', (text) => events(text).slice(0, 4).join('')],
  ['cut before the receipt', (text) => events(text).slice(0, -2).join('')],
  ['cut before [DONE]', (text) => events(text).slice(0, -1).join('')],
  ['cut inside an event', (text) => text.slice(0, text.length - 3)],
  [
    '[DONE] early',
    (text) =>
      events(text)
        .flatMap((event) => (isFinish(event) ? [event, 'data: [DONE]\n\n'] : [event]))
        .join(''),
  ],
  ['carriage returns as line ends', (text) => swap(text, (event) => event.replace('data: ', ': \rdata: '))],
  [
    'text after the receipt',
    (text) =>
      events(text)
        .flatMap((event) =>
          isReceipt(event) ? [event, 'data: {"choices":[{"index":0,"delta":{"content":"!"}}]}\n\n'] : [event],
        )
        .join(''),
  ],
  ['an edited body', (text) => text.replace('"started_ms":1', '"started_ms":2')],
];

describe('verifiedFetch: streams', () => {
  it('passes on the same bytes, and the end only after the check', async () => {
    const world = createWorld();
    const order: string[] = [];
    let raw = new Uint8Array();
    const send = verifiedFetch({
      ...{ policy: world.policy, fetch: world.fetch, replay: world.replay, level: 'replayed' },
      onReport: (report, exchange) => {
        order.push(report.level);
        raw = exchange.response as Uint8Array<ArrayBuffer>;
      },
    });
    const response = await send(CHAT_URL, post(streamed));
    const parts: string[] = [];
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      const text = new TextDecoder().decode(bytes);
      parts.push(text);
      order.push(/"finish_reason":"|\[DONE\]|"receipt"/.test(text) ? 'end' : 'text');
    }
    expect(utf8(parts.join(''))).toEqual(raw);
    expect(order.at(-1)).toBe('end');
    expect(order.indexOf('replayed')).toBe(order.indexOf('end') - 1);
    expect(order.filter((step) => step === 'text').length).toBeGreaterThan(3);
  });

  it.each(STREAM_TAMPER)('ends in an error, without a finish reason: %s', async (_name, tamper) => {
    const world = createWorld();
    let before = '';
    world.tamper = (text, response) => {
      before = text;
      return tamper(text, response);
    };
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    const reader = new StreamReader('chat.completion');
    await failureOf(async () => {
      const response = await send(CHAT_URL, post(streamed));
      for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) reader.push(bytes);
    });
    expect(reader.finishReason).toBeNull();
    expect(reader.done).toBe(false);
    expect(tamper(before, new Response(''))).not.toBe(before);
  });

  it('strict: a stream that does not hold is never returned, one that does is whole', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch, strict: true });
    const held = await readAsSdk(await send(CHAT_URL, post(streamed)));
    expect(held.finish).not.toBeNull();
    expect(held.content).toContain(' ');
    for (const [, tamper] of STREAM_TAMPER) {
      world.tamper = tamper;
      await failureOf(() => send(CHAT_URL, post(streamed)));
    }
  });

  it('passes on the error of a run that failed after its receipt was checked', async () => {
    const world = createWorld();
    world.kit.engine.fault = { at: 3, kind: 'error' };
    const reports: string[] = [];
    const send = verifiedFetch({
      policy: world.policy,
      fetch: world.fetch,
      onReport: (report) => reports.push(report.verdict),
    });
    const text = await (await send(CHAT_URL, post(streamed))).text();
    expect(reports).toEqual(['valid']);
    const last = parseJson(events(text).at(-1)?.slice('data: '.length) ?? '');
    expect(isJsonObject(last) && last['error']).toMatchObject({ code: 'ENGINE_NONFINITE' });
  });

  it('stops the work when the reader leaves', async () => {
    const world = createWorld();
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    const response = await send(CHAT_URL, post(chatBody({ stream: true, max_tokens: 400, logit_bias: { 0: -100 } })));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    while (world.kit.store.bundles.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [bundle] = [...world.kit.store.bundles.values()];
    expect(parseBundle(bundle ?? '').body.finish_reason).toBe('abort');
  });

  it('refuses an answer of another kind than was asked for: an SDK would read it as empty', async () => {
    const world = createWorld();
    world.tamper = (text, response) =>
      noStore(text, response, (headers) => headers.set('content-type', 'application/json'));
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    expect((await failureOf(() => send(CHAT_URL, post(streamed)))).evidence['failed']).toEqual(['response.match']);
  });
});
