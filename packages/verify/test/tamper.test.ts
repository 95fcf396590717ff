// The tamper table: each lie is caught by a named check. A lie of the node is sealed properly, so that only the check
// in question can see it;
// a lie of somebody on the way changes what the node had sealed.
import {
  commit,
  encodeBundle,
  outputCommitmentData,
  parseHex,
  RunproofError,
  tokensCommitmentData,
  utf8,
} from '@runproof/protocol';
import { encodeTlogProof, parseTlogProof } from '@runproof/tlog';
import { describe, expect, it } from 'vitest';
import { CHECK_IDS, type Replayer, verify } from '../src/index.ts';
import { ENGINE, SALT, seal, serve } from './honest-node.ts';
import { disclosures, replays } from './lies-replayed.ts';
import { answers, logs, requests } from './lies-sealed.ts';
import { completion, disclosed, edited, flipFirst, honest, quorumPolicy, replay } from './tamper-tools.ts';

const table = [...answers, ...requests, ...logs, ...disclosures, ...replays];

describe('tamper table', () => {
  it.each(table.map((lie) => [lie.name, lie] as const))(
    '%s',
    async (_name, { exchange, shown: text, options, caught }) => {
      const report = await verify(text ?? exchange.text, { ...exchange, ...options });
      expect(report.failed).toEqual(caught);
      expect(report).toMatchObject({ verdict: 'invalid', level: 'none' });
      expect(report.facts).toBeUndefined();
      for (const check of report.checks) if (check.result === 'fail') expect(check.detail).not.toBe('');
    },
  );

  it('has for every check a lie that nothing else catches', () => {
    const alone = new Set(table.filter((lie) => lie.caught.length === 1).map((lie) => lie.caught[0]));
    expect(CHECK_IDS.filter((id) => !alone.has(id))).toEqual([]);
  });

  it('catches a cosignature that does not hold', async () => {
    const witnessed = serve({ log: { witnessed: true } });
    const parts = parseTlogProof(witnessed.bundle.proof);
    const broken = parts.checkpoint.replace(/.(.{3})\n$/, (_line, end: string) => `A${end}\n`);
    expect(broken).not.toBe(parts.checkpoint);
    const text = encodeBundle({ ...witnessed.bundle, proof: encodeTlogProof({ ...parts, checkpoint: broken }) });
    expect((await verify(text, { ...witnessed, policy: quorumPolicy })).failed).toEqual(['log.witnesses']);
  });

  it('every failure says what was expected', async () => {
    const report = await verify(honest.text, { ...honest, nonce: 'ab'.repeat(16) });
    const failed = report.checks.find((check) => check.result === 'fail');
    expect(failed).toEqual({
      id: 'nonce.match',
      result: 'fail',
      code: 'NONCE_MISMATCH',
      detail: 'The receipt was made for another nonce.',
      evidence: { expected: 'ab'.repeat(16), got: honest.nonce },
    });
  });
});

describe('the reason of a failure', () => {
  const failed = edited(honest.stream, 'data: [DONE]', 'data: {"error":{"message":"x"}}');
  it.each([
    ['a response too large to read', new Uint8Array(64 * 1024 * 1024 + 1), 'JSON_SIZE'],
    ['a stream that failed before its end', utf8('data: {"error":{"message":"x"}}\n\n'), 'RESPONSE_SYNTAX'],
    ['a stream that fails after its last token', failed, 'RESPONSE_SYNTAX'],
    [
      'another finish reason',
      edited(honest.response, '"finish_reason":"length"', '"finish_reason":"stop"'),
      'OUTPUT_MISMATCH',
    ],
  ])('%s is named', async (_name, response, code) => {
    const report = await verify(honest.text, { ...honest, response });
    const check = report.checks.find(({ id }) => id === 'response.match');
    expect(check).toMatchObject({ result: 'fail', code });
    if (code === 'OUTPUT_MISMATCH') expect(check).toMatchObject({ evidence: { expected: 'length', got: 'stop' } });
  });

  it.each(['null', '[]', '"x"', '{', '{"messages":[],"messages":[]}'])(
    'is a request that asks nothing: %s',
    async (text) => {
      const request = utf8(text);
      const bundle = seal(
        { ...honest.bundle.body, request: commit(SALT, 'request', request) },
        honest.bundle.disclosure,
      );
      const report = await verify(encodeBundle(bundle), { ...honest, request });
      expect(report.failed).toContain('request.parameters');
      expect(report.failed).toContain('seed.match');
    },
  );
});

describe('a replayer that fails', () => {
  const failing = (error: unknown, contextLength = ENGINE.contextLength): Replayer => ({
    modelDigest: ENGINE.modelDigest,
    contract: ENGINE.contract,
    contextLength,
    encodePrompt: (operation, request) => ENGINE.encodePrompt(operation, request),
    replay: () => Promise.reject(error),
  });

  it.each([
    ['by a defect', failing(new Error('out of memory'))],
    ['for want of memory', failing(new RunproofError('MODEL_CONTEXT', 'too long for this machine'))],
    ['because its caller stopped it', failing(new RunproofError('ABORTED', 'stopped'))],
    [
      'that holds fewer positions than the run has',
      failing(new RunproofError('PARAMETER_INVALID', 'must not be called'), 10),
    ],
  ])('%s proves nothing', async (_name, replayer) => {
    const report = await verify(honest.text, { ...honest, replay: replayer });
    expect(report).toMatchObject({
      verdict: 'incomplete',
      level: 'sealed',
      failed: [],
      missing: ['replay.trace', 'replay.sampling', 'replay.output'],
    });
  });

  it('is not asked when the disclosure is not the committed one', async () => {
    const replayer = failing(new Error('must not be called'));
    const report = await verify(disclosed({ completion: flipFirst(completion) }), { ...honest, replay: replayer });
    expect(report.failed).toEqual(['disclosure.tokens']);
    expect(report.checks.map((check) => check.id)).not.toContain('replay.trace');
  });

  it('cannot replay a receipt that does not claim to be replayable', async () => {
    const { disclosure, body: original } = honest.bundle;
    if (disclosure === null) throw new Error('the honest bundle discloses');
    const tokens = commit(SALT, 'tokens', tokensCommitmentData(completion, new Uint8Array(0)));
    const body: typeof original = { ...original, levels: ['sealed'], tokens, trace: '0'.repeat(64) };
    const sealed = seal(body, { ...disclosure, trace: '' });
    const report = await verify(encodeBundle(sealed), { ...honest, ...replay });
    expect(report).toMatchObject({ verdict: 'incomplete', level: 'sealed', failed: [] });
    expect(report.missing).toHaveLength(5);
  });

  it('has a trace root of zeros where there are no tokens', async () => {
    const { disclosure, body } = honest.bundle;
    if (disclosure === null) throw new Error('the honest bundle discloses');
    const usage = { ...body.usage, completion_tokens: 0 };
    const tokens = commit(SALT, 'tokens', tokensCommitmentData([], new Uint8Array(0)));
    const empty = { ...disclosure, completion: [], trace: '' };
    const failed = async (trace: string): Promise<readonly string[]> => {
      const sealed = encodeBundle(seal({ ...body, usage, tokens, trace }, empty));
      return (await verify(sealed, { policy: honest.policy })).failed;
    };
    expect(await failed('0'.repeat(64))).toEqual([]);
    expect(await failed(body.trace)).toEqual(['disclosure.trace']);
  });
});

it('the output commitment binds the finish reason', () => {
  const data = (reason: 'stop' | 'length'): string =>
    commit(parseHex('00'.repeat(32)), 'output', outputCommitmentData('x', reason));
  expect(data('stop')).not.toBe(data('length'));
});
