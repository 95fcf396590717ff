import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RunproofError } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GgufValue } from '../gguf/types.ts';
import { createTokenizer, type TemplateTokenizer } from './tokenizer.ts';

const VECTORS = fileURLToPath(new URL('../../../../vectors/tokenizer/', import.meta.url));

type Changes = Readonly<Record<string, GgufValue | null>>;
interface VectorFile {
  readonly vocabulary: string;
  readonly changes: Changes;
  readonly endOfGeneration: readonly number[];
  readonly cases: readonly { text: string; parseSpecial: boolean; ids: readonly number[] }[];
}
interface InvalidFile {
  readonly cases: readonly {
    comment: string;
    vocabulary: string;
    changes?: Changes;
    item?: [string, number, GgufValue];
    code: string;
  }[];
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(VECTORS + path, 'utf8')) as T;
}

function metadataOf(vocabulary: string, changes: Changes = {}): Map<string, GgufValue> {
  const metadata = new Map(Object.entries(readJson<Record<string, GgufValue>>(`vocab/${vocabulary}.json`)));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) metadata.delete(key);
    else metadata.set(key, value);
  }
  return metadata;
}

/** Any character: a code point that is no surrogate. */
const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((index) => String.fromCodePoint(index < 0xd800 ? index : index + 0x800));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
const idOf = (tokenizer: TemplateTokenizer, spelling: string): number =>
  tokenizer.encode(spelling, { parseSpecial: true, addBos: false })[0] ?? -1;

const FILES = readdirSync(VECTORS).filter((name) => name.endsWith('.json'));

it('has vectors of every family', () => {
  expect(FILES).toContain('gpt-2.json');
  expect(FILES.length).toBe(8);
});

describe.each(FILES)('vectors/tokenizer/%s', (name) => {
  const vectors = readJson<VectorFile>(name);
  const tokenizer = createTokenizer(metadataOf(vectors.vocabulary, vectors.changes));

  it('gives the ids of every text', () => {
    expect(vectors.cases.length).toBeGreaterThan(200);
    for (const { text, parseSpecial, ids } of vectors.cases) {
      expect({ text, ids: tokenizer.encode(text, { parseSpecial, addBos: false }) }).toEqual({ text, ids });
    }
  });

  it('ends a generation at the ids of the vectors', () => {
    expect([...tokenizer.endOfGeneration].sort((left, right) => left - right)).toEqual(vectors.endOfGeneration);
  });

  it('gives every text back', () => {
    const character = fc.oneof(
      fc.string({ unit: anyCharacter, maxLength: 12 }),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(' ', '  ', '\n', '<tool>', '日本日本', '     ', '<|im_end|>', "'s", '12'),
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), (parts) => {
        const original = parts.join('');
        const ids = tokenizer.encode(original);
        // SentencePiece writes U+2581 for a space, so it cannot tell the two apart.
        const expected = vectors.vocabulary === 'sentence-piece' ? original.replaceAll('\u2581', ' ') : original;
        expect(text(tokenizer.decode(ids, { start: true }))).toBe(expected);
        const pieces = ids.map((id) => tokenizer.decodeToken(id));
        expect(Buffer.from(tokenizer.decode(ids))).toEqual(Buffer.concat(pieces));
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('invalid metadata', () => {
  const { cases } = readJson<InvalidFile>('invalid/metadata.json');
  it.each(cases)('$comment', ({ vocabulary, changes, item, code }) => {
    const metadata = metadataOf(vocabulary, changes);
    if (item !== undefined) {
      const [key, index, value] = item;
      metadata.set(key, (metadata.get(key) as readonly GgufValue[]).with(index, value));
    }
    expect(codeOf(() => createTokenizer(metadata))).toBe(code);
  });

  it('throws nothing but RunproofError, whatever a value is', () => {
    const keys = [
      'model',
      'pre',
      'tokens',
      'token_type',
      'merges',
      'scores',
      'bos_token_id',
      'eos_token_id',
      'add_bos_token',
    ];
    const value = fc.oneof(
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('byte-pair', 'sentence-piece'),
        fc.constantFrom(...keys),
        value,
        (vocabulary, key, value) => {
          const metadata = metadataOf(vocabulary);
          metadata.set(`tokenizer.ggml.${key}`, value);
          expect(codeOf(() => createTokenizer(metadata))).toMatch(/^(MODEL_|nothing)/);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('names what is unsupported and lists what is supported', () => {
    expect(() => createTokenizer(metadataOf('byte-pair', { 'tokenizer.ggml.pre': 'tekken' }))).toThrow(
      /"tekken".*llama-bpe.*qwen2/,
    );
    expect(() => createTokenizer(metadataOf('byte-pair', { 'tokenizer.ggml.model': 't5' }))).toThrow(
      /"t5".*llama and gpt2/,
    );
  });
});

describe('control tokens', () => {
  it('are never found in text that a user wrote, even where merges lead to one', () => {
    const metadata = metadataOf('byte-pair');
    const tokens = metadata.get('tokenizer.ggml.tokens') as readonly string[];
    // "the" is made by merges; as a control token it must not be.
    const index = tokens.indexOf('Ġthe');
    expect(createTokenizer(metadata).encode(' the')).toEqual([index]);
    for (const type of [2, 3, 5]) {
      metadata.set(
        'tokenizer.ggml.token_type',
        (metadata.get('tokenizer.ggml.token_type') as readonly number[]).with(index, type),
      );
      for (const preTokenizer of ['gpt-2', 'llama-bpe']) {
        metadata.set('tokenizer.ggml.pre', preTokenizer);
        const ids = createTokenizer(metadata).encode(' the them', { addBos: false });
        expect(ids).not.toContain(index);
        expect(text(createTokenizer(metadata).decode(ids))).toBe(' the them');
      }
    }
  });

  it('are never found by SentencePiece either', () => {
    const metadata = metadataOf('sentence-piece');
    const index = (metadata.get('tokenizer.ggml.tokens') as readonly string[]).indexOf('▁the');
    expect(createTokenizer(metadata).encode('the', { addBos: false })).toEqual([index]);
    metadata.set(
      'tokenizer.ggml.token_type',
      (metadata.get('tokenizer.ggml.token_type') as readonly number[]).with(index, 3),
    );
    const ids = createTokenizer(metadata).encode('the', { addBos: false });
    expect(ids).not.toContain(index);
    expect(text(createTokenizer(metadata).decode(ids, { start: true }))).toBe('the');
  });

  it('and byte tokens are not made by their spelling', () => {
    const tokenizer = createTokenizer(metadataOf('sentence-piece'));
    const ids = tokenizer.encode('<0x41></s>', { addBos: false });
    expect(text(tokenizer.decode(ids, { start: true }))).toBe('<0x41></s>');
    expect(ids.some((id) => tokenizer.endOfGeneration.has(id))).toBe(false);
  });

  it('are control tokens by an end-of-generation spelling, whatever their type says', () => {
    const metadata = metadataOf('byte-pair');
    const index = (metadata.get('tokenizer.ggml.tokens') as readonly string[]).indexOf('<|im_end|>');
    for (const type of [1, 4]) {
      metadata.set(
        'tokenizer.ggml.token_type',
        (metadata.get('tokenizer.ggml.token_type') as readonly number[]).with(index, type),
      );
      const tokenizer = createTokenizer(metadata);
      expect(tokenizer.encode('<|im_end|>')).not.toContain(index);
      expect(tokenizer.endOfGeneration.has(index)).toBe(true);
      expect(tokenizer.decodeToken(index)).toHaveLength(0);
    }
  });

  it('show their spelling only when asked', () => {
    const tokenizer = createTokenizer(metadataOf('byte-pair'));
    const id = idOf(tokenizer, '<|im_start|>');
    expect(tokenizer.decodeToken(id)).toHaveLength(0);
    expect(text(tokenizer.decodeToken(id, { special: true }))).toBe('<|im_start|>');
    expect(text(tokenizer.decode([id, ...tokenizer.encode('a')], { special: true }))).toBe('<|im_start|>a');
  });
});

describe('BOS', () => {
  it.each([
    ['byte-pair', {}, false],
    ['byte-pair', { 'tokenizer.ggml.pre': 'llama-bpe', 'tokenizer.ggml.add_bos_token': null }, true],
    [
      'byte-pair',
      { 'tokenizer.ggml.pre': 'llama-bpe', 'tokenizer.ggml.add_bos_token': null, 'tokenizer.ggml.bos_token_id': null },
      false,
    ],
    ['byte-pair', { 'tokenizer.ggml.add_bos_token': true }, true],
    ['sentence-piece', {}, true],
    ['sentence-piece', { 'tokenizer.ggml.add_bos_token': false }, false],
  ])('%s with %j: %s', (vocabulary, changes, expected) => {
    const metadata = metadataOf(vocabulary, changes as Changes);
    const tokenizer = createTokenizer(metadata);
    const bos = metadata.get('tokenizer.ggml.bos_token_id');
    expect(tokenizer.encode('x')[0] === bos).toBe(expected);
    expect(tokenizer.encode('x', { addBos: false })[0]).not.toBe(bos);
    if (bos !== undefined) expect(tokenizer.encode('', { addBos: true })).toEqual([bos]);
  });
});

describe('text that cannot be spelled', () => {
  it('is refused, not shortened', () => {
    const metadata = metadataOf('byte-pair');
    const tokens = metadata.get('tokenizer.ggml.tokens') as readonly string[];
    metadata.set(
      'tokenizer.ggml.token_type',
      (metadata.get('tokenizer.ggml.token_type') as readonly number[]).with(tokens.indexOf('z'), 5),
    );
    const tokenizer = createTokenizer(metadata);
    expect(codeOf(() => tokenizer.encode('zzz'))).toBe('PARAMETER_INVALID');
    expect(tokenizer.encode('yyy').length).toBeGreaterThan(0);
  });

  it.each(['\ud800', 'a\udc00', '\ud800\ud800', 'x\ud83d', '\udc00\ud800'])('has a lone surrogate: %j', (broken) => {
    for (const vocabulary of ['byte-pair', 'sentence-piece']) {
      expect(codeOf(() => createTokenizer(metadataOf(vocabulary)).encode(broken))).toBe('JSON_UNICODE');
    }
  });

  it('and ids that do not exist are refused', () => {
    const tokenizer = createTokenizer(metadataOf('byte-pair'));
    for (const id of [-1, 0.5, tokenizer.vocabSize, Number.NaN]) {
      expect(codeOf(() => tokenizer.decodeToken(id))).toBe('PARAMETER_INVALID');
      expect(codeOf(() => tokenizer.decode([id]))).toBe('PARAMETER_INVALID');
    }
  });
});

it('decodes a million ids', () => {
  const tokenizer = createTokenizer(metadataOf('byte-pair'));
  expect(tokenizer.decode(new Array<number>(1_000_000).fill(0))).toHaveLength(1_000_000);
});
