// Work split and barrier. Every part runs the same program; a part owns output rows, so no sum ever crosses parts.

// Words of the header that all parts share (packages/exact/src/engine/tape.ts writes them).
const ARRIVED: usize = 0;
const GENERATION: usize = 4;
const SLEEPERS: usize = 8;
export const ROWS: usize = 12;
export const FIRST_OUT: usize = 16;

// A waiting part first spins: operations last microseconds, a sleep and a wake-up tens of them.
const SPINS: i32 = 4000;

/** First unit of `part` when `total` units are dealt to `parts` in contiguous ranges. */
@inline
export function rangeStart(total: i32, part: i32, parts: i32): i32 {
  return <i32>((<u64>total * <u64>part) / <u64>parts);
}

/** Returns when all parts have arrived. */
export function barrier(header: usize, parts: i32): void {
  if (parts == 1) return;
  const generation = atomic.load<i32>(header + GENERATION);
  if (atomic.add<i32>(header + ARRIVED, 1) == parts - 1) {
    atomic.store<i32>(header + ARRIVED, 0);
    atomic.store<i32>(header + GENERATION, generation + 1);
    // A part that counts itself after this load sees the new generation in its wait, and does not sleep.
    if (atomic.load<i32>(header + SLEEPERS) > 0) atomic.notify(header + GENERATION, -1);
    return;
  }
  for (let spin = 0; spin < SPINS; spin += 1) {
    if (atomic.load<i32>(header + GENERATION) != generation) return;
  }
  atomic.add<i32>(header + SLEEPERS, 1);
  while (atomic.load<i32>(header + GENERATION) == generation) {
    atomic.wait<i32>(header + GENERATION, generation, -1);
  }
  atomic.sub<i32>(header + SLEEPERS, 1);
}

/**
 * Marks `row` as failed at `tag`. Tags ascend in the order of the computation; the least one stays, whichever part comes
 * first, so the place that an error names does not depend on timing.
 */
export function fail(status: usize, row: i32, tag: u32): void {
  const address = status + (<usize>row << 2);
  let seen = atomic.load<u32>(address);
  while (tag < seen) {
    const before = atomic.cmpxchg<u32>(address, seen, tag);
    if (before == seen) return;
    seen = before;
  }
}
