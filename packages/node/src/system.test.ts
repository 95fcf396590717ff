import { expect, it } from 'vitest';
import { systemClock, systemRandom } from './system.ts';

it('draws bytes of the wanted length, none of them twice, across the edge of the pool', () => {
  const drawn = Array.from({ length: 400 }, () => systemRandom.bytes(32));
  expect(drawn.every((bytes) => bytes.length === 32)).toBe(true);
  expect(new Set(drawn.map((bytes) => bytes.join())).size).toBe(400);
  expect(systemRandom.bytes(10_000)).toHaveLength(10_000);
  expect(new Set(drawn.map((bytes) => bytes.buffer)).size).toBe(400);
});

it('tells the time in milliseconds', () => {
  expect(systemClock.now()).toBeGreaterThan(1_700_000_000_000);
});
