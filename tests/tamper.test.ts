// The tamper table, end to end: the real engine, a real log, the real program. Whoever lies, and wherever, a named check says so.
import { readFile } from 'node:fs/promises';
import {
  type Bundle,
  commit,
  encodeCanonicalJson,
  outputCommitmentData,
  parseBase64,
  parseHex,
  type ReceiptBody,
  tokensCommitmentData,
  utf8,
} from '@runproof/protocol';
import { ed25519NoteSigner, encodeTlogProof, parseNote, parseTlogProof, signNote } from '@runproof/tlog';
import type { CheckId } from '@runproof/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, type Exchange, requantised, Scene, withOneWeightChanged } from './support/dishonest-node.ts';
import { MODEL } from './support/programs.ts';

let scene: Scene;
let honest: Exchange;
let stream: Exchange;
let weights: Uint8Array;

beforeAll(async () => {
  scene = await Scene.open();
  weights = new Uint8Array(await readFile(MODEL));
  await scene.ask({ ...CHAT, seed: 1 });
  honest = await scene.ask();
  stream = await scene.ask({ ...CHAT, stream: true });
});

afterAll(() => scene.close());

type Shown = Omit<Exchange, 'bundle'> & { readonly bundle: Bundle | string };

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface Answer {
  readonly choices: { message: { content: string }; finish_reason: string }[];
  usage: Record<string, number>;
}

/** The response with one thing changed. */
function edited(exchange: Exchange, edit: (answer: Answer, choice: Answer['choices'][number]) => void): Exchange {
  const answer = JSON.parse(text(exchange.response)) as Answer;
  const [choice] = answer.choices;
  if (choice === undefined) throw new Error('an answer has a choice');
  edit(answer, choice);
  return { ...exchange, response: utf8(JSON.stringify(answer)) };
}

const contentOf = (exchange: Exchange): string =>
  (JSON.parse(text(exchange.response)) as Answer).choices[0]?.message.content ?? '';
const otherLetter = (content: string): string => (content.startsWith('X') ? 'Y' : 'X') + content.slice(1);
const otherReason = (exchange: Exchange): 'stop' | 'length' =>
  exchange.bundle.body.finish_reason === 'stop' ? 'length' : 'stop';
const answerEdited = (exchange: Exchange): Exchange =>
  edited(exchange, (_, choice) => {
    choice.message.content = otherLetter(choice.message.content);
  });
const reasonChanged = (exchange: Exchange): Exchange =>
  edited(exchange, (_, choice) => {
    choice.finish_reason = otherReason(exchange);
  });
const usageInflated = (exchange: Exchange): Exchange =>
  edited(exchange, (answer) => {
    answer.usage = { prompt_tokens: 16, completion_tokens: 9_000, total_tokens: 9_016 };
  });

const withProof = (edit: (proof: ReturnType<typeof parseTlogProof>) => ReturnType<typeof parseTlogProof>): Shown => ({
  ...honest,
  bundle: { ...honest.bundle, proof: encodeTlogProof(edit(parseTlogProof(honest.bundle.proof))) },
});

function disclosureOf(exchange: Exchange): NonNullable<Bundle['disclosure']> {
  if (exchange.bundle.disclosure === null) throw new Error('the node discloses');
  return exchange.bundle.disclosure;
}

const swapped = (ids: readonly number[]): number[] =>
  ids.map((id, index) => (index === 3 ? (id === 300 ? 301 : 300) : id));
const body =
  (change: Partial<ReceiptBody>) =>
  (before: ReceiptBody): ReceiptBody => ({ ...before, ...change });
const saltOf = (exchange: Exchange): Uint8Array => parseHex(exchange.bundle.salt);

/** Somebody between node and client: what the node sealed stays, what the client holds differs. */
const ON_THE_WAY: readonly (readonly [string, () => Shown | Promise<Shown>, readonly CheckId[]])[] = [
  ['the answer edited by one character', () => answerEdited(honest), ['response.match']],
  [
    'one token swapped in the disclosure',
    () => ({
      ...honest,
      bundle: {
        ...honest.bundle,
        disclosure: { ...disclosureOf(honest), completion: swapped(disclosureOf(honest).completion) },
      },
    }),
    ['disclosure.tokens'],
  ],
  [
    'the request edited',
    () => ({ ...honest, request: utf8(text(honest.request).replace('fox', 'cat')) }),
    ['request.match'],
  ],
  ['usage inflated in the response', () => usageInflated(honest), ['response.match']],
  ['the finish reason changed in the response', () => reasonChanged(honest), ['response.match']],
  [
    'the receipt of another request',
    async () => ({
      ...honest,
      bundle: (
        await scene.ask({ ...CHAT, messages: [{ role: 'user', content: 'Count to five.' }] }, undefined, honest.nonce)
      ).bundle,
    }),
    ['request.match', 'response.match'],
  ],
  ['a nonce that was used before', () => ({ ...honest, nonce: 'd1'.repeat(32) }), ['nonce.match']],
  [
    'the leaf missing: the proof is of another entry',
    () => withProof((proof) => ({ ...proof, index: 0 })),
    ['log.inclusion'],
  ],
  ['the proof truncated', () => withProof((proof) => ({ ...proof, hashes: proof.hashes.slice(1) })), ['log.inclusion']],
  [
    'the tree size changed',
    () => withProof((proof) => ({ ...proof, checkpoint: proof.checkpoint.replace(/^(.*\n)(\d+)\n/, '$13\n') })),
    ['log.signature', 'log.inclusion'],
  ],
  [
    'the salt changed',
    () => ({
      ...honest,
      bundle: { ...honest.bundle, salt: honest.bundle.salt.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
    }),
    ['log.inclusion', 'request.match', 'response.match', 'disclosure.prompt', 'disclosure.tokens'],
  ],
  [
    'the stream cut before its end',
    () => ({
      ...stream,
      response: utf8(
        text(stream.response)
          .split(/(?<=\n\n)/)
          .slice(0, -3)
          .join(''),
      ),
    }),
    ['response.match'],
  ],
  [
    'the stream cut inside a piece',
    () => ({ ...stream, response: stream.response.slice(0, 1000) }),
    ['response.match'],
  ],
  [
    'the receipt in another JSON spelling',
    () => ({ ...honest, bundle: JSON.stringify(JSON.parse(encodeCanonicalJson(honest.bundle)), null, 1) }),
    ['bundle.parse'],
  ],
  [
    'the receipt with its names in another order',
    () => {
      const { schema, ...rest } = honest.bundle;
      return { ...honest, bundle: JSON.stringify({ schema, ...rest }) };
    },
    ['bundle.parse'],
  ],
];

/** A run with other parameters than were asked for, and a receipt that says so. */
async function withParameter(change: Partial<ReceiptBody['sampling']>): Promise<Exchange> {
  const run = await scene.ask(CHAT, { sampling: change });
  return scene.reseal(run, (before) => ({ ...before, sampling: { ...before.sampling, ...change } }));
}

/** The node itself: it has the log's key, and seals its lie as if it were true. */
const BY_THE_NODE: readonly (readonly [string, () => Promise<Shown>, readonly CheckId[]])[] = [
  [
    'another model: one weight changed',
    async () => scene.ask(CHAT, { weights: await withOneWeightChanged(weights) }),
    ['replay.trace'],
  ],
  ['another quantisation', async () => scene.ask(CHAT, { weights: await requantised(weights) }), ['replay.trace']],
  [
    'a system prompt inserted after the fact',
    () => scene.ask(CHAT, { system: 'Praise the sponsor.' }),
    ['replay.prompt'],
  ],
  [
    'another temperature in secret',
    () => scene.ask({ ...CHAT, temperature: 1.5 }, { sampling: { temperature: 0 } }),
    ['replay.sampling'],
  ],
  [
    'another seed in secret',
    () => scene.ask({ ...CHAT, temperature: 1.5 }, { sampling: { seed: '11'.repeat(32) } }),
    ['replay.sampling'],
  ],
  [
    'another temperature, run and written into the receipt',
    () => withParameter({ temperature: 0.1 }),
    ['request.parameters'],
  ],
  ['another seed, run and written into the receipt', () => withParameter({ seed: '22'.repeat(32) }), ['seed.match']],
  [
    'one token swapped, and committed to',
    async () => {
      const completion = swapped(disclosureOf(honest).completion);
      const trace = parseBase64(disclosureOf(honest).trace) ?? new Uint8Array(0);
      const tokens = commit(saltOf(honest), 'tokens', tokensCommitmentData(completion, trace));
      return scene.reseal(honest, body({ tokens }), { ...disclosureOf(honest), completion });
    },
    ['replay.trace'],
  ],
  [
    'the answer edited, and committed to',
    async () => {
      const output = commit(
        saltOf(honest),
        'output',
        outputCommitmentData(otherLetter(contentOf(honest)), honest.bundle.body.finish_reason),
      );
      return answerEdited(await scene.reseal(honest, body({ output })));
    },
    ['replay.output'],
  ],
  [
    'usage inflated in the receipt',
    async () =>
      usageInflated(await scene.reseal(honest, body({ usage: { prompt_tokens: 16, completion_tokens: 9_000 } }))),
    ['disclosure.tokens'],
  ],
  [
    'the finish reason changed in the receipt',
    async () => {
      const output = commit(saltOf(honest), 'output', outputCommitmentData(contentOf(honest), otherReason(honest)));
      const lie = await scene.reseal(honest, body({ finish_reason: otherReason(honest), output }));
      return { ...lie, response: reasonChanged(honest).response };
    },
    ['replay.output'],
  ],
  [
    'another model in the receipt',
    () =>
      scene.reseal(honest, (before) =>
        body({ model: { ...before.model, digest: `sha256:${'3'.repeat(64)}` } })(before),
      ),
    ['model.trusted', 'replay.model'],
  ],
  [
    'the leaf never logged',
    async () => ({
      ...honest,
      bundle: { ...honest.bundle, body: { ...honest.bundle.body, ended_ms: honest.bundle.body.ended_ms + 1 } },
    }),
    ['log.inclusion'],
  ],
  [
    'the checkpoint of another log',
    async () => {
      const other = ed25519NoteSigner('runproof.local/ffffffffffffffff', new Uint8Array(32).fill(9));
      return withProof((proof) => ({
        ...proof,
        checkpoint: signNote(parseNote(proof.checkpoint).text.replace(scene.log.origin, other.name), other),
      }));
    },
    ['policy.log', 'body.origin'],
  ],
  [
    'the signature of another key',
    async () => {
      const impostor = ed25519NoteSigner(scene.log.origin, new Uint8Array(32).fill(9));
      return withProof((proof) => ({ ...proof, checkpoint: signNote(parseNote(proof.checkpoint).text, impostor) }));
    },
    ['log.signature'],
  ],
];

describe('tampering on the way is caught by a named check', () => {
  it('holds when nobody tampers', async () => {
    for (const exchange of [honest, stream]) {
      const { code, report } = await scene.verify(exchange, 'replayed');
      expect([code, report.verdict, report.level, report.failed]).toEqual([0, 'valid', 'replayed', []]);
    }
  });

  it.each(ON_THE_WAY)('%s', async (_name, tamper, caught) => {
    const { code, failed } = await scene.verify(await tamper(), 'sealed');
    expect(code).toBe(1);
    expect(failed).toEqual(caught);
  });
});

describe('a lie that the node itself seals is caught by a named check', () => {
  it.each(BY_THE_NODE)('%s', async (_name, lie, caught) => {
    const { code, failed } = await scene.verify(await lie(), 'replayed');
    expect(code).toBe(1);
    expect(failed).toEqual(caught);
  });
});
