import { ERROR_CODES, RunproofError, sha256, utf8 } from '@runproof/protocol';
import { ed25519NoteSigner, parsePolicy } from '@runproof/tlog';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorld } from './test/world.ts';
import { extendPolicy, fetchTrustInfo, keyFingerprint, parseTrustInfo, type TrustInfo } from './trust.ts';

const URL_A = 'http://a.test:8420';
const keyOf = (origin: string, label: string): string => ed25519NoteSigner(origin, sha256(utf8(label))).vkey;
const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

const document = {
  engine: { build: digestOf('b'), contract: 'exact-1' },
  log: '/log',
  models: [{ digest: digestOf('1'), name: 'runproof-tiny' }],
  origin: 'a.test/log',
  policy: '',
  schema: 'runproof/node/1',
  vkey: keyOf('a.test/log', 'a'),
};

const infoOf = (change: object = {}, url = URL_A): TrustInfo =>
  parseTrustInfo(utf8(JSON.stringify({ ...document, ...change })), url);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('runproof.json', () => {
  it('is read from a real node', async () => {
    const world = createWorld();
    const info = await fetchTrustInfo('http://node.test/v1', { fetch: world.fetch });
    expect(info).toMatchObject({
      url: 'http://node.test',
      logUrl: 'http://node.test/log',
      origin: world.kit.log.origin,
      vkey: world.kit.log.vkey,
    });
    expect(parsePolicy(extendPolicy(null, info).policy).models.map((model) => model.digest)).toEqual([
      world.kit.engine.model.digest,
    ]);
  });

  it('has exactly its fields, and the key of its origin', () => {
    expect(infoOf().models).toEqual(document.models);
    const wrong: object[] = [
      { more: 1 },
      { engine: undefined },
      { engine: { build: digestOf('b') } },
      { schema: 'runproof/node/2' },
      { models: {} },
      { models: [{ digest: 'x', name: 'y' }] },
      { models: [{ ...document.models[0], name: 'two words' }] },
      { origin: 'b.test/log' },
      { log: 'http://elsewhere/log' },
      { log: '/a b' },
      { engine: { ...document.engine, contract: 'exact-1\nquorum none' } },
    ];
    for (const change of wrong)
      expect(
        codeOf(() => infoOf(change)),
        JSON.stringify(change),
      ).toBe('UNTRUSTED');
    expect(codeOf(() => infoOf({ vkey: `${document.vkey}A` }))).toBe('VKEY_SYNTAX');
    expect(infoOf({ log: '//elsewhere.test/log' }).logUrl).toBe('http://a.test:8420/elsewhere.test/log');
  });

  it('never leads to anything but a RunproofError', () => {
    const text = JSON.stringify(document);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (position, noise) => {
        const mutant = text.slice(0, position) + noise + text.slice(position + noise.length);
        const code = codeOf(() => extendPolicy(null, parseTrustInfo(utf8(mutant), URL_A)));
        expect(code === 'none' || code in ERROR_CODES).toBe(true);
      }),
    );
  });

  it('says so when nothing, or something else, answers', async () => {
    const elsewhere = fetchTrustInfo(URL_A, { fetch: async () => new Response('<html>', { status: 404 }) });
    await expect(elsewhere).rejects.toMatchObject({ code: 'UNTRUSTED' });
    const dead = fetchTrustInfo(URL_A, { fetch: () => Promise.reject(new TypeError('fetch failed')) });
    await expect(dead).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
    await expect(fetchTrustInfo('ftp://a.test')).rejects.toMatchObject({ code: 'UNTRUSTED' });
    const huge = fetchTrustInfo(URL_A, { fetch: async () => new Response('x'.repeat(2_000_000)) });
    await expect(huge).rejects.toMatchObject({ code: 'JSON_SIZE' });
  });
});

describe('extendPolicy', () => {
  it('begins a policy, and leaves it alone when nothing is new', () => {
    const { policy, changes } = extendPolicy(null, infoOf());
    expect(changes.map((change) => change.kind)).toEqual(['log', 'model', 'engine', 'quorum']);
    const parsed = parsePolicy(policy);
    expect([parsed.logs.length, parsed.models.length, parsed.engines, parsed.quorum]).toEqual([
      1,
      1,
      ['exact-1'],
      null,
    ]);
    expect(extendPolicy(policy, infoOf())).toEqual({ policy, changes: [] });
  });

  it('keeps every byte of what a person wrote, and adds what is new', () => {
    const before = `# mine\n${extendPolicy(null, infoOf()).policy}# end\n`;
    const other = infoOf(
      { origin: 'b.test/log', vkey: keyOf('b.test/log', 'b'), models: [{ digest: digestOf('2'), name: 'other' }] },
      'http://b.test',
    );
    const { policy, changes } = extendPolicy(before, other);
    expect(policy.startsWith(before)).toBe(true);
    expect(changes.map((change) => change.kind)).toEqual(['log', 'model']);
    expect(parsePolicy(policy).logs).toHaveLength(2);
  });

  it('refuses another key of the same origin or the same URL', () => {
    const { policy } = extendPolicy(null, infoOf());
    expect(
      codeOf(() => extendPolicy(policy, infoOf({ vkey: keyOf('a.test/log', 'stolen') }, 'http://elsewhere.test'))),
    ).toBe('TRUST_CHANGED');
    expect(
      codeOf(() => extendPolicy(policy, infoOf({ origin: 'new.test/log', vkey: keyOf('new.test/log', 'new') }))),
    ).toBe('TRUST_CHANGED');
    expect(
      codeOf(() =>
        extendPolicy(
          policy.replace('/log\n', '/log/\n'),
          infoOf({ origin: 'new.test/log', vkey: keyOf('new.test/log', 'new') }),
        ),
      ),
    ).toBe('TRUST_CHANGED');
    expect(codeOf(() => extendPolicy(policy, infoOf({}, 'http://moved.test')))).toBe('none');
  });

  it('refuses a damaged policy instead of replacing it', () => {
    expect(codeOf(() => extendPolicy('nonsense\n', infoOf()))).toBe('POLICY_SYNTAX');
    expect(codeOf(() => extendPolicy('', infoOf()))).toBe('POLICY_SYNTAX');
  });

  it('fingerprints differ with the key', () => {
    expect(keyFingerprint(document.vkey)).toMatch(/^SHA256:[0-9a-f]{64}$/);
    expect(keyFingerprint(document.vkey)).not.toBe(keyFingerprint(keyOf('a.test/log', 'stolen')));
  });
});
