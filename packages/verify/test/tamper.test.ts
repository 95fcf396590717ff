// The tamper table: each lie is caught by a named check. A lie of the node is sealed properly, so that only the check in question can see it;
// a lie of somebody on the way changes what the node had sealed.
import { type Bundle, commit, encodeBundle, encodeHex, encodeTokenIds, outputCommitmentData, parseHex, type ReceiptBody, RunproofError, sha256, utf8 } from '@runproof/protocol';
import { ed25519NoteSigner, encodeTlogProof, parseTlogProof } from '@runproof/tlog';
import { describe, expect, it } from 'vitest';
import { CHECK_IDS, type CheckId, type Replayer, verify, type VerifyOptions } from '../src/index.ts';
import { CHAT_REQUEST, ENGINE, type Exchange, LOG_SIGNER, ORIGIN, plainResponse, SALT, seal, serve, WITNESS } from './honest-node.ts';
import { TinyEngine } from './tiny-engine.ts';

interface Lie {
  readonly name: string;
  /** what the caller holds */
  readonly exchange: Exchange;
  /** the bundle that the caller is shown */
  readonly shown?: string;
  readonly options?: Partial<VerifyOptions>;
  /** checks that must fail, and no others */
  readonly caught: readonly CheckId[];
}

const honest = serve();
const body = (change: Partial<ReceiptBody>) => (original: ReceiptBody): ReceiptBody => ({ ...original, ...change });
const shown = (change: Partial<Bundle>): string => encodeBundle({ ...honest.bundle, ...change });
const disclosed = (change: Partial<NonNullable<Bundle['disclosure']>>): string => {
  const { disclosure } = honest.bundle;
  if (disclosure === null) throw new Error('the honest bundle discloses');
  return shown({ disclosure: { ...disclosure, ...change } });
};
const flipFirst = (ids: readonly number[]): number[] => ids.map((id, index) => (index === 0 ? (id === 5 ? 6 : 5) : id));
const edited = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
  const text = new TextDecoder().decode(bytes);
  if (!text.includes(from)) throw new Error(`the text has no ${from}`);
  return utf8(text.replace(from, () => to));
};
const answerText = (exchange: Exchange): string =>
  (JSON.parse(new TextDecoder().decode(exchange.response)) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '';
const proof = parseTlogProof(honest.bundle.proof);
const completion = honest.bundle.disclosure?.completion ?? [];
const prompt = honest.bundle.disclosure?.prompt ?? [];
const replay = { replay: ENGINE, level: 'replayed' } as const;
const otherLog = ed25519NoteSigner('example.org/other-log', sha256(utf8('other log')));
const impostor = ed25519NoteSigner(ORIGIN, sha256(utf8('impostor')));
const quorumPolicy = `witness w1 ${WITNESS.vkey}\n${honest.policy.replace('quorum none', 'quorum w1')}`;

const answers: Lie[] = [
  { name: 'answer edited by one character', exchange: { ...honest, response: plainResponse('chat.completion', `${answerText(honest).slice(0, -1)}\u007f`, honest.bundle.body.finish_reason, honest.bundle.body.usage) }, caught: ['response.match'] },
  { name: 'answer edited in its stream', exchange: { ...honest, response: edited(honest.stream, '"content":"', '"content":"not ') }, caught: ['response.match'] },
  { name: 'stream cut before its end', exchange: { ...honest, response: edited(honest.stream, 'data: [DONE]\n\n', '') }, caught: ['response.match'] },
  { name: 'stream cut in its middle', exchange: { ...honest, response: honest.stream.slice(0, 200) }, caught: ['response.match'] },
  { name: 'stream with text after its end', exchange: { ...honest, response: edited(honest.stream, 'data: [DONE]\n\n', 'data: [DONE]\n\ndata: {"choices":[]}\n\n') }, caught: ['response.match'] },
  { name: 'tool call slipped into the answer', exchange: { ...honest, response: edited(honest.response, '"refusal":null', '"refusal":null,"tool_calls":[{"id":"x"}]') }, caught: ['response.match'] },
  { name: 'usage inflated on the way', exchange: { ...honest, response: plainResponse('chat.completion', answerText(honest), honest.bundle.body.finish_reason, { completion_tokens: 999, prompt_tokens: prompt.length }) }, caught: ['response.match'] },
  { name: 'finish reason changed on the way', exchange: { ...honest, response: edited(honest.response, `"finish_reason":"${honest.bundle.body.finish_reason}"`, '"finish_reason":"abort"') }, caught: ['response.match'] },
  { name: 'error in the place of the answer', exchange: { ...honest, response: utf8('{"error":{"message":"x"}}') }, caught: ['response.match'] },
];

const requests: Lie[] = [
  { name: 'request edited', exchange: { ...honest, request: edited(honest.request, 'sea', 'see') }, caught: ['request.match'] },
  { name: 'receipt of another request', exchange: { ...honest, ...((other: Exchange) => ({ bundle: other.bundle, text: other.text }))(serve({ request: { ...CHAT_REQUEST, max_tokens: 5 } })) }, caught: ['request.match', 'response.match'] },
  { name: 'replayed nonce', exchange: { ...honest, nonce: encodeHex(sha256(utf8('fresh nonce'))) }, caught: ['nonce.match'] },
  { name: 'temperature changed', exchange: serve({ executed: { ...CHAT_REQUEST, temperature: 1.5 } }), caught: ['request.parameters'] },
  { name: 'penalty added', exchange: serve({ executed: { ...CHAT_REQUEST, repetition_penalty: 1.3 } }), caught: ['request.parameters'] },
  { name: 'stop string added', exchange: serve({ executed: { ...CHAT_REQUEST, stop: 'q' } }), caught: ['request.parameters'] },
  { name: 'max_tokens raised', exchange: serve({ executed: { ...CHAT_REQUEST, max_tokens: 21 } }), caught: ['request.parameters'] },
  { name: 'another model than asked for', exchange: serve({ request: { ...CHAT_REQUEST, model: 'large' } }), caught: ['request.parameters'] },
  {
    name: 'a name of the policy given to another model',
    exchange: honest,
    options: { policy: `${honest.policy.replace(' tiny\n', ' small\n')}model sha256:${'0'.repeat(64)} tiny\n` },
    caught: ['request.parameters'],
  },
  { name: 'another call than asked for', exchange: serve({ lie: body({ operation: 'text.completion' }) }), caught: ['request.parameters', 'response.match'] },
  { name: 'seed changed', exchange: serve({ lie: (original) => ({ ...original, sampling: { ...original.sampling, seed: 'ab'.repeat(32) } }) }), caught: ['seed.match'] },
  { name: 'fixed seed not kept', exchange: serve({ request: { ...CHAT_REQUEST, seed: 1 }, lie: (original) => ({ ...original, sampling: { ...original.sampling, seed: honest.bundle.body.sampling.seed } }) }), caught: ['seed.match'] },
];

const logs: Lie[] = [
  { name: 'leaf missing', exchange: honest, shown: shown({ proof: seal({ ...honest.bundle.body, ended_ms: 1_790_000_009_999 }, null).proof }), caught: ['log.inclusion'] },
  { name: 'proof truncated', exchange: honest, shown: shown({ proof: encodeTlogProof({ ...proof, hashes: proof.hashes.slice(0, -1) }) }), caught: ['log.inclusion'] },
  { name: 'proof of another index', exchange: honest, shown: shown({ proof: encodeTlogProof({ ...proof, index: 5 }) }), caught: ['log.inclusion'] },
  { name: 'checkpoint of another log that is trusted', exchange: serve({ log: { signer: otherLog, origin: otherLog.name } }), options: { policy: `log ${otherLog.vkey}\n${honest.policy}` }, caught: ['body.origin'] },
  { name: 'checkpoint of another log that is not trusted', exchange: serve({ log: { signer: otherLog, origin: otherLog.name } }), caught: ['policy.log', 'body.origin'] },
  { name: 'log that is not trusted', exchange: serve({ log: { signer: otherLog, origin: otherLog.name }, lie: body({ origin: otherLog.name }) }), caught: ['policy.log'] },
  { name: 'signature by another key', exchange: serve({ log: { signer: impostor } }), caught: ['log.signature'] },
  { name: 'signature by another key under the id of the log’s', exchange: serve({ log: { signer: { ...impostor, keyId: LOG_SIGNER.keyId } } }), caught: ['log.signature'] },
  { name: 'tree size changed', exchange: honest, shown: shown({ proof: honest.bundle.proof.replace(`${ORIGIN}\n6\n`, `${ORIGIN}\n7\n`) }), caught: ['log.signature', 'log.inclusion'] },
  { name: 'salt changed', exchange: honest, shown: shown({ salt: 'ab'.repeat(32) }), caught: ['log.inclusion', 'request.match', 'response.match', 'disclosure.prompt', 'disclosure.tokens'] },
  { name: 'witness missing', exchange: honest, options: { policy: quorumPolicy }, caught: ['log.witnesses'] },
  { name: 'model that the policy does not list', exchange: honest, options: { policy: honest.policy.replace(ENGINE.modelDigest, `sha256:${'0'.repeat(64)}`) }, caught: ['model.trusted', 'request.parameters'] },
  { name: 'model that the policy lists by digest only, and not this one', exchange: honest, options: { policy: honest.policy.replace(`${ENGINE.modelDigest} tiny`, `sha256:${'0'.repeat(64)}`) }, caught: ['model.trusted'] },
  { name: 'contract that the policy does not list', exchange: honest, options: { policy: honest.policy.replace('tiny-1', 'exact-1') }, caught: ['engine.trusted'] },
  { name: 'body in another JSON spelling', exchange: honest, shown: honest.text.replace('"temperature":0.5', '"temperature":0.50'), caught: ['bundle.parse'] },
  { name: 'body with white space', exchange: honest, shown: honest.text.replace('{"body":', '{"body": '), caught: ['bundle.parse'] },
  { name: 'body with its names in another order', exchange: honest, shown: JSON.stringify({ schema: 'runproof/bundle/1', ...honest.bundle }), caught: ['bundle.parse'] },
  { name: 'field that no verifier knows', exchange: honest, shown: honest.text.replace('"evidence":{}', '"evidence":{},"extra":1'), caught: ['bundle.parse'] },
  { name: 'extra line in the proof', exchange: honest, shown: shown({ proof: encodeTlogProof({ ...proof, extra: Uint8Array.of(1) }) }), caught: ['bundle.parse'] },
];

const disclosures: Lie[] = [
  { name: 'one token swapped', exchange: honest, shown: disclosed({ completion: flipFirst(completion) }), caught: ['disclosure.tokens'] },
  { name: 'one prompt token swapped', exchange: honest, shown: disclosed({ prompt: flipFirst(prompt) }), caught: ['disclosure.prompt'] },
  { name: 'end of the trace changed', exchange: honest, shown: disclosed({ trace: honest.bundle.disclosure?.trace.replace(/.{8}$/, 'AAAAAA==') ?? '' }), caught: ['disclosure.trace'] },
  { name: 'trace left out', exchange: honest, shown: disclosed({ trace: '' }), caught: ['disclosure.trace'] },
  { name: 'usage of the prompt inflated by the node', exchange: serve({ lie: (original) => ({ ...original, usage: { ...original.usage, prompt_tokens: 999 } }) }), caught: ['response.match', 'disclosure.prompt'] },
  { name: 'usage of the output inflated by the node', exchange: serve({ lie: (original) => ({ ...original, usage: { ...original.usage, completion_tokens: 19 } }) }), caught: ['response.match', 'disclosure.tokens'] },
  {
    name: 'more tokens than max_tokens',
    exchange: serve({ secretly: { max_tokens: 22 } }),
    caught: ['disclosure.tokens'],
  },
];

const swap = (original: ReceiptBody): ReceiptBody => ({ ...original, tokens: commit(SALT, 'tokens', encodeTokenIds(flipFirst(completion))) });
const replays: Lie[] = [
  { name: 'other model with one weight changed', exchange: serve({ actual: new TinyEngine('honest weightS') }), options: replay, caught: ['replay.trace'] },
  { name: 'other quantisation', exchange: serve({ actual: new TinyEngine('honest weights in 4 bits') }), options: replay, caught: ['replay.trace'] },
  { name: 'system prompt inserted after the fact', exchange: serve({ executed: { ...CHAT_REQUEST, messages: [{ content: 'Praise us.', role: 'system' }, ...CHAT_REQUEST.messages] } }), options: replay, caught: ['replay.prompt'] },
  { name: 'token swapped, with the trace of the honest run', exchange: { ...honest, text: encodeBundle(seal(swap(honest.bundle.body), { completion: flipFirst(completion), prompt, trace: honest.bundle.disclosure?.trace ?? '' })) }, options: replay, caught: ['replay.trace'] },
  { name: 'token swapped, with a trace of its own', exchange: serve({ edit: flipFirst }), options: replay, caught: ['replay.sampling'] },
  { name: 'temperature changed in secret', exchange: serve({ secretly: { temperature: 2 } }), options: replay, caught: ['replay.sampling'] },
  { name: 'seed changed in secret', exchange: serve({ secretly: { seed: 'ab'.repeat(32) } }), options: replay, caught: ['replay.sampling'] },
  { name: 'text that the tokens do not say', exchange: serve({ claimedText: 'Buy our product!' }), options: replay, caught: ['replay.output'] },
  { name: 'finish reason changed by the node', exchange: serve({ reason: 'stop', request: { ...CHAT_REQUEST, max_tokens: 3 } }), options: replay, caught: ['replay.output'] },
  { name: 'answer cut by the node, which says that it stopped', exchange: serve({ reason: 'stop', cutAt: 2 }), options: replay, caught: ['replay.output'] },
  { name: 'whole answer that is said to be cut', exchange: serve({ reason: 'abort' }), options: replay, caught: ['replay.output'] },
  { name: 'verifier with another model', exchange: honest, options: { replay: new TinyEngine('another'), level: 'replayed' }, caught: ['replay.model'] },
  { name: 'another contract', exchange: serve({ lie: (original) => ({ ...original, engine: { ...original.engine, contract: 'tiny-2' } }) }), options: { ...replay, policy: `${honest.policy}engine tiny-2\n` }, caught: ['replay.model'] },
  { name: 'hint of the trace changed', exchange: honest, shown: disclosed({ trace: (honest.bundle.disclosure?.trace ?? '').replace(/^.{4}/, 'AAAA') }), options: replay, caught: ['replay.trace'] },
  { name: 'token that the model does not have', exchange: serve({ edit: (ids) => [5000, ...ids.slice(1)] }), options: replay, caught: ['replay.trace'] },
];

const table = [...answers, ...requests, ...logs, ...disclosures, ...replays];

describe('tamper table', () => {
  it.each(table.map((lie) => [lie.name, lie] as const))('%s', async (_name, { exchange, shown: text, options, caught }) => {
    const report = await verify(text ?? exchange.text, { ...exchange, ...options });
    expect(report.failed).toEqual(caught);
    expect(report).toMatchObject({ verdict: 'invalid', level: 'none' });
    expect(report.facts).toBeUndefined();
    for (const check of report.checks) if (check.result === 'fail') expect(check.detail).not.toBe('');
  });

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
      id: 'nonce.match', result: 'fail', code: 'NONCE_MISMATCH', detail: 'The receipt was made for another nonce.',
      evidence: { expected: 'ab'.repeat(16), got: honest.nonce },
    });
  });
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
    ['that holds fewer positions than the run has', failing(new RunproofError('PARAMETER_INVALID', 'must not be called'), 10)],
  ])('%s proves nothing', async (_name, replayer) => {
    const report = await verify(honest.text, { ...honest, replay: replayer });
    expect(report).toMatchObject({ verdict: 'incomplete', level: 'sealed', failed: [], missing: ['replay.trace', 'replay.sampling', 'replay.output'] });
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
    const sealed = seal({ ...original, levels: ['sealed'], trace: '0'.repeat(64) }, { ...disclosure, trace: '' });
    const report = await verify(encodeBundle(sealed), { ...honest, ...replay });
    expect(report).toMatchObject({ verdict: 'incomplete', level: 'sealed', failed: [] });
    expect(report.missing).toHaveLength(5);
  });
});

it('the output commitment binds the finish reason', () => {
  const data = (reason: 'stop' | 'length'): string => commit(parseHex('00'.repeat(32)), 'output', outputCommitmentData('x', reason));
  expect(data('stop')).not.toBe(data('length'));
});
