// An honest exchange is valid, and each thing that the caller does not give is named.
import { encodeBundle, type JsonObject } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { CHECK_IDS, verify } from '../src/index.ts';
import { CHAT_REQUEST, ENGINE, LOG_SIGNER, serve, WITNESS } from './honest-node.ts';

const TEXT_REQUEST: JsonObject = { model: 'tiny', prompt: 'Once upon a time', seed: 7, logit_bias: { '40': -3 } };

describe('an honest exchange', () => {
  it.each([
    ['chat, plain', serve(), 'response'],
    ['chat, streamed', serve(), 'stream'],
    ['text, plain', serve({ operation: 'text.completion', request: TEXT_REQUEST }), 'response'],
    ['text, streamed', serve({ operation: 'text.completion', request: TEXT_REQUEST }), 'stream'],
  ] as const)('%s, is valid and replayed', async (_name, exchange, kind) => {
    const { text, policy, request, nonce } = exchange;
    const report = await verify(text, {
      policy,
      request,
      nonce,
      response: exchange[kind],
      replay: ENGINE,
      level: 'replayed',
    });
    expect(report.failed).toEqual([]);
    expect(report).toMatchObject({ verdict: 'valid', level: 'replayed', missing: [] });
    expect(report.checks.map((check) => check.id)).toEqual(CHECK_IDS.filter((id) => id !== 'log.witnesses'));
    expect(report.facts).toMatchObject({ index: 4, model: ENGINE.modelDigest, nonce, witnesses: [] });
  });

  it('is sealed without a replay, also without a disclosure', async () => {
    const { bundle, policy, request, nonce, response } = serve();
    const report = await verify(encodeBundle({ ...bundle, disclosure: null }), { policy, request, nonce, response });
    expect(report).toMatchObject({ verdict: 'valid', level: 'sealed', missing: [], failed: [] });
  });

  it('names its witnesses where the policy has a quorum', async () => {
    const exchange = serve({ log: { witnessed: true } });
    const policy = `witness w1 ${WITNESS.vkey}\n${exchange.policy.replace('quorum none', 'quorum w1')}`;
    const report = await verify(exchange.text, { ...exchange, policy });
    expect(report).toMatchObject({ verdict: 'valid', level: 'sealed', facts: { witnesses: ['w1'] } });
    expect(report.checks.map((check) => check.id)).toContain('log.witnesses');
  });

  it('that was cut is valid when it says so', async () => {
    const exchange = serve({ cutAt: 3, reason: 'error' });
    const report = await verify(exchange.text, { ...exchange, replay: ENGINE, level: 'replayed' });
    expect(report).toMatchObject({
      verdict: 'valid',
      level: 'replayed',
      facts: { finish_reason: 'error', completion_tokens: 3 },
    });
  });

  it('may have fields that change nothing', async () => {
    const beside = {
      logprobs: true,
      metadata: { a: 'b' },
      stream: true,
      stream_options: { include_usage: true },
      user: 'x',
      store: false,
    };
    const neutral = {
      n: 1,
      tools: [],
      tool_choice: 'auto',
      response_format: { type: 'text' },
      modalities: ['text'],
      verbosity: null,
    };
    const exchange = serve({ request: { ...CHAT_REQUEST, ...beside, ...neutral } });
    expect((await verify(exchange.text, exchange)).verdict).toBe('valid');
  });

  it('may allow fewer tokens than were asked for, and says so', async () => {
    const exchange = serve({ executed: { ...CHAT_REQUEST, max_tokens: 4 } });
    const report = await verify(exchange.text, { ...exchange, replay: ENGINE, level: 'replayed' });
    expect(report.verdict).toBe('valid');
    expect(report.checks.find((check) => check.id === 'request.parameters')?.detail).toContain(
      'at most 4 of the 20 tokens',
    );
  });
});

describe('what was not given', () => {
  const exchange = serve();
  const { text, policy, request, nonce, response } = exchange;

  it.each([
    ['request', { policy, nonce, response }, ['request.match']],
    ['response', { policy, nonce, request }, ['response.match']],
    ['everything', { policy }, ['request.match', 'response.match']],
    [
      'models of the policy',
      { ...exchange, policy: `log ${LOG_SIGNER.vkey}\nengine tiny-1\nquorum none\n` },
      ['model.trusted'],
    ],
    [
      'contracts of the policy',
      { ...exchange, policy: `log ${LOG_SIGNER.vkey}\nmodel ${ENGINE.modelDigest}\nquorum none\n` },
      ['engine.trusted'],
    ],
    [
      'a replayer',
      { ...exchange, level: 'replayed' as const },
      ['replay.model', 'replay.prompt', 'replay.trace', 'replay.sampling', 'replay.output'],
    ],
  ])('%s makes the verdict incomplete', async (_name, options, missing) => {
    const report = await verify(text, options);
    expect(report).toMatchObject({ verdict: 'incomplete', missing, failed: [] });
    expect(report.level).toBe(missing.length === 5 ? 'sealed' : 'none');
    expect(report.facts).toBeDefined();
  });

  it('a disclosure leaves a demanded replay incomplete', async () => {
    const stripped = encodeBundle({ ...exchange.bundle, disclosure: null });
    const report = await verify(stripped, { ...exchange, replay: ENGINE, level: 'replayed' });
    expect(report).toMatchObject({
      verdict: 'incomplete',
      level: 'sealed',
      missing: ['replay.prompt', 'replay.trace', 'replay.sampling', 'replay.output'],
    });
  });

  it('a policy that can be read is the caller’s mistake', async () => {
    await expect(verify(text, { policy: 'trust everybody\n' })).rejects.toMatchObject({ code: 'POLICY_SYNTAX' });
  });
});
