// The built-in model on real prompts: greedy tokens of the exact engine against those of llama.cpp on the same file.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  createChatTemplate,
  createTokenizer,
  loadExactModel,
  readGguf,
  type Sequence,
  type TemplateTokenizer,
} from '@runproof/exact';
import { memorySource } from '@runproof/exact/testing';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPeerModel } from '../peer.ts';
import { NASTY_TEXTS, randomTexts } from '../tokenizer/corpus.ts';

const PATH = fileURLToPath(new URL('../../models/runproof-tiny-q8_0.gguf', import.meta.url));
const TOKENS_MAX = 160;
/** Two logits nearer than this are a tie that the two roundings may break differently. */
const NEAR_TIE = 0.1;

const PROMPTS = [
  ...[
    'Tell me a story about a fox.',
    'Tell me a story about a red kite and an old boat.',
    'Tell me a short story about a dragon.',
  ],
  ...[
    'Tell me a story about a girl named Ada.',
    'Tell me a story about a robot who lost a key.',
    'Count from 3 to 9.',
    'Count from 1 to 5.',
  ],
  ...[
    'What is 12 + 7?',
    'What is 9 - 4?',
    'What is 3 times 5?',
    'Hello!',
    'Who are you?',
    'What is the capital of France?',
    'Thank you!',
  ],
  'Mia had a red ball. She put the ball in a box. Where is the ball?',
];

interface Run {
  readonly ids: number[];
  /** logit lead of each chosen id over each other id */
  readonly lead: (position: number, other: number) => number;
}

function greedy(sequence: Sequence, prompt: readonly number[], ends: ReadonlySet<number>): Run {
  const ids: number[] = [];
  const rows: Float32Array[] = [];
  let row = sequence.extend(prompt, prompt.length - 1)[0];
  while (row !== undefined && ids.length < TOKENS_MAX) {
    const current = row;
    const best = current.reduce((top, value, index) => (value > (current[top] ?? 0) ? index : top), 0);
    ids.push(best);
    rows.push(current);
    row = ends.has(best) ? undefined : sequence.extend([best], 0)[0];
  }
  return {
    ids,
    lead: (position, other) => (rows[position]?.[ids[position] ?? 0] ?? 0) - (rows[position]?.[other] ?? 0),
  };
}

async function peerGreedy(peer: LlamaModel, prompt: readonly number[], count: number): Promise<number[]> {
  const context = await peer.createContext({ contextSize: 512, sequences: 1, threads: 1, flashAttention: false });
  try {
    const ids: number[] = [];
    for await (const id of context.getSequence().evaluate(prompt as Token[], { temperature: 0, yieldEogToken: true })) {
      ids.push(id);
      if (ids.length >= count) break;
    }
    return ids;
  } finally {
    await context.dispose();
  }
}

describe('runproof-tiny', () => {
  let peer: LlamaModel;
  let tokenizer: TemplateTokenizer;
  let encodePrompt: (content: string) => number[];
  let createSequence: () => Sequence;

  beforeAll(async () => {
    expect(existsSync(PATH)).toBe(true);
    const source = memorySource(readFileSync(PATH));
    const file = await readGguf(source);
    tokenizer = createTokenizer(file.metadata);
    const template = createChatTemplate(file.metadata, tokenizer, { clockMs: 0 });
    encodePrompt = (content) => template.encode([{ role: 'user', content }], { addGenerationPrompt: true });
    const model = await loadExactModel(source);
    createSequence = () => model.createSequence(model.config.contextLength);
    peer = await loadPeerModel(PATH);
  });
  afterAll(() => peer.dispose());

  it('has the same tokens', () => {
    for (const text of [...NASTY_TEXTS, ...PROMPTS, ...randomTexts(3, 300, 40)]) {
      expect({ text, ids: tokenizer.encode(text, { addBos: false }) }).toEqual({
        text,
        ids: [...peer.tokenize(text, false)],
      });
    }
    const ends = [...peer.iterateAllTokens()].filter((id) => peer.isEogToken(id));
    expect([...tokenizer.endOfGeneration].sort((left, right) => left - right)).toEqual(ends);
  });

  it('gives the same greedy tokens on real prompts, but for near ties', async () => {
    let equal = 0;
    for (const prompt of PROMPTS) {
      const ids = encodePrompt(prompt);
      const sequence = createSequence();
      const ours = greedy(sequence, ids, tokenizer.endOfGeneration);
      sequence.release();
      const theirs = await peerGreedy(peer, ids, ours.ids.length);
      const at = ours.ids.findIndex((id, position) => id !== theirs[position]);
      if (at < 0) equal += 1;
      else expect({ prompt, at, lead: ours.lead(at, theirs[at] ?? 0) < NEAR_TIE }).toEqual({ prompt, at, lead: true });
    }
    expect(equal).toBeGreaterThanOrEqual(Math.ceil((PROMPTS.length * 2) / 3));
  });
});
