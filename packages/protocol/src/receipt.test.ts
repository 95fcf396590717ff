import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from './bytes.ts';
import { encodeCanonicalJson } from './canonical-json.ts';
import { receiptIdOfBundle } from './commitment.ts';
import { RunproofError } from './errors.ts';
import { type JsonObject, type JsonValue, parseJson, shorten } from './json.ts';
import { bundleFromValue, encodeBundle, parseBundle, parseReceiptBody } from './receipt.ts';
import type { Bundle } from './types.ts';

const hex = (digit: string): string => digit.repeat(64);
const BUNDLE: Bundle = {
  body: {
    ended_ms: 2,
    engine: { build: `sha256:${hex('1')}`, contract: 'exact-1' },
    evidence: { tdx: `sha256:${hex('2')}` },
    finish_reason: 'stop',
    levels: ['sealed', 'replayed'],
    model: { digest: `sha256:${hex('3')}`, name: 'org/tiny:1.0' },
    nonce: 'ab'.repeat(16),
    operation: 'chat.completion',
    origin: 'example.org/log',
    output: hex('4'),
    prompt: hex('5'),
    request: hex('6'),
    sampling: {
      frequency_penalty: 0,
      logit_bias: { '7': -1.5 },
      max_tokens: 10,
      min_p: 0,
      presence_penalty: 0,
      repetition_penalty: 1,
      seed: hex('7'),
      stop: ['x'],
      temperature: 0.7,
      top_k: 0,
      top_p: 1,
    },
    schema: 'runproof/receipt/1',
    segments: [{ node: 'example.org/b', tokens: 1 }],
    started_ms: 1,
    tokens: hex('8'),
    trace: hex('9'),
    usage: { completion_tokens: 2, prompt_tokens: 3 },
  },
  disclosure: { completion: [1, 4294967295], prompt: [0, 1, 2], trace: `${'A'.repeat(21)}A==`.slice(0, 24) },
  proof: 'c2sp.org/tlog-proof@v1\n',
  salt: hex('a'),
  schema: 'runproof/bundle/1',
};
const TEXT = encodeBundle(BUNDLE);

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code === 'RECEIPT_SYNTAX' ? error.evidence.field : error.code;
    throw error;
  }
  return 'no error';
}

/** The bundle with the member at `path` replaced; undefined removes it. */
function changed(path: string, value: JsonValue | undefined): JsonValue {
  const copy = JSON.parse(TEXT) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let target: Record<string, unknown> = copy;
  for (const name of names) target = target[name] as Record<string, unknown>;
  if (value === undefined) delete target[last];
  else target[last] = value;
  return copy as unknown as JsonObject;
}

describe('bundle', () => {
  it('is read back from its canonical bytes', () => {
    expect(parseBundle(TEXT)).toEqual(BUNDLE);
    expect(encodeBundle(parseBundle(utf8(TEXT)))).toBe(TEXT);
    expect(encodeBundle(bundleFromValue(parseJson(JSON.stringify(BUNDLE))))).toBe(TEXT);
    expect(parseBundle(encodeBundle({ ...BUNDLE, disclosure: null })).disclosure).toBeNull();
    expect(receiptIdOfBundle(BUNDLE)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('has one spelling', () => {
    const { schema, ...others } = BUNDLE;
    const reordered = JSON.stringify({ schema, ...others });
    expect(failure(() => parseBundle(`${TEXT}\n`))).toBe('JSON_NOT_CANONICAL');
    expect(failure(() => parseBundle(reordered))).toBe('JSON_NOT_CANONICAL');
    expect(failure(() => parseBundle(TEXT.replace('0.7', '7e-1')))).toBe('JSON_NOT_CANONICAL');
  });

  const cases: [string, readonly (JsonValue | undefined)[]][] = [
    ['salt', [hex('A'), hex('a').slice(1), 5, undefined]],
    ['schema', ['runproof/bundle/2', null]],
    ['proof', [null, 'x'.repeat(65537)]],
    ['disclosure', [[], 'x', undefined]],
    ['disclosure.completion', [[1, 2, 3], {}, undefined]],
    ['disclosure.trace', ['AAAA', 'AAAAAAAAAAAAAAAAAAAAAB==', null, undefined]],
    ['body', [null, [], undefined]],
    ['body.ended_ms', [0, 1.5, -1, '2', undefined]],
    ['body.started_ms', [-1, null, undefined]],
    ['body.engine', [{}, null]],
    ['body.engine.build', [hex('1'), `sha256:${hex('G')}`, `SHA256:${hex('1')}`]],
    ['body.engine.contract', ['', 'Exact-1', 'x'.repeat(65), 1]],
    [
      'body.evidence',
      [
        [],
        null,
        { 'a b': `sha256:${hex('1')}` },
        Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, `sha256:${hex('1')}`])),
      ],
    ],
    ['body.evidence.tdx', ['x', null]],
    ['body.finish_reason', ['done', null, 'Stop']],
    [
      'body.levels',
      [[], ['replayed'], ['replayed', 'sealed'], ['sealed', 'sealed'], ['sealed', 'replayed', 'sealed'], 'sealed'],
    ],
    ['body.model.digest', ['x', undefined]],
    ['body.model.name', ['', 'a b', 'x'.repeat(129), 'ü']],
    ['body.nonce', ['ab'.repeat(15), 'ab'.repeat(65), 'AB'.repeat(16), `${'ab'.repeat(16)}a`]],
    ['body.operation', ['embedding']],
    ['body.origin', ['', 'a b', 'a+b', 'x'.repeat(256), 'a\nb']],
    ['body.output', [hex('g'), null]],
    ['body.prompt', ['']],
    ['body.request', [`0x${hex('6').slice(2)}`]],
    ['body.tokens', [hex('8').slice(2)]],
    ['body.trace', [1]],
    ['body.schema', ['runproof/receipt/2']],
    ['body.segments', [{}, Array.from({ length: 65 }, () => ({ node: 'a', tokens: 0 }))]],
    ['body.usage.prompt_tokens', [-1, 1.5, undefined]],
    ['body.usage.completion_tokens', ['2']],
    ['body.sampling', [{}, null]],
    ['body.sampling.temperature', [2.1, null, '0.7', undefined]],
    ['body.sampling.top_p', [0]],
    ['body.sampling.top_k', [0.5]],
    ['body.sampling.min_p', [1]],
    ['body.sampling.frequency_penalty', [3]],
    ['body.sampling.presence_penalty', [-3]],
    ['body.sampling.repetition_penalty', [0]],
    ['body.sampling.max_tokens', [0, null, 1.5]],
    ['body.sampling.stop', ['x', null, [''], ['a', 'b', 'c', 'd', 'e']]],
    ['body.sampling.logit_bias', [null, [], { x: 1 }, { '1': 101 }, { '01': 1 }]],
    ['body.sampling.seed', [hex('7').toUpperCase().replace('7', 'A'), null, 7]],
  ];

  it.each(cases)('refuses a wrong %s', (path, values) => {
    for (const value of values) {
      const field = failure(() => bundleFromValue(parseJson(JSON.stringify(changed(path, value)))));
      // An object as a whole is wrong at its first member.
      expect(
        String(field).startsWith(path) ||
          field === `bundle.${path}` ||
          path.endsWith(String(field)) ||
          (path === 'disclosure.completion' && field === 'disclosure.trace') ||
          (path === 'body.started_ms' && field === 'body.ended_ms'),
      ).toBe(true);
    }
  });

  it.each(['', 'body.', 'body.engine.', 'body.model.', 'body.sampling.', 'body.usage.', 'disclosure.'])(
    'refuses an unknown field in %j',
    (path) => {
      expect(failure(() => bundleFromValue(changed(`${path}zzz`, 1)))).toBe(`${path === '' ? 'bundle.' : path}zzz`);
      expect(failure(() => bundleFromValue(parseJson(TEXT.replace('{"body":{', '{"body":{"__proto__":1,'))))).toBe(
        'body.__proto__',
      );
    },
  );

  it('shows a hostile name shortened, and not halved', () => {
    const name = `${'x'.repeat(63)}${'👋'.repeat(10_000)}`;
    expect(failure(() => bundleFromValue({ ...parseBundle(TEXT), [name]: 1 } as unknown as JsonObject))).toBe(
      `bundle.${'x'.repeat(63)}`,
    );
    expect(shorten('ab👋', 3)).toBe('ab');
    expect(shorten('ab👋', 4)).toBe('ab👋');
  });

  it('refuses ids beyond 32 bits', () => {
    expect(failure(() => bundleFromValue(changed('disclosure.prompt', [4294967296, 1, 2])))).toBe(
      'disclosure.prompt[0]',
    );
    expect(failure(() => bundleFromValue(changed('disclosure.completion', [1, -1])))).toBe('disclosure.completion[1]');
  });

  it('throws nothing but RunproofError, and reads back what it accepts', () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases.map(([path]) => path)), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const text = JSON.stringify(changed(path, JSON.parse(JSON.stringify(value)) as JsonValue));
        const outcome = failure(() => {
          const canonical = encodeCanonicalJson(parseJson(text));
          expect(encodeBundle(parseBundle(canonical))).toBe(canonical);
        });
        expect(typeof outcome).toBe('string');
      }),
    );
  });
});

it('a body alone is read the same way', () => {
  expect(parseReceiptBody(parseJson(encodeCanonicalJson(BUNDLE.body)))).toEqual(BUNDLE.body);
  expect(failure(() => parseReceiptBody(null))).toBe('body');
});
