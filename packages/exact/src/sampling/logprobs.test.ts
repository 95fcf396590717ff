import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenLogprobs } from './logprobs.ts';

describe('tokenLogprobs', () => {
  it('is the log-softmax of the raw logits, with the likeliest ids in order', () => {
    const values = fc.array(fc.oneof(fc.float({ min: -50, max: 50, noNaN: true }), fc.constantFrom(1, 2)), {
      minLength: 3,
      maxLength: 30,
    });
    fc.assert(
      fc.property(values, fc.nat(2), fc.nat(6), (logits, id, count) => {
        const { logprob, top } = tokenLogprobs(Float32Array.from(logits), id, count);
        const total = logits.reduce((sum, value) => sum + Math.exp(value - Math.max(...logits)), 0);
        const of = (index: number): number => (logits[index] as number) - Math.max(...logits) - Math.log(total);
        expect(logprob).toBeCloseTo(of(id), 10);
        const order = [...logits.keys()]
          .sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b)
          .slice(0, count);
        expect(top.map((entry) => entry.id)).toEqual(order);
        for (const entry of top) expect(entry.logprob).toBeCloseTo(of(entry.id), 10);
      }),
    );
  });

  it('survives logits at the ends of f32', () => {
    const { logprob, top } = tokenLogprobs(Float32Array.from([3.4e38, -3.4e38]), 0, 2);
    expect(logprob).toBe(0);
    expect(top[1]?.logprob).toBeLessThan(-1e38);
  });
});
