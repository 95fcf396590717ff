import { concatBytes, encodeHex, sha256, utf8 } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { TokenTrace } from './trace.ts';

const digest = `sha256:${'0c'.repeat(32)}`;
const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

describe('TokenTrace', () => {
  it('is the chain of the page', () => {
    const logits = Float32Array.from([1, -2, 0.5]);
    const start = sha256(
      concatBytes(
        utf8('runproof/trace/1\0'),
        new Uint8Array(32).fill(0x0c),
        sha256(utf8('exact-1')),
        sha256(words(7, 300)),
      ),
    );
    const trace = new TokenTrace({ modelDigest: digest, prompt: [7, 300] });
    expect(trace.hash).toEqual(start);
    const first = sha256(concatBytes(start, words(2), sha256(words(0x3f800000, 0xc0000000, 0x3f000000))));
    expect(trace.append(2, logits)).toEqual(first);
    expect(trace.hash).toEqual(first);
  });

  it('depends on model, prompt, every token, every logit and their order', () => {
    const root = (modelDigest: string, prompt: number[], steps: [number, number[]][]): string => {
      const trace = new TokenTrace({ modelDigest, prompt });
      for (const [id, logits] of steps) trace.append(id, Float32Array.from(logits));
      return encodeHex(trace.hash);
    };
    const steps: [number, number[]][] = [
      [1, [0, 1]],
      [0, [2, 3]],
    ];
    const roots = [
      root(digest, [1, 2], steps),
      root(`sha256:${'0d'.repeat(32)}`, [1, 2], steps),
      root(digest, [2, 1], steps),
      root(
        digest,
        [1, 2],
        [
          [0, [0, 1]],
          [0, [2, 3]],
        ],
      ),
      root(
        digest,
        [1, 2],
        [
          [1, [0, 1.0000001]],
          [0, [2, 3]],
        ],
      ),
      root(
        digest,
        [1, 2],
        [
          [1, [-0, 1]],
          [0, [2, 3]],
        ],
      ),
      root(
        digest,
        [1, 2],
        [
          [0, [2, 3]],
          [1, [0, 1]],
        ],
      ),
      root(digest, [1, 2], [[1, [0, 1]]]),
    ];
    expect(new Set(roots).size).toBe(roots.length);
  });

  it('reads logits that lie inside a larger buffer', () => {
    const whole = Float32Array.from([9, 1, 2, 9]);
    const left = new TokenTrace({ modelDigest: digest, prompt: [1] });
    const right = new TokenTrace({ modelDigest: digest, prompt: [1] });
    expect(left.append(0, whole.subarray(1, 3))).toEqual(right.append(0, Float32Array.from([1, 2])));
  });

  it('refuses what is not a digest', () => {
    for (const modelDigest of ['', 'sha256:', `sha256:${'0C'.repeat(32)}`, `sha512:${'00'.repeat(32)}`]) {
      expect(() => new TokenTrace({ modelDigest, prompt: [1] })).toThrow(
        expect.objectContaining({ code: 'PARAMETER_INVALID' }),
      );
    }
  });
});
