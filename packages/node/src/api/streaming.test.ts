import { type Bundle, bundleFromValue, encodeBundle, StreamReader, utf8 } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { checkBundle } from '../test/checks.ts';
import { CHAT, chatBody, createKit, eventsOf, type Kit, nonceOf, TEXT, textBody, until } from '../test/kit.ts';

const CALLS = [
  ['chat', CHAT, chatBody, 'chat.completion'],
  ['text', TEXT, textBody, 'text.completion'],
] as const;

interface Chunk {
  choices: {
    delta?: { role?: string; content?: string };
    text?: string;
    finish_reason: string | null;
    logprobs: { content?: unknown[]; tokens?: string[] } | null;
  }[];
  usage?: unknown;
  runproof?: { receipt: unknown };
  error?: { code: string; message: string };
  object: string;
}

const chunksOf = async (response: Response): Promise<Chunk[]> =>
  (await eventsOf(response)).filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Chunk);

const textOf = (chunks: readonly Chunk[]): string =>
  chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? chunk.choices?.[0]?.text ?? '').join('');

async function plainText(kit: Kit, path: string, body: Record<string, unknown>, nonce: string): Promise<string> {
  const response = await kit.post(path, body, { 'Runproof-Nonce': nonce });
  const answer = (await response.json()) as { choices: { message?: { content: string }; text?: string }[] };
  return answer.choices[0]?.message?.content ?? answer.choices[0]?.text ?? '';
}

describe.each(CALLS)('a %s stream', (_name, path, body, operation) => {
  it('has the same text as the plain answer of the same seed, and seals the same tokens', async () => {
    const kit = createKit();
    for (const seed of [1, 2, 3, 4]) {
      const more = { seed, max_tokens: 60, stop: ['wood', ', and'] };
      const plain = await plainText(kit, path, body(more), nonceOf('n'));
      const chunks = await chunksOf(await kit.post(path, body({ ...more, stream: true })));
      expect(textOf(chunks)).toBe(plain);
      const [first, second] = [...kit.store.bundles.values()]
        .slice(-2)
        .map((text) => (JSON.parse(text) as Bundle).disclosure);
      expect(second).toEqual(first);
    }
  });

  it('ends with finish reason, receipt and [DONE], and the receipt binds what was sent', async () => {
    const kit = createKit();
    const request = JSON.stringify(body({ stream: true }));
    const response = await kit.post(path, request, { 'Runproof-Nonce': nonceOf('s') });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('runproof-receipt')).toBeNull();
    const reader = new StreamReader(operation);
    const bytes = new Uint8Array(await response.arrayBuffer());
    for (let index = 0; index < bytes.length; index += 7) reader.push(bytes.subarray(index, index + 7));
    reader.end();
    expect(reader.error).toBeNull();
    const bundle = bundleFromValue(reader.receipt ?? null);
    expect(reader.finishReason).toBe(bundle.body.finish_reason);
    expect(encodeBundle(bundle)).toBe([...kit.store.bundles.values()][0]);
    await checkBundle(bundle, kit, { request, nonce: nonceOf('s'), content: reader.content });
  });

  it('gives usage in the last chunk when asked for it, and null before', async () => {
    const kit = createKit();
    const chunks = await chunksOf(
      await kit.post(path, body({ stream: true, stream_options: { include_usage: true } })),
    );
    const last = chunks.at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.runproof?.receipt).toBeDefined();
    expect(last?.usage).toMatchObject({ completion_tokens: kit.onlyBundle().body.usage.completion_tokens });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    const without = await chunksOf(await kit.post(path, body({ stream: true })));
    expect(without.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('gives the logprobs of every token with the chunk that follows it', async () => {
    const kit = createKit();
    const wanted = operation === 'chat.completion' ? { logprobs: true, top_logprobs: 1 } : { logprobs: 1 };
    const chunks = await chunksOf(await kit.post(path, body({ stream: true, ...wanted })));
    const entries = chunks.flatMap(
      (chunk) => chunk.choices?.[0]?.logprobs?.content ?? chunk.choices?.[0]?.logprobs?.tokens ?? [],
    );
    expect(entries).toHaveLength(kit.onlyBundle().body.usage.completion_tokens);
  });

  it('is cut into characters, never into halves of one', async () => {
    const kit = createKit();
    const chunks = await chunksOf(await kit.post(path, body({ stream: true, max_tokens: 200 })));
    expect(textOf(chunks)).toContain('🦊');
    expect(chunks.every((chunk) => !textOf([chunk]).includes('\ufffd'))).toBe(true);
  });
});

describe('a chat stream', () => {
  it('names the role once, in its first chunk', async () => {
    const chunks = await chunksOf(await createKit().post(CHAT, chatBody({ stream: true })));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta?.role).filter((role) => role !== undefined)).toEqual([
      'assistant',
    ]);
    expect(chunks[0]?.choices[0]?.delta?.role).toBe('assistant');
    expect(chunks[0]?.object).toBe('chat.completion.chunk');
  });
});

describe('a stream that ends badly', () => {
  it.each(['error', 'throw', 'vanish', 'abort'] as const)(
    'with an engine that fails by "%s" has its receipt, then an error in the place of [DONE]',
    async (kind) => {
      const kit = createKit();
      kit.engine.fault = { at: 5, kind };
      const request = JSON.stringify(chatBody({ stream: true }));
      const response = await kit.post(CHAT, request);
      expect(response.status).toBe(200);
      const text = await response.text();
      expect(text).not.toContain('[DONE]');
      expect(text).not.toContain('secret');
      const reader = new StreamReader('chat.completion');
      reader.push(utf8(text));
      reader.end();
      expect(reader.finishReason).toBe('error');
      expect(reader.error?.code).toBe(kind === 'error' ? 'ENGINE_NONFINITE' : 'INTERNAL');
      const bundle = bundleFromValue(reader.receipt ?? null);
      expect(bundle.body).toMatchObject({ finish_reason: 'error', usage: { completion_tokens: 5 } });
      await checkBundle(bundle, kit, { request, content: reader.content });
    },
  );

  it('before its first token is an HTTP error with a receipt', async () => {
    const kit = createKit();
    kit.engine.fault = { at: 0, kind: 'error' };
    const response = await kit.post(CHAT, chatBody({ stream: true }));
    expect(response.status).toBe(500);
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe('ENGINE_NONFINITE');
    expect(kit.bundleOf(response).body).toMatchObject({ finish_reason: 'error', usage: { completion_tokens: 0 } });
  });

  it('because the log failed says so, without receipt and without [DONE]', async () => {
    const kit = createKit();
    kit.log.before = () => Promise.reject(new Error('EIO at /home/someone/log'));
    const response = await kit.post(CHAT, chatBody({ stream: true }));
    const text = await response.text();
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('runproof');
    expect(text).not.toContain('/home');
    expect(JSON.parse(text.trimEnd().split('\n\n').at(-1)?.replace('data: ', '') ?? '')).toMatchObject({
      error: { code: 'INTERNAL', type: 'server_error' },
    });
    expect(kit.node.ready).toBe(false);
  });

  it('because its reader left is sealed with what was emitted, and ends in the engine', async () => {
    const kit = createKit();
    kit.engine.pace = (position) =>
      position < 4 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, 1));
    const request = JSON.stringify(chatBody({ stream: true, max_tokens: 400, logit_bias: { 0: -100 } }));
    const response = await kit.post(CHAT, request);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await until(() => kit.store.bundles.size === 1);
    const { body, disclosure } = kit.onlyBundle();
    expect(body.finish_reason).toBe('abort');
    expect(disclosure?.completion.length).toBeLessThan(400);
    expect(kit.engine.running).toBe(0);
    const outcome = await kit.engine.replay(disclosure ?? { prompt: [], completion: [] }, body.sampling, body.trace);
    expect(outcome).toMatchObject({ equal: true, finish: 'unfinished' });
  });

  it('because its reader does not read is held back, then ended, and can still read why', async () => {
    const kit = createKit({ streamBufferBytes: 2_000, stallMsMax: 30 });
    const response = await kit.post(
      CHAT,
      chatBody({ stream: true, max_tokens: 400, logprobs: true, logit_bias: { 0: -100 } }),
    );
    await until(() => kit.store.bundles.size === 1);
    expect(kit.onlyBundle().body.finish_reason).toBe('error');
    const text = await response.text();
    expect(text).toContain('DEADLINE_EXCEEDED');
    expect(text).not.toContain('[DONE]');
  });
});
