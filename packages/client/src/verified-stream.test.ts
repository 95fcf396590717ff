import { isJsonObject, parseBundle, parseJson, StreamReader, utf8 } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { chatBody } from '../../node/src/test/kit.ts';
import { CHAT_URL, createWorld, failureOf, post, type Tamper, withHeaders } from './test/world.ts';
import { verifiedFetch } from './verified-fetch.ts';

const streamed = { ...chatBody({ stream: true }) };

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

  it('says that a cut stream is incomplete, not that it is false', async () => {
    const world = createWorld();
    for (const kept of [-1, -2, 3]) {
      world.tamper = (text) => events(text).slice(0, kept).join('');
      const response = await verifiedFetch({ policy: world.policy, fetch: world.fetch })(CHAT_URL, post(streamed));
      expect((await failureOf(() => response.text())).code).toBe('VERIFY_INCOMPLETE');
    }
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
    expect(isJsonObject(last) && last.error).toMatchObject({ code: 'ENGINE_NONFINITE' });
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
      withHeaders(text, response, (headers) => headers.set('content-type', 'application/json'));
    const send = verifiedFetch({ policy: world.policy, fetch: world.fetch });
    expect((await failureOf(() => send(CHAT_URL, post(streamed)))).evidence.failed).toEqual(['response.match']);
  });
});
