import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from './bytes.ts';
import { RunproofError } from './errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from './json.ts';
import { deriveSeed, effectiveSampling } from './sampling.ts';

const NONCE = 'ab'.repeat(16);
const context = { requestBytes: utf8('{}'), nonce: NONCE, maxTokensAvailable: 100 };
const nonceBytes = new Uint8Array(16).fill(0xab);

function failure(request: JsonObject): unknown {
  try {
    effectiveSampling(request, context);
  } catch (error) {
    if (RunproofError.isInstance(error)) return [error.code, error.evidence.parameter];
    throw error;
  }
  return 'no error';
}

describe('effectiveSampling', () => {
  const defaults = {
    frequency_penalty: 0,
    logit_bias: {},
    max_tokens: 100,
    min_p: 0,
    presence_penalty: 0,
    repetition_penalty: 1,
    stop: [],
    temperature: 1,
    top_k: 0,
    top_p: 1,
  };

  it('has defaults for what is missing or null', () => {
    const names = [...Object.keys(defaults), 'max_completion_tokens', 'seed'];
    expect(effectiveSampling({}, context)).toEqual({
      ...defaults,
      seed: deriveSeed(undefined, context.requestBytes, nonceBytes),
    });
    expect(effectiveSampling(Object.fromEntries(names.map((name) => [name, null])), context)).toEqual(
      effectiveSampling({}, context),
    );
  });

  it('takes what the request sets', () => {
    const set = {
      frequency_penalty: -2,
      logit_bias: { '7': -100, '0': 1.5 },
      max_tokens: 9,
      min_p: 0.5,
      presence_penalty: 2,
      repetition_penalty: 10,
      stop: ['a', 'b'],
      temperature: 0,
      top_k: 40,
      top_p: 0.1,
    };
    expect(effectiveSampling({ ...set, seed: -5 }, context)).toEqual({
      ...set,
      seed: deriveSeed(-5, context.requestBytes, nonceBytes),
    });
    expect(effectiveSampling({ stop: 'end' }, context).stop).toEqual(['end']);
  });

  it.each([
    [{ max_tokens: 5 }, 5],
    [{ max_tokens: 500 }, 100],
    [{ max_completion_tokens: 7 }, 7],
    [{ max_completion_tokens: 7, max_tokens: 5 }, 7],
    [{ max_completion_tokens: null, max_tokens: 5 }, 5],
    [{}, 100],
  ])('max_tokens of %j is %i', (request, expected) => {
    expect(effectiveSampling(request, context).max_tokens).toBe(expected);
  });

  it.each<[string, JsonValue[]]>([
    ['temperature', [-0.1, 2.1, '1', true, []]],
    ['top_p', [0, 1.01, -1]],
    ['top_k', [-1, 1.5, '3']],
    ['min_p', [-0.1, 1]],
    ['frequency_penalty', [-2.1, 2.1]],
    ['presence_penalty', [-2.1, 2.1, {}]],
    ['repetition_penalty', [0, -1, 10.1]],
    [
      'logit_bias',
      [
        [],
        'x',
        { a: 1 },
        { '01': 1 },
        { '-1': 1 },
        { '4294967296': 1 },
        { '1': 101 },
        { '1': -101 },
        { '1': null },
        { ' 1': 1 },
      ],
    ],
    ['stop', ['', [''], [1], {}, ['a', 'b', 'c', 'd', 'e'], 'x'.repeat(1025)]],
    ['max_tokens', [0, -1, 1.5, '1']],
    ['max_completion_tokens', [0, 2.5]],
    ['seed', [1.5, '1', {}]],
  ])('refuses %s out of its range', (parameter, values) => {
    for (const value of values) expect(failure({ [parameter]: value })).toEqual(['PARAMETER_INVALID', parameter]);
  });

  it('refuses more biases than the limit, and a prompt that fills the context', () => {
    expect(
      failure({ logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, id) => [String(id), 1])) }),
    ).toEqual(['PARAMETER_INVALID', 'logit_bias']);
    expect(() => effectiveSampling({}, { ...context, maxTokensAvailable: 0 })).toThrowError(
      expect.objectContaining({ code: 'MODEL_CONTEXT' }),
    );
  });

  it('has no minus zero, which canonical JSON could not tell from zero', () => {
    expect(Object.is(effectiveSampling({ temperature: -0, logit_bias: { '1': -0 } }, context).temperature, 0)).toBe(
      true,
    );
    expect(Object.is(effectiveSampling({ logit_bias: { '1': -0 } }, context).logit_bias['1'], 0)).toBe(true);
  });

  it('throws nothing but RunproofError', () => {
    const names = fc.constantFrom(
      'temperature',
      'top_p',
      'top_k',
      'stop',
      'logit_bias',
      'seed',
      'max_tokens',
      '__proto__',
    );
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        const request = JSON.parse(JSON.stringify({ [name]: value })) as JsonObject;
        const outcome = failure(request);
        expect(outcome === 'no error' || Array.isArray(outcome)).toBe(true);
      }),
    );
  });
});

describe('deriveSeed', () => {
  const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  };

  it('follows from request and nonce when the request sets none', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 16, maxLength: 64 }), (request, nonce) => {
        const expected = sha256('runproof/seed/1\0', sha256(request), nonce).toString('hex');
        expect(deriveSeed(undefined, request, nonce)).toBe(expected);
        expect(deriveSeed(null, request, nonce)).toBe(expected);
      }),
    );
  });

  it('follows from the integer alone when the request sets one', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.uint8Array(), (seed, request) => {
        const word = Buffer.alloc(8);
        word.writeBigInt64LE(BigInt(seed));
        expect(deriveSeed(seed, request, nonceBytes)).toBe(sha256('runproof/seed/fixed/1\0', word).toString('hex'));
      }),
    );
  });

  it('refuses what is no safe integer', () => {
    for (const seed of [0.5, 2 ** 53, Number.NaN, '1'])
      expect(() => deriveSeed(seed, nonceBytes, nonceBytes)).toThrow('seed');
  });
});

it('a request without its own prototype is read like any other', () => {
  const request = parseJson('{"temperature":0.25,"__proto__":{"top_p":0.5}}');
  if (!isJsonObject(request)) throw new Error('not an object');
  expect(effectiveSampling(request, context)).toMatchObject({ temperature: 0.25, top_p: 1 });
});
