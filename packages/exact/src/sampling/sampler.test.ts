import { type SamplingParameters, sha256 } from '@runproof/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp64, ln64 } from '../oracle/elementary.ts';
import { SeededRandom } from '../testing/random.ts';
import { PositionRandom } from './gumbel.ts';
import { Sampler, sample } from './sampler.ts';

const DEFAULTS: SamplingParameters = {
  frequency_penalty: 0,
  logit_bias: {},
  max_tokens: 10,
  min_p: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
  seed: '5a'.repeat(32),
  stop: [],
  temperature: 1,
  top_k: 0,
  top_p: 1,
};

const clamp = (value: number): number => Math.min(Math.max(value, -(2 ** 1000)), 2 ** 1000);

/** specs/exact-1.md §7 word for word, with full sorts and no shortcut. */
function definition(
  logits: Float32Array,
  sampling: SamplingParameters,
  prompt: readonly number[],
  output: readonly number[],
): number {
  const z = Array.from(logits);
  for (const id of new Set([...prompt, ...output])) {
    if (sampling.repetition_penalty === 1) break;
    const value = z[id] as number;
    z[id] = value > 0 ? value / sampling.repetition_penalty : value * sampling.repetition_penalty;
  }
  for (const id of new Set(output)) {
    const count = output.filter((other) => other === id).length;
    z[id] = (z[id] as number) - (sampling.frequency_penalty * count + sampling.presence_penalty);
  }
  for (const [id, bias] of Object.entries(sampling.logit_bias))
    if (Number(id) < z.length) z[Number(id)] = (z[Number(id)] as number) + bias;
  const scores = z.map(clamp);
  const order = (values: number[]): number[] =>
    [...values.keys()].sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  if (sampling.temperature < 2 ** -20) return order(scores)[0] as number;
  const scaled = scores.map((value) => clamp(value / sampling.temperature));
  let candidates = order(scaled);
  const first = scaled[candidates[0] as number] as number;
  const weight = (id: number): number => exp64(Math.max((scaled[id] as number) - first, -745));
  if (sampling.top_k > 0) candidates = candidates.slice(0, sampling.top_k);
  if (sampling.top_p < 1) {
    const total = candidates.reduce((sum, id) => sum + weight(id), 0);
    let running = 0;
    const end = candidates.findIndex((id) => {
      running += weight(id);
      return running >= sampling.top_p * total;
    });
    candidates = candidates.slice(0, end + 1);
  }
  if (sampling.min_p > 0) candidates = candidates.filter((id) => weight(id) >= sampling.min_p);
  const random = new PositionRandom(
    Uint8Array.from({ length: 32 }, () => 0x5a),
    output.length,
    sha256,
  );
  const noisy = candidates.map((id) => [(scaled[id] as number) + -ln64(-ln64(random.uniform(id))), id] as const);
  return noisy.sort((a, b) => b[0] - a[0] || a[1] - b[1])[0]?.[1] as number;
}

const size = 40;
const logitsArbitrary = fc.oneof(
  fc.array(fc.float({ noNaN: true, min: -20, max: 20 }), { minLength: size, maxLength: size }),
  // Many ties, both zeros among them.
  fc.array(fc.constantFrom(-3, -0, 0, 1, 2.5), { minLength: size, maxLength: size }),
  // Differences beyond every window.
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: size, maxLength: size }),
);
const idArbitrary = fc.nat(size - 1);
const samplingArbitrary = fc.record({
  temperature: fc.oneof(
    fc.constantFrom(0, 1, 0.7, 2, 5e-324, 2 ** -20, 2 ** -21),
    fc.double({ min: 0.01, max: 2, noNaN: true }),
  ),
  top_k: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: size + 5 })),
  top_p: fc.oneof(fc.constantFrom(1, 5e-324), fc.double({ min: 0.01, max: 1, noNaN: true })),
  min_p: fc.oneof(fc.constantFrom(0, 5e-324, 1e-301), fc.double({ min: 0, max: 0.999, noNaN: true })),
  repetition_penalty: fc.constantFrom(1, 1.3, 0.5, 10, 5e-324),
  frequency_penalty: fc.constantFrom(0, 0.5, -2),
  presence_penalty: fc.constantFrom(0, 1, -0.25),
  logit_bias: fc.dictionary(
    fc.integer({ min: 0, max: size + 5 }).map(String),
    fc.double({ min: -100, max: 100, noNaN: true }),
    { maxKeys: 3 },
  ),
});

describe('sample', () => {
  it('is the definition of the page', () => {
    fc.assert(
      fc.property(
        logitsArbitrary,
        samplingArbitrary,
        fc.array(idArbitrary, { maxLength: 5 }),
        fc.array(idArbitrary, { maxLength: 8 }),
        (values, changes, prompt, output) => {
          const logits = Float32Array.from(values);
          const sampling = { ...DEFAULTS, ...changes };
          const chosen = sample(logits, { sampling, promptIds: prompt, outputIds: output, position: output.length });
          expect(chosen).toBe(definition(logits, sampling, prompt, output));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('is the definition on a large vocabulary too', () => {
    const random = new SeededRandom(8);
    for (const changes of [
      {},
      { top_p: 0.95 },
      { top_k: 50, top_p: 0.9 },
      { min_p: 0.05 },
      { temperature: 2 },
      { top_k: 1 },
    ]) {
      const logits = random.values(20_000, 4);
      const sampling = { ...DEFAULTS, ...changes };
      expect(sample(logits, { sampling, promptIds: [], outputIds: [1], position: 1 })).toBe(
        definition(logits, sampling, [], [1]),
      );
    }
  });

  it('follows the distribution: frequencies over positions are the probabilities', () => {
    const logits = Float32Array.from([Math.log(0.5), Math.log(0.3), Math.log(0.2)]);
    const counts = [0, 0, 0];
    const sampler = new Sampler({ sampling: DEFAULTS, prompt: [] });
    for (let index = 0; index < 6000; index += 1) {
      const id = sampler.sample(logits);
      sampler.accept(id);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    // Four standard deviations of a binomial of 6000 are below 0.026; the seed is fixed, so this never varies.
    for (const [id, probability] of [0.5, 0.3, 0.2].entries())
      expect(Math.abs((counts[id] ?? 0) / 6000 - probability)).toBeLessThan(0.026);
  });

  it('counts the prompt for the repetition penalty, and only the output for the others', () => {
    const logits = Float32Array.from([2, 1.9, 1.8]);
    const greedy = { ...DEFAULTS, temperature: 0 };
    const at = (changes: Partial<SamplingParameters>, promptIds: number[], outputIds: number[]): number =>
      sample(logits, { sampling: { ...greedy, ...changes }, promptIds, outputIds, position: outputIds.length });
    expect(at({}, [0], [0])).toBe(0);
    expect(at({ repetition_penalty: 1.5 }, [0], [])).toBe(1);
    expect(at({ presence_penalty: 1 }, [0], [])).toBe(0);
    expect(at({ presence_penalty: 1 }, [], [0])).toBe(1);
    expect(at({ frequency_penalty: 0.06 }, [], [0])).toBe(0);
    expect(at({ frequency_penalty: 0.06 }, [], [0, 0])).toBe(1);
    expect(at({ logit_bias: { '2': 5, '77': 100 } }, [], [])).toBe(2);
  });

  it('takes the lowest id at a tie', () => {
    const logits = Float32Array.from([-1, 3, 3, 3]);
    expect(
      sample(logits, { sampling: { ...DEFAULTS, temperature: 0 }, promptIds: [], outputIds: [], position: 0 }),
    ).toBe(1);
    expect(sample(logits, { sampling: { ...DEFAULTS, top_k: 1 }, promptIds: [], outputIds: [], position: 0 })).toBe(1);
  });

  it('is addressed by position: what was sampled before does not matter', () => {
    const logits = new SeededRandom(3).values(100, 0.1);
    const context = { sampling: DEFAULTS, promptIds: [] };
    const fifth = sample(logits, { ...context, outputIds: [1, 2, 3, 4, 5, 6], position: 5 });
    expect(sample(logits, { ...context, outputIds: [9, 9, 9, 9, 9], position: 5 })).toBe(fifth);
    const others = [0, 1, 2, 3, 4, 6].map((position) =>
      sample(logits, { ...context, outputIds: [1, 2, 3, 4, 5, 6], position }),
    );
    expect(others.some((id) => id !== fifth)).toBe(true);
  });

  it('refuses a seed that is not hex32, and a position without its past', () => {
    expect(() => new Sampler({ sampling: { ...DEFAULTS, seed: 'A'.repeat(64) }, prompt: [] })).toThrow(
      expect.objectContaining({ code: 'PARAMETER_INVALID' }),
    );
    expect(() =>
      sample(new Float32Array(2), { sampling: DEFAULTS, promptIds: [], outputIds: [], position: 1 }),
    ).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('PositionRandom', () => {
  it('never gives 0 or 1, and its shortcut never drops a candidate that counts', () => {
    const random = new PositionRandom(new Uint8Array(32), 3, sha256);
    let largest = 0;
    for (let id = 0; id < 20_000; id += 1) {
      const u = random.uniform(id);
      expect(u > 0 && u < 1).toBe(true);
      const g = -ln64(-ln64(u));
      largest = Math.max(largest, g);
      for (const floor of [g - 1e-9, g]) expect(random.gumbelAtLeast(id, floor)).toBe(g);
    }
    expect(largest).toBeGreaterThan(7);
  });
});
