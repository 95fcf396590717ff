// Bias, head norms, RoPE and the K and V cache (specs/exact-1.md §6 steps 2-4). A unit is one head of one row.
// The cache lies in pages of 32 positions; in a page, per layer and KV head: K as [dimension][position], so that lanes of the
// score are positions, then V as [position][dimension].
import { beyondF16, laneSum, roundToF16 } from './elementary';
import { fail, rangeStart } from './parallel';

export const PAGE: i32 = 32;

function addBias(y: usize, bias: usize, n: i32): void {
  for (let i: usize = 0; i < <usize>n; i += 1) {
    store<f32>(y + (i << 2), load<f32>(y + (i << 2)) + load<f32>(bias + (i << 2)));
  }
}

/** rmsnorm on one head, in place. Heads follow each other, so nothing is read or written past `n` values. */
function normHead(y: usize, weight: usize, n: i32, epsilon: f32): void {
  const quads = <usize>(n >> 2) << 4, bytes = <usize>n << 2;
  let sums = f32x4.splat(0);
  for (let at: usize = 0; at < quads; at += 16) {
    const v = v128.load(y + at);
    sums = f32x4.add(sums, f32x4.mul(v, v));
  }
  // Lanes of the tail that do not exist add +0, which keeps a sum of squares.
  let tail = f32x4.splat(0);
  if (quads < bytes) tail = f32x4.replace_lane(tail, 0, load<f32>(y + quads));
  if (quads + 4 < bytes) tail = f32x4.replace_lane(tail, 1, load<f32>(y + quads, 4));
  if (quads + 8 < bytes) tail = f32x4.replace_lane(tail, 2, load<f32>(y + quads, 8));
  const mean = laneSum(f32x4.add(sums, f32x4.mul(tail, tail))) / <f32>n, r = <f32>1 / sqrt<f32>(mean + epsilon);
  for (let at: usize = 0; at < bytes; at += 4) store<f32>(y + at, load<f32>(y + at) * r * load<f32>(weight + at));
}

/** §6.1 on one head. The table row holds the cosines of all pairs, then the sines. */
function rotate(y: usize, table: usize, pairs: i32, halves: bool): void {
  const sines = table + (<usize>pairs << 2);
  const step: usize = halves ? 4 : 8, distance: usize = halves ? <usize>pairs << 2 : 4;
  let pair: usize = 0;
  if (halves) {
    for (; pair + 4 <= <usize>pairs; pair += 4) {
      const p = y + (pair << 2), q = p + distance;
      const a = v128.load(p), b = v128.load(q), c = v128.load(table + (pair << 2)), s = v128.load(sines + (pair << 2));
      v128.store(p, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
      v128.store(q, f32x4.add(f32x4.mul(a, s), f32x4.mul(b, c)));
    }
  } else {
    for (; pair + 4 <= <usize>pairs; pair += 4) {
      const p = y + (pair << 3), first = v128.load(p), second = v128.load(p, 16);
      const a = v128.shuffle<f32>(first, second, 0, 2, 4, 6), b = v128.shuffle<f32>(first, second, 1, 3, 5, 7);
      const c = v128.load(table + (pair << 2)), s = v128.load(sines + (pair << 2));
      const u = f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)), v = f32x4.add(f32x4.mul(a, s), f32x4.mul(b, c));
      v128.store(p, v128.shuffle<f32>(u, v, 0, 4, 1, 5));
      v128.store(p, v128.shuffle<f32>(u, v, 2, 6, 3, 7), 16);
    }
  }
  for (; pair < <usize>pairs; pair += 1) {
    const p = y + pair * step, q = p + distance;
    const a = load<f32>(p), b = load<f32>(q), c = load<f32>(table + (pair << 2)), s = load<f32>(sines + (pair << 2));
    store<f32>(p, a * c - b * s);
    store<f32>(q, a * s + b * c);
  }
}

/** Rounds `n` values to f16 and stores them `step` bytes apart; false when one is beyond f16. */
function keep(from: usize, to: usize, n: i32, step: usize): bool {
  let bad = i32x4.splat(0), i = 0;
  for (; i + 4 <= n; i += 4) {
    const v = roundToF16(v128.load(from));
    bad = v128.or(bad, beyondF16(v));
    store<f32>(to, f32x4.extract_lane(v, 0));
    store<f32>(to + step, f32x4.extract_lane(v, 1));
    store<f32>(to + step * 2, f32x4.extract_lane(v, 2));
    store<f32>(to + step * 3, f32x4.extract_lane(v, 3));
    from += 16;
    to += step << 2;
  }
  for (; i < n; i += 1) {
    const v = roundToF16(f32x4.splat(load<f32>(from)));
    bad = v128.or(bad, beyondF16(v));
    store<f32>(to, f32x4.extract_lane(v, 0));
    from += 4;
    to += step;
  }
  return !v128.any_true(bad);
}

/**
 * Words: 0 q, 4 q stride, 8 k, 12 v, 16 k and v stride, 20 q bias, 24 k bias, 28 v bias (0: none), 32 rope table, 36 positions,
 * 40 page tables, 44 offset of the layer in a page, 48 heads, 52 kv heads, 56 head dimension, 60 pairs (0: no RoPE), 64 halves,
 * 68 status, 72 tag, 76 q norm, 80 k norm (0: none), 84 epsilon.
 */
export function heads(op: usize, rows: i32, part: i32, parts: i32): void {
  const queryHeads = load<i32>(op, 48), kvHeads = load<i32>(op, 52), size = load<i32>(op, 56);
  const pairs = load<i32>(op, 60), halves = load<i32>(op, 64) != 0, width = <usize>size << 2;
  const perRow = queryHeads + 2 * kvHeads, end = rangeStart(rows * perRow, part + 1, parts);
  const keyBytes = width * PAGE, valueWidth = <usize>((size + 3) & ~3) << 2, pairBytes = keyBytes + valueWidth * PAGE;
  for (let unit = rangeStart(rows * perRow, part, parts); unit < end; unit += 1) {
    const row = unit / perRow, head = unit - row * perRow;
    const position = load<usize>(load<usize>(op, 36) + (<usize>row << 2));
    const table = load<usize>(op, 32) + position * (<usize>pairs << 3);
    if (head < queryHeads) {
      const y = load<usize>(op) + <usize>row * load<usize>(op, 4) + <usize>head * width, bias = load<usize>(op, 20);
      if (bias != 0) addBias(y, bias + <usize>head * width, size);
      if (load<usize>(op, 76) != 0) normHead(y, load<usize>(op, 76), size, load<f32>(op, 84));
      rotate(y, table, pairs, halves);
      continue;
    }
    const pages = load<usize>(load<usize>(op, 40) + (<usize>row << 2));
    const page = load<usize>(pages + ((position >> 5) << 2)) + load<usize>(op, 44), slot = position & 31;
    const isKey = head < queryHeads + kvHeads, own = <usize>(head - queryHeads - (isKey ? 0 : kvHeads));
    const y = load<usize>(op + (isKey ? 8 : 12)) + <usize>row * load<usize>(op, 16) + own * width;
    const bias = load<usize>(op + (isKey ? 24 : 28)), base = page + own * pairBytes;
    if (bias != 0) addBias(y, bias + own * width, size);
    if (isKey && load<usize>(op, 80) != 0) normHead(y, load<usize>(op, 80), size, load<f32>(op, 84));
    if (isKey) rotate(y, table, pairs, halves);
    const kept = isKey ? keep(y, base + (slot << 2), size, PAGE << 2) : keep(y, base + keyBytes + slot * valueWidth, size, 4);
    if (!kept) fail(load<usize>(op, 68), row, load<u32>(op, 72) + (isKey ? 0 : 1));
  }
}
