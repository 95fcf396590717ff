import { encodeCanonicalJson, parseBundle, receiptIdOfBundle } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { checkBundle } from '../test/checks.ts';
import { CHAT, chatBody, createKit, nonceOf, TEXT, textBody } from '../test/kit.ts';

interface Plain {
  id: string;
  object: string;
  model: string;
  choices: {
    index: number;
    finish_reason: string;
    message?: { role: string; content: string };
    text?: string;
    logprobs: Record<string, unknown> | null;
  }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  error?: { message: string; type: string; param: string | null; code: string };
}

const read = async (response: Response): Promise<Plain> => (await response.json()) as Plain;

describe('plain chat completions', () => {
  it('answer in the form of OpenAI', async () => {
    const kit = createKit();
    const response = await kit.post(CHAT, chatBody());
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = await read(response);
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'test/markov' });
    expect(answer.id).toMatch(/^chatcmpl-[0-9a-f]{24}$/);
    expect(answer.choices).toHaveLength(1);
    expect(answer.choices[0]).toMatchObject({ index: 0, logprobs: null, message: { role: 'assistant' } });
    expect(answer.usage.total_tokens).toBe(answer.usage.prompt_tokens + answer.usage.completion_tokens);
  });

  it('carry a receipt that binds request, nonce, parameters and answer, and that is in the log', async () => {
    const kit = createKit();
    const nonce = nonceOf('a');
    const request = `${JSON.stringify(chatBody({ temperature: 0.5, top_k: 4 }))} \n`;
    const response = await kit.post(CHAT, request, { 'Runproof-Nonce': nonce });
    const answer = await read(response);
    const bundle = kit.bundleOf(response);
    await checkBundle(bundle, kit, { request, nonce, content: answer.choices[0]?.message?.content ?? '' });
    expect(bundle.body).toMatchObject({
      operation: 'chat.completion',
      finish_reason: answer.choices[0]?.finish_reason,
      levels: ['sealed', 'replayed'],
      origin: kit.log.origin,
      evidence: {},
      segments: [],
    });
    expect(bundle.body.usage.completion_tokens).toBe(answer.usage.completion_tokens);
    expect(bundle.body.ended_ms).toBeGreaterThanOrEqual(bundle.body.started_ms);
    expect(receiptIdOfBundle(bundle)).toBe(response.headers.get('runproof-receipt'));
    const outcome = await kit.engine.replay(
      bundle.disclosure ?? { prompt: [], completion: [] },
      bundle.body.sampling,
      bundle.body.trace,
    );
    expect(outcome).toMatchObject({ equal: true, text: answer.choices[0]?.message?.content });
  });

  it('are stored as canonical bytes under the id that the header names', async () => {
    const kit = createKit();
    const response = await kit.post(CHAT, chatBody());
    const stored = kit.store.bundles.get(response.headers.get('runproof-receipt') ?? '') ?? '';
    expect(encodeCanonicalJson(parseBundle(stored))).toBe(stored);
  });

  it('draw a nonce and a salt of their own when the client gives none', async () => {
    const kit = createKit();
    const first = kit.bundleOf(await kit.post(CHAT, chatBody()));
    const second = kit.bundleOf(await kit.post(CHAT, chatBody()));
    expect(first.body.nonce).toMatch(/^[0-9a-f]{64}$/);
    expect(second.body.nonce).not.toBe(first.body.nonce);
    expect(second.salt).not.toBe(first.salt);
    expect(second.body.request).not.toBe(first.body.request);
  });

  it('are the same for the same request and nonce, and without a seed others for another nonce', async () => {
    const kit = createKit();
    const body = chatBody({ seed: null });
    const answer = async (nonce: string): Promise<string> => {
      const plain = await read(await kit.post(CHAT, body, { 'Runproof-Nonce': nonce }));
      return plain.choices[0]?.message?.content ?? '';
    };
    expect(await answer(nonceOf('a'))).toBe(await answer(nonceOf('a')));
    expect(await answer(nonceOf('a'))).not.toBe(await answer(nonceOf('b')));
  });

  it('give logprobs with bytes and alternatives, one entry per token', async () => {
    const kit = createKit();
    const answer = await read(await kit.post(CHAT, chatBody({ logprobs: true, top_logprobs: 3 })));
    const content = answer.choices[0]?.logprobs?.content as {
      token: string;
      bytes: number[];
      logprob: number;
      top_logprobs: unknown[];
    }[];
    expect(content).toHaveLength(answer.usage.completion_tokens);
    expect(content.every((entry) => entry.top_logprobs.length === 3 && entry.logprob <= 0)).toBe(true);
    expect(new TextDecoder().decode(new Uint8Array(content.flatMap((entry) => entry.bytes)))).toBe(
      answer.choices[0]?.message?.content,
    );
  });

  it('end before a stop string, whose tokens are still counted and sealed', async () => {
    const kit = createKit();
    const whole = await read(await kit.post(CHAT, chatBody({ max_tokens: 60 })));
    const text = whole.choices[0]?.message?.content ?? '';
    const stop = text.slice(9, 13);
    const response = await kit.post(CHAT, chatBody({ max_tokens: 60, stop: [stop] }));
    const answer = await read(response);
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: text.slice(0, text.indexOf(stop)) },
    });
    expect(kit.bundleOf(response).body.sampling.stop).toEqual([stop]);
  });

  it('are limited by the context, and refused when the prompt leaves no room', async () => {
    const kit = createKit();
    const response = await kit.post(
      CHAT,
      chatBody({ max_tokens: 100_000, messages: [{ role: 'user', content: 'x'.repeat(480) }] }),
    );
    expect(kit.bundleOf(response).body.sampling.max_tokens).toBe(512 - 480 - '<user>'.length);
    const refused = await kit.post(CHAT, chatBody({ messages: [{ role: 'user', content: 'x'.repeat(512) }] }));
    expect(refused.status).toBe(400);
    expect((await read(refused)).error).toMatchObject({
      code: 'MODEL_CONTEXT',
      param: 'messages',
      type: 'invalid_request_error',
    });
  });

  it('pass on what the template refuses', async () => {
    const kit = createKit();
    const refused = await kit.post(CHAT, chatBody({ messages: [{ role: 'user', content: 'refuse me' }] }));
    expect(refused.status).toBe(400);
    expect((await read(refused)).error?.code).toBe('MODEL_TEMPLATE');
    expect(kit.log.entries).toHaveLength(0);
  });
});

describe('plain text completions', () => {
  it('continue a string, an array of one string, and token ids alike', async () => {
    const kit = createKit();
    const ids = await kit.engine.encodeText('Once upon a time');
    const texts: (string | undefined)[] = [];
    for (const prompt of ['Once upon a time', ['Once upon a time'], ids, [ids]]) {
      const request = JSON.stringify(textBody({ prompt, temperature: 0 }));
      const response = await kit.post(TEXT, request);
      const answer = await read(response);
      texts.push(answer.choices[0]?.text);
      expect(answer).toMatchObject({ object: 'text_completion', choices: [{ index: 0, logprobs: null }] });
      expect(answer.id).toMatch(/^cmpl-/);
      const bundle = kit.bundleOf(response);
      expect(bundle.body.operation).toBe('text.completion');
      await checkBundle(bundle, kit, { request, content: answer.choices[0]?.text ?? '' });
    }
    expect(new Set(texts).size).toBe(1);
  });

  it('give logprobs in the older form', async () => {
    const kit = createKit();
    const answer = await read(await kit.post(TEXT, textBody({ logprobs: 2 })));
    const logprobs = answer.choices[0]?.logprobs as {
      tokens: string[];
      token_logprobs: number[];
      top_logprobs: object[];
      text_offset: number[];
    };
    expect(logprobs.tokens).toHaveLength(answer.usage.completion_tokens);
    expect(logprobs.token_logprobs).toHaveLength(logprobs.tokens.length);
    expect(
      logprobs.top_logprobs.every(
        (top, index) => logprobs.tokens[index] !== undefined && logprobs.tokens[index] in top,
      ),
    ).toBe(true);
    expect(logprobs.text_offset[1]).toBe(logprobs.tokens[0]?.length);
  });

  it('refuse ids beyond the vocabulary', async () => {
    const kit = createKit();
    const refused = await kit.post(TEXT, textBody({ prompt: [1, 400] }));
    expect(refused.status).toBe(400);
    expect((await read(refused)).error).toMatchObject({ code: 'PARAMETER_INVALID', param: 'prompt' });
  });
});

describe('the nonce', () => {
  it.each([
    ['short', 'ab'.repeat(15)],
    ['long', 'ab'.repeat(65)],
    ['upper case', 'AB'.repeat(16)],
    ['odd', `${'ab'.repeat(16)}c`],
    ['empty', ''],
  ])('that is %s is refused', async (_name, nonce) => {
    const kit = createKit();
    const refused = await kit.post(CHAT, chatBody(), { 'Runproof-Nonce': nonce });
    expect(refused.status).toBe(400);
    expect((await read(refused)).error).toMatchObject({ code: 'PARAMETER_INVALID', param: 'Runproof-Nonce' });
    expect(kit.engine.requests).toHaveLength(0);
  });

  it('may have 16 to 64 bytes and is echoed', async () => {
    const kit = createKit();
    for (const bytes of [16, 33, 64]) {
      const response = await kit.post(CHAT, chatBody(), { 'Runproof-Nonce': 'ab'.repeat(bytes) });
      expect(response.headers.get('runproof-nonce')).toBe('ab'.repeat(bytes));
      expect(kit.bundleOf(response).body.nonce).toBe('ab'.repeat(bytes));
    }
  });
});
