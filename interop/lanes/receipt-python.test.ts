// A second verifier of receipts, in Python and from the specifications alone, judges every vector; and on live receipts and lies about
// them, both verifiers give the same verdict, level, id, missing and failed checks.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeCanonicalJson, type JsonObject, parseJson, utf8 } from '@runproof/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as lies from '../receipts/lies.ts';
import { type LiveNode, startNode } from '../receipts/live-node.ts';
import { ask, type Live, partsOf, withBody, withDisclosure, withRequest, withResponse } from '../receipts/questions.ts';
import { type Answer, ourAnswer, type Question, runPeer, theirAnswers } from '../receipts/second-verifier.ts';

const VECTORS = fileURLToPath(new URL('../../vectors', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'runproof-receipt-python-'));
let node: LiveNode;
let chat: Live;
let text: Live;
let live: Live[];

const nonce = (index: number): string => index.toString(16).padStart(64, '0');

beforeAll(async () => {
  node = await startNode();
  const model = 'runproof-tiny';
  const messages = [{ role: 'user', content: 'Tell me a story about a fox.' }];
  const requests: [string, object][] = [
    ['/v1/chat/completions', { model, messages, max_tokens: 8 }],
    ['/v1/completions', { model, prompt: 'Once upon a time', max_tokens: 8 }],
    ['/v1/chat/completions', { model, messages, max_tokens: 8, stream: true, stream_options: { include_usage: true } }],
    [
      '/v1/completions',
      { model, prompt: ['Once'], max_tokens: 8, stream: true, logprobs: 2, seed: -7, stop: 'a', top_p: 0.9 },
    ],
    [
      '/v1/chat/completions',
      { model, messages, temperature: 0, max_tokens: 60, logprobs: true, top_logprobs: 2, logit_bias: { 5: -1.5 } },
    ],
  ];
  live = [];
  for (const [index, [path, request]] of requests.entries()) {
    live.push(await ask(node.url, node.policy, path, request, nonce(index)));
  }
  [chat, text] = live as [Live, Live];
});

afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Judgement {
  /** our answers */
  readonly answers: readonly Answer[];
  /** where theirs are others */
  readonly differ: readonly object[];
}

async function judgeBoth(questions: readonly Question[]): Promise<Judgement> {
  const answers: Answer[] = [];
  for (const question of questions) answers.push(await ourAnswer(question));
  const theirs = theirAnswers(questions);
  const differ = questions.flatMap(({ request, response, bundle, policy }, index) => {
    if (JSON.stringify(answers[index]) === JSON.stringify(theirs[index])) return [];
    const given = [request, response, bundle].map((data) => new TextDecoder().decode(data));
    return [{ ours: answers[index], theirs: theirs[index], policy, given }];
  });
  const valid = answers.filter((answer) => verdictOf(answer) === 'valid').length;
  console.log(`${questions.length} questions, ${valid} valid, ${differ.length} answered differently`);
  return { answers, differ };
}

function verdictOf(answer: Answer): string {
  return 'verdict' in answer ? answer.verdict : answer.error;
}

function judge(
  directory: string,
  family: string,
): { family: string; valid: number; invalid: number; differ: string[] } {
  return JSON.parse(runPeer('vectors.py', [directory, family]).output) as ReturnType<typeof judge>;
}

describe('vectors, judged by a second verifier', () => {
  it.each(['json', 'receipt', 'request', 'bundle', 'tlog'])('%s', (family) => {
    const { valid, invalid, differ } = judge(VECTORS, family);
    expect(differ).toEqual([]);
    expect(Math.min(valid, invalid)).toBeGreaterThan(0);
    console.log(`${family}: ${valid} valid and ${invalid} invalid vectors agree`);
  });

  it('notices a vector that is wrong', () => {
    const path = join(folder, 'wrong', 'bundle', 'valid');
    mkdirSync(path, { recursive: true });
    cpSync(join(VECTORS, 'bundle', 'valid', 'chat.json'), join(path, 'chat.json'));
    const vector = JSON.parse(readFileSync(join(path, 'chat.json'), 'utf8')) as { nonce: string };
    writeFileSync(join(path, 'chat.json'), JSON.stringify({ ...vector, nonce: nonce(1) }));
    expect(judge(join(folder, 'wrong'), 'bundle').differ).toHaveLength(1);
  });
});

describe('live receipts, judged by both verifiers', () => {
  it('honest: valid, with whatever was given', async () => {
    const { answers, differ } = await judgeBoth(live);
    expect(differ).toEqual([]);
    expect(answers.map(verdictOf)).toEqual(live.map(() => 'valid'));
    const partial = live.flatMap((question) => {
      const { bundle, policy, request, response } = question;
      return [
        { bundle, policy, request, response },
        { bundle, policy, request },
        { bundle, policy, response },
        { bundle, policy },
      ];
    });
    expect((await judgeBoth(partial)).differ).toEqual([]);
    expect(
      (
        await judgeBoth(
          live.map((question, index) => ({ ...question, bundle: live[index - 1]?.bundle ?? text.bundle })),
        )
      ).differ,
    ).toEqual([]);
  });

  it('requests that a node could have answered wrongly', async () => {
    const chats = lies.CHAT_REQUESTS.map((request) => withRequest(chat, node.log, request));
    const texts = lies.TEXT_REQUESTS.map((request) => withRequest(text, node.log, request));
    expect((await judgeBoth(await Promise.all([...chats, ...texts]))).differ).toEqual([]);
  });

  it('responses that say more, less or something else', async () => {
    const { body } = partsOf(chat);
    const [reason, usage] = [body.finish_reason as string, body.usage as JsonObject];
    const failed = await withBody(chat, node.log, { finish_reason: 'error' });
    const shown = [...lies.plainResponses(reason, usage), ...lies.streams(reason, usage)];
    const questions = [
      ...shown.map((response) => withResponse(chat, node.log, 'hi', response)),
      ...shown.map((response) => withResponse(chat, node.log, '', response.replace('"hi"', 'null'))),
      ...lies.streams('error', usage).map((response) => withResponse(failed, node.log, 'hi', response)),
      ...shown.map((response) =>
        withResponse(text, node.log, 'hi', response.replace(/"(message|delta)":\{[^}]*\}/, '"text":"hi"')),
      ),
    ];
    expect((await judgeBoth(await Promise.all(questions))).differ).toEqual([]);
  });

  it('bodies and disclosures of a lying node', async () => {
    const { body, disclosure } = partsOf(chat);
    const bodies = lies.bodyFields(body).map((fields) => withBody(chat, node.log, fields));
    const disclosed = lies
      .disclosures(disclosure?.trace as string, body.usage as JsonObject)
      .map(([shown, fields]) => withDisclosure(chat, node.log, shown, fields));
    expect((await judgeBoth(await Promise.all([...bodies, ...disclosed]))).differ).toEqual([]);
  });

  it('policies, nonces, and what others append to the proof', async () => {
    const vkey = /^log (\S+)/m.exec(node.policy)?.[1] ?? '';
    const bundle = parseJson(chat.bundle) as JsonObject;
    const appended = lies.SIGNATURE_LINES.map((line) =>
      encodeCanonicalJson({ ...bundle, proof: `${String(bundle.proof)}${line}` }),
    );
    expect(
      (
        await judgeBoth([
          ...lies.policies(node.policy, vkey).map((policy) => ({ ...chat, policy })),
          ...['', 'AB'.repeat(32), 'zz', 'ab'.repeat(15), nonce(1)].map((other) => ({ ...chat, nonce: other })),
          ...appended.map((other) => ({ ...chat, bundle: utf8(other) })),
        ])
      ).differ,
    ).toEqual([]);
  });

  it('one byte changed, anywhere: never valid, and both name the same checks', async () => {
    const changed = (bytes: Uint8Array, at: number): Uint8Array =>
      bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
    const questions = live.flatMap((question) => {
      const spread = (bytes: Uint8Array, count: number): number[] =>
        Array.from({ length: count }, (_, index) => Math.floor((bytes.length * (index + 0.5)) / count));
      return [
        ...spread(question.bundle, 40).map((at) => ({ ...question, bundle: changed(question.bundle, at) })),
        ...spread(question.request, 8).map((at) => ({ ...question, request: changed(question.request, at) })),
      ];
    });
    const { answers, differ } = await judgeBoth(questions);
    expect(differ).toEqual([]);
    expect(new Set(answers.map(verdictOf))).toEqual(new Set(['invalid']));
    const responses = live.flatMap((question) =>
      Array.from({ length: 24 }, (_, index) =>
        changed(question.response, Math.floor((question.response.length * (index + 0.5)) / 24)),
      ).map((response) => ({ ...question, response })),
    );
    expect((await judgeBoth(responses)).differ).toEqual([]);
  });
});
