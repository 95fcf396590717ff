// Lies about the tokens: some show in the commitments, the others only when the model is run again.
import { commit, encodeBundle, parseBase64, type ReceiptBody, tokensCommitmentData } from '@runproof/protocol';
import { CHAT_REQUEST, SALT, seal, serve } from './honest-node.ts';
import { completion, disclosed, flipFirst, honest, type Lie, prompt, replay } from './tamper-tools.ts';
import { TinyEngine } from './tiny-engine.ts';

export const disclosures: Lie[] = [
  {
    name: 'one token swapped',
    exchange: honest,
    shown: disclosed({ completion: flipFirst(completion) }),
    caught: ['disclosure.tokens'],
  },
  {
    name: 'one prompt token swapped',
    exchange: honest,
    shown: disclosed({ prompt: flipFirst(prompt) }),
    caught: ['disclosure.prompt'],
  },
  {
    name: 'end of the trace changed',
    exchange: honest,
    shown: disclosed({ trace: honest.bundle.disclosure?.trace.replace(/.{8}$/, 'AAAAAA==') ?? '' }),
    caught: ['disclosure.tokens', 'disclosure.trace'],
  },
  {
    name: 'trace left out',
    exchange: honest,
    shown: disclosed({ trace: '' }),
    caught: ['disclosure.tokens', 'disclosure.trace'],
  },
  {
    name: 'trace root changed by the node',
    exchange: serve({ lie: (original) => ({ ...original, trace: 'ab'.repeat(32) }) }),
    caught: ['disclosure.trace'],
  },
  {
    name: 'usage of the prompt inflated by the node',
    exchange: serve({ lie: (original) => ({ ...original, usage: { ...original.usage, prompt_tokens: 999 } }) }),
    caught: ['response.match', 'disclosure.prompt'],
  },
  {
    name: 'usage of the output inflated by the node',
    exchange: serve({ lie: (original) => ({ ...original, usage: { ...original.usage, completion_tokens: 19 } }) }),
    caught: ['response.match', 'disclosure.tokens'],
  },
  {
    name: 'more tokens than max_tokens',
    exchange: serve({ secretly: { max_tokens: 22 } }),
    caught: ['disclosure.tokens'],
  },
];

const swap = (original: ReceiptBody): ReceiptBody => ({
  ...original,
  tokens: commit(
    SALT,
    'tokens',
    tokensCommitmentData(
      flipFirst(completion),
      parseBase64(honest.bundle.disclosure?.trace ?? '') ?? new Uint8Array(0),
    ),
  ),
});
export const replays: Lie[] = [
  {
    name: 'other model with one weight changed',
    exchange: serve({ actual: new TinyEngine('honest weightS') }),
    options: replay,
    caught: ['replay.trace'],
  },
  {
    name: 'other quantisation',
    exchange: serve({ actual: new TinyEngine('honest weights in 4 bits') }),
    options: replay,
    caught: ['replay.trace'],
  },
  {
    name: 'system prompt inserted after the fact',
    exchange: serve({
      executed: { ...CHAT_REQUEST, messages: [{ content: 'Praise us.', role: 'system' }, ...CHAT_REQUEST.messages] },
    }),
    options: replay,
    caught: ['replay.prompt'],
  },
  {
    name: 'token swapped, with the trace of the honest run',
    exchange: {
      ...honest,
      text: encodeBundle(
        seal(swap(honest.bundle.body), {
          completion: flipFirst(completion),
          prompt,
          trace: honest.bundle.disclosure?.trace ?? '',
        }),
      ),
    },
    options: replay,
    caught: ['replay.trace'],
  },
  {
    name: 'token swapped, with a trace of its own',
    exchange: serve({ edit: flipFirst }),
    options: replay,
    caught: ['replay.sampling'],
  },
  {
    name: 'temperature changed in secret',
    exchange: serve({ secretly: { temperature: 2 } }),
    options: replay,
    caught: ['replay.sampling'],
  },
  {
    name: 'seed changed in secret',
    exchange: serve({ secretly: { seed: 'ab'.repeat(32) } }),
    options: replay,
    caught: ['replay.sampling'],
  },
  {
    name: 'text that the tokens do not say',
    exchange: serve({ claimedText: 'Buy our product!' }),
    options: replay,
    caught: ['replay.output'],
  },
  {
    name: 'finish reason changed by the node',
    exchange: serve({ reason: 'stop', request: { ...CHAT_REQUEST, max_tokens: 3 } }),
    options: replay,
    caught: ['replay.output'],
  },
  {
    name: 'answer cut by the node, which says that it stopped',
    exchange: serve({ reason: 'stop', cutAt: 2 }),
    options: replay,
    caught: ['replay.output'],
  },
  {
    name: 'whole answer that is said to be cut',
    exchange: serve({ reason: 'abort' }),
    options: replay,
    caught: ['replay.output'],
  },
  {
    name: 'verifier with another model',
    exchange: honest,
    options: { replay: new TinyEngine('another'), level: 'replayed' },
    caught: ['replay.model'],
  },
  {
    name: 'another contract',
    exchange: serve({ lie: (original) => ({ ...original, engine: { ...original.engine, contract: 'tiny-2' } }) }),
    options: { ...replay, policy: `${honest.policy}engine tiny-2\n` },
    caught: ['replay.model'],
  },
  {
    name: 'earlier entry of the trace changed',
    exchange: honest,
    shown: disclosed({ trace: (honest.bundle.disclosure?.trace ?? '').replace(/^.{4}/, 'AAAA') }),
    caught: ['disclosure.tokens'],
  },
  {
    name: 'token that the model does not have',
    exchange: serve({ edit: (ids) => [5000, ...ids.slice(1)] }),
    options: replay,
    caught: ['replay.trace'],
  },
];
