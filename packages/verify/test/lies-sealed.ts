// Lies that a verifier without the model catches: about the answer, the request and the log.
import { encodeHex, sha256, utf8 } from '@runproof/protocol';
import { encodeTlogProof } from '@runproof/tlog';
import { CHAT_REQUEST, ENGINE, type Exchange, LOG_SIGNER, ORIGIN, plainResponse, seal, serve } from './honest-node.ts';
import {
  answerText,
  body,
  edited,
  honest,
  impostor,
  type Lie,
  otherLog,
  prompt,
  proof,
  quorumPolicy,
  shown,
} from './tamper-tools.ts';

export const answers: Lie[] = [
  {
    name: 'answer edited by one character',
    exchange: {
      ...honest,
      response: plainResponse(
        'chat.completion',
        `${answerText(honest).slice(0, -1)}\u007f`,
        honest.bundle.body.finish_reason,
        honest.bundle.body.usage,
      ),
    },
    caught: ['response.match'],
  },
  {
    name: 'answer edited in its stream',
    exchange: { ...honest, response: edited(honest.stream, '"content":"', '"content":"not ') },
    caught: ['response.match'],
  },
  {
    name: 'stream cut before its end',
    exchange: { ...honest, response: edited(honest.stream, 'data: [DONE]\n\n', '') },
    caught: ['response.match'],
  },
  {
    name: 'stream cut in its middle',
    exchange: { ...honest, response: honest.stream.slice(0, 200) },
    caught: ['response.match'],
  },
  {
    name: 'stream with text after its end',
    exchange: {
      ...honest,
      response: edited(honest.stream, 'data: [DONE]\n\n', 'data: [DONE]\n\ndata: {"choices":[]}\n\n'),
    },
    caught: ['response.match'],
  },
  {
    name: 'tool call slipped into the answer',
    exchange: {
      ...honest,
      response: edited(honest.response, '"refusal":null', '"refusal":null,"tool_calls":[{"id":"x"}]'),
    },
    caught: ['response.match'],
  },
  {
    name: 'usage inflated on the way',
    exchange: {
      ...honest,
      response: plainResponse('chat.completion', answerText(honest), honest.bundle.body.finish_reason, {
        completion_tokens: 999,
        prompt_tokens: prompt.length,
      }),
    },
    caught: ['response.match'],
  },
  {
    name: 'finish reason changed on the way',
    exchange: {
      ...honest,
      response: edited(
        honest.response,
        `"finish_reason":"${honest.bundle.body.finish_reason}"`,
        '"finish_reason":"abort"',
      ),
    },
    caught: ['response.match'],
  },
  {
    name: 'error in the place of the answer',
    exchange: { ...honest, response: utf8('{"error":{"message":"x"}}') },
    caught: ['response.match'],
  },
];

export const requests: Lie[] = [
  {
    name: 'request edited',
    exchange: { ...honest, request: edited(honest.request, 'sea', 'see') },
    caught: ['request.match'],
  },
  {
    name: 'receipt of another request',
    exchange: {
      ...honest,
      ...((other: Exchange) => ({ bundle: other.bundle, text: other.text }))(
        serve({ request: { ...CHAT_REQUEST, max_tokens: 5 } }),
      ),
    },
    caught: ['request.match', 'response.match'],
  },
  {
    name: 'replayed nonce',
    exchange: { ...honest, nonce: encodeHex(sha256(utf8('fresh nonce'))) },
    caught: ['nonce.match'],
  },
  {
    name: 'temperature changed',
    exchange: serve({ executed: { ...CHAT_REQUEST, temperature: 1.5 } }),
    caught: ['request.parameters'],
  },
  {
    name: 'penalty added',
    exchange: serve({ executed: { ...CHAT_REQUEST, repetition_penalty: 1.3 } }),
    caught: ['request.parameters'],
  },
  {
    name: 'stop string added',
    exchange: serve({ executed: { ...CHAT_REQUEST, stop: 'q' } }),
    caught: ['request.parameters'],
  },
  {
    name: 'max_tokens raised',
    exchange: serve({ executed: { ...CHAT_REQUEST, max_tokens: 21 } }),
    caught: ['request.parameters'],
  },
  {
    name: 'response format ignored',
    exchange: serve({ request: { ...CHAT_REQUEST, response_format: { type: 'json_object' } } }),
    caught: ['request.parameters'],
  },
  {
    name: 'several answers asked for',
    exchange: serve({ request: { ...CHAT_REQUEST, n: 2 } }),
    caught: ['request.parameters'],
  },
  {
    name: 'field that no verifier knows, in the request',
    exchange: serve({ request: { ...CHAT_REQUEST, grammar: 'x' } }),
    caught: ['request.parameters'],
  },
  {
    name: 'prompt beside the messages',
    exchange: serve({ request: { ...CHAT_REQUEST, prompt: 'Tell me about the sky.' } }),
    caught: ['request.parameters'],
  },
  {
    name: 'another model than asked for',
    exchange: serve({ request: { ...CHAT_REQUEST, model: 'large' } }),
    caught: ['request.parameters'],
  },
  {
    name: 'a name of the policy given to another model',
    exchange: honest,
    options: { policy: `${honest.policy.replace(' tiny\n', ' small\n')}model sha256:${'0'.repeat(64)} tiny\n` },
    caught: ['request.parameters'],
  },
  {
    name: 'another call than asked for',
    exchange: serve({ lie: body({ operation: 'text.completion' }) }),
    caught: ['request.parameters', 'response.match'],
  },
  {
    name: 'seed changed',
    exchange: serve({
      lie: (original) => ({ ...original, sampling: { ...original.sampling, seed: 'ab'.repeat(32) } }),
    }),
    caught: ['seed.match'],
  },
  {
    name: 'fixed seed not kept',
    exchange: serve({
      request: { ...CHAT_REQUEST, seed: 1 },
      lie: (original) => ({ ...original, sampling: { ...original.sampling, seed: honest.bundle.body.sampling.seed } }),
    }),
    caught: ['seed.match'],
  },
];

export const logs: Lie[] = [
  {
    name: 'leaf missing',
    exchange: honest,
    shown: shown({ proof: seal({ ...honest.bundle.body, ended_ms: 1_790_000_009_999 }, null).proof }),
    caught: ['log.inclusion'],
  },
  {
    name: 'proof truncated',
    exchange: honest,
    shown: shown({ proof: encodeTlogProof({ ...proof, hashes: proof.hashes.slice(0, -1) }) }),
    caught: ['log.inclusion'],
  },
  {
    name: 'proof of another index',
    exchange: honest,
    shown: shown({ proof: encodeTlogProof({ ...proof, index: 5 }) }),
    caught: ['log.inclusion'],
  },
  {
    name: 'checkpoint of another log that is trusted',
    exchange: serve({ log: { signer: otherLog, origin: otherLog.name } }),
    options: { policy: `log ${otherLog.vkey}\n${honest.policy}` },
    caught: ['body.origin'],
  },
  {
    name: 'checkpoint of another log that is not trusted',
    exchange: serve({ log: { signer: otherLog, origin: otherLog.name } }),
    caught: ['policy.log', 'body.origin'],
  },
  {
    name: 'log that is not trusted',
    exchange: serve({ log: { signer: otherLog, origin: otherLog.name }, lie: body({ origin: otherLog.name }) }),
    caught: ['policy.log'],
  },
  { name: 'signature by another key', exchange: serve({ log: { signer: impostor } }), caught: ['log.signature'] },
  {
    name: 'signature by another key under the id of the log’s',
    exchange: serve({ log: { signer: { ...impostor, keyId: LOG_SIGNER.keyId } } }),
    caught: ['log.signature'],
  },
  {
    name: 'tree size changed',
    exchange: honest,
    shown: shown({ proof: honest.bundle.proof.replace(`${ORIGIN}\n6\n`, `${ORIGIN}\n7\n`) }),
    caught: ['log.signature', 'log.inclusion'],
  },
  {
    name: 'salt changed',
    exchange: honest,
    shown: shown({ salt: 'ab'.repeat(32) }),
    caught: ['log.inclusion', 'request.match', 'response.match', 'disclosure.prompt', 'disclosure.tokens'],
  },
  { name: 'witness missing', exchange: honest, options: { policy: quorumPolicy }, caught: ['log.witnesses'] },
  {
    name: 'model that the policy does not list',
    exchange: honest,
    options: { policy: honest.policy.replace(ENGINE.modelDigest, `sha256:${'0'.repeat(64)}`) },
    caught: ['model.trusted', 'request.parameters'],
  },
  {
    name: 'model that the policy lists by digest only, and not this one',
    exchange: honest,
    options: { policy: honest.policy.replace(`${ENGINE.modelDigest} tiny`, `sha256:${'0'.repeat(64)}`) },
    caught: ['model.trusted'],
  },
  {
    name: 'contract that the policy does not list',
    exchange: honest,
    options: { policy: honest.policy.replace('tiny-1', 'exact-1') },
    caught: ['engine.trusted'],
  },
  {
    name: 'body in another JSON spelling',
    exchange: honest,
    shown: honest.text.replace('"temperature":0.5', '"temperature":0.50'),
    caught: ['bundle.parse'],
  },
  {
    name: 'body with white space',
    exchange: honest,
    shown: honest.text.replace('{"body":', '{"body": '),
    caught: ['bundle.parse'],
  },
  {
    name: 'body with its names in another order',
    exchange: honest,
    shown: JSON.stringify(Object.fromEntries(Object.entries(honest.bundle).reverse())),
    caught: ['bundle.parse'],
  },
  {
    name: 'field that no verifier knows',
    exchange: honest,
    shown: honest.text.replace('"evidence":{}', '"evidence":{},"extra":1'),
    caught: ['bundle.parse'],
  },
  {
    name: 'extra line in the proof',
    exchange: honest,
    shown: shown({ proof: encodeTlogProof({ ...proof, extra: Uint8Array.of(1) }) }),
    caught: ['bundle.parse'],
  },
];
