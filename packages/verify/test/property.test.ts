// Whatever the bytes, `verify` answers with a report; and a receipt holds as a whole or not at all.
import { choiceOfResponse, encodeCanonicalJson, parseJson, StreamReader, utf8 } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verify } from '../src/index.ts';
import { CHAT_REQUEST, ENGINE, serve } from './honest-node.ts';

const exchange = serve({ request: { ...CHAT_REQUEST, max_tokens: 4 }, log: { size: 2, index: 1 } });
const bytes = utf8(exchange.text);

function flip(source: Uint8Array, bit: number): Uint8Array {
  const changed = source.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

function readAnswer(kind: 'response' | 'stream', source: Uint8Array): readonly unknown[] {
  if (kind === 'response') {
    const { content, finishReason } = choiceOfResponse('chat.completion', parseJson(source));
    return [content, finishReason];
  }
  const reader = new StreamReader('chat.completion');
  reader.push(source);
  return [reader.content, reader.finishReason, reader.done];
}

/**
 * Ed25519 is slow in plain TypeScript; the bits under a signature are checked by one that answers alike for everything
 * that it has not seen.
 */
const pinned = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  seen.has([publicKey, message, signature].join());
const seen = new Set<string>();
await verify(bytes, { ...exchange, ed25519: (...parts) => seen.add(parts.join()).size > 0 });

describe('one flipped bit', () => {
  it('in any byte of the bundle does not verify', async () => {
    const options = { ...exchange, replay: ENGINE, level: 'replayed' as const, ed25519: pinned };
    expect(await verify(bytes, options)).toMatchObject({ verdict: 'valid', level: 'replayed' });
    const valid: number[] = [];
    // Three bits of every byte, others in the next byte: all eight positions meet every field.
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const report = await verify(flip(bytes, bit), options);
      if (report.verdict !== 'invalid' || report.failed.length === 0) valid.push(bit);
    }
    expect(valid).toEqual([]);
  });

  it('of the signature does not verify by real Ed25519', async () => {
    const start = exchange.text.lastIndexOf(' ') + 1 + 6;
    for (let bit = start * 8; bit < (start + 86) * 8; bit += 13) {
      const report = await verify(flip(bytes, bit), exchange);
      expect(report.verdict, `bit ${bit}`).toBe('invalid');
    }
  });

  it('of the request does not verify', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: exchange.request.length * 8 - 1 }), async (bit) => {
        const report = await verify(bytes, { ...exchange, ed25519: pinned, request: flip(exchange.request, bit) });
        expect(report.failed).toEqual(['request.match']);
      }),
    );
  });

  it.each(['response', 'stream'] as const)('of the %s never verifies as another answer', async (kind) => {
    const source = exchange[kind];
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: source.length * 8 - 1 }), async (bit) => {
        const changed = flip(source, bit);
        const report = await verify(bytes, { ...exchange, ed25519: pinned, response: changed });
        // What stands beside the answer (an id, the name of an object) is not sealed and may change; the answer may
        // not.
        if (report.verdict === 'valid') expect(readAnswer(kind, changed)).toEqual(readAnswer(kind, source));
        else expect(report.failed).toEqual(['response.match']);
      }),
      { numRuns: 300 },
    );
  });
});

describe('verify never throws', () => {
  const neverThrows = async (bundle: Uint8Array | string, response: Uint8Array = exchange.response): Promise<void> => {
    const report = await verify(bundle, { ...exchange, response, replay: ENGINE, ed25519: pinned });
    expect(['valid', 'invalid', 'incomplete']).toContain(report.verdict);
  };

  it('on arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (garbage) => neverThrows(garbage, garbage)),
    );
  });

  it('on arbitrary text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (garbage) => neverThrows(garbage, utf8(garbage))),
    );
  });

  it('on arbitrary JSON', async () => {
    await fc.assert(fc.asyncProperty(fc.json(), async (garbage) => neverThrows(garbage, utf8(garbage))));
  });

  it('on a bundle with one value put in the place of another, and finds it out', async () => {
    const paths: (readonly string[])[] = [];
    const collect = (value: unknown, path: readonly string[]): void => {
      paths.push(path);
      if (typeof value === 'object' && value !== null)
        for (const [name, member] of Object.entries(value)) collect(member, [...path, name]);
    };
    collect(parseJson(exchange.text), []);
    const replaced = (value: unknown, path: readonly string[], other: unknown): unknown => {
      const [name, ...rest] = path;
      if (name === undefined) return other;
      const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
        ? [...(value as unknown[])]
        : { ...(value as Record<string, unknown>) };
      const target = copy as Record<string, unknown>;
      target[name] = replaced(target[name], rest, other);
      return copy;
    };
    const original = parseJson(exchange.text);
    const scalar = fc.oneof(
      fc.integer(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('stop', 'sealed', 'ab'.repeat(32)),
    );
    const someJson = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc.dictionary(fc.string(), scalar, { maxKeys: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), someJson, async (path, other) => {
        const text = encodeCanonicalJson(replaced(original, path, other));
        if (text === exchange.text) return;
        const report = await verify(text, { ...exchange, replay: ENGINE, level: 'replayed', ed25519: pinned });
        // Without a disclosure the receipt holds, and the replay that was demanded is missing.
        expect(report.verdict).toBe(path.join() === 'disclosure' && other === null ? 'incomplete' : 'invalid');
      }),
      { numRuns: 500 },
    );
  });

  it('on mutated streams', async () => {
    const events = new TextDecoder().decode(exchange.stream).split('\n\n');
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(events),
        fc.constantFrom('\n\n', '\r\n\r\n', '\r\r', '\n'),
        async (some, separator) => {
          const response = utf8(some.join(separator));
          await neverThrows(bytes, response);
        },
      ),
    );
  });
});
