// Attention (specs/exact-1.md §6 step 5). A unit is a few query heads of up to TILE consecutive rows, so that a page of K and V is
// read once for them. Rows use their own page tables and positions: whether neighbours share a sequence changes no bit.
import { exp32, laneSum, nonFinite, softCap } from './elementary';
import { PAGE } from './heads';
import { fail, rangeStart } from './parallel';

const TILE: i32 = 4;

/** Scores of 32 positions: lanes are positions, serial over the dimension (§1), then times `scale`. */
function scorePage(q: usize, k: usize, size: i32, out: usize, scale: v128): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (let i = 0; i < size; i += 1) {
    const x = v128.load32_splat(q);
    s0 = f32x4.add(s0, f32x4.mul(x, v128.load(k)));
    s1 = f32x4.add(s1, f32x4.mul(x, v128.load(k, 16)));
    s2 = f32x4.add(s2, f32x4.mul(x, v128.load(k, 32)));
    s3 = f32x4.add(s3, f32x4.mul(x, v128.load(k, 48)));
    s4 = f32x4.add(s4, f32x4.mul(x, v128.load(k, 64)));
    s5 = f32x4.add(s5, f32x4.mul(x, v128.load(k, 80)));
    s6 = f32x4.add(s6, f32x4.mul(x, v128.load(k, 96)));
    s7 = f32x4.add(s7, f32x4.mul(x, v128.load(k, 112)));
    q += 4; k += PAGE << 2;
  }
  v128.store(out, f32x4.mul(s0, scale));
  v128.store(out, f32x4.mul(s1, scale), 16);
  v128.store(out, f32x4.mul(s2, scale), 32);
  v128.store(out, f32x4.mul(s3, scale), 48);
  v128.store(out, f32x4.mul(s4, scale), 64);
  v128.store(out, f32x4.mul(s5, scale), 80);
  v128.store(out, f32x4.mul(s6, scale), 96);
  v128.store(out, f32x4.mul(s7, scale), 112);
}

/** Lanes below `count` of the four from 0. */
@inline
function lanesBelow(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/** Caps the scores from `p` up to `end`; false when one of them is not finite before. */
function capScores(p: usize, end: usize, cap: v128): bool {
  let bad = i32x4.splat(0);
  for (; p + 16 <= end; p += 16) {
    const s = v128.load(p);
    bad = v128.or(bad, nonFinite(s));
    v128.store(p, softCap(s, cap));
  }
  for (; p < end; p += 4) {
    const s = v128.load32_splat(p);
    bad = v128.or(bad, nonFinite(s));
    store<f32>(p, f32x4.extract_lane(softCap(s, cap), 0));
  }
  return !v128.any_true(bad);
}

/**
 * Turns the scores `first` up to `count` into e_t, with +0 in the other lanes of the first and the last four; the result is 1 / Z, or
 * NaN when a score is not finite. The sign of a zero maximum has no effect: exp32 of either zero is 1.
 */
function softmax(scores: usize, first: i32, count: i32, cap: f32): f32 {
  const quads = count >> 2, tail = count & 3, last = scores + (<usize>quads << 4), mask = lanesBelow(tail);
  const from = scores + (<usize>(first >> 2) << 4), start = scores + (<usize>first << 2);
  if (cap != 0 && !capScores(start, scores + (<usize>count << 2), f32x4.splat(cap))) return NaN;
  // What lies before the window in its first four gets a score that no maximum and no check notices.
  for (let p = from; p < start; p += 4) store<f32>(p, -f32.MAX_VALUE);
  let most = f32x4.splat(-f32.MAX_VALUE), bad = i32x4.splat(0);
  for (let p = from; p < last; p += 16) {
    const s = v128.load(p);
    bad = v128.or(bad, nonFinite(s));
    most = f32x4.pmax(most, s);
  }
  if (tail != 0) {
    const s = v128.bitselect(v128.load(last), most, mask);
    bad = v128.or(bad, nonFinite(s));
    most = f32x4.pmax(most, s);
  }
  if (v128.any_true(bad)) return NaN;
  let m = f32x4.extract_lane(most, 0);
  if (f32x4.extract_lane(most, 1) > m) m = f32x4.extract_lane(most, 1);
  if (f32x4.extract_lane(most, 2) > m) m = f32x4.extract_lane(most, 2);
  if (f32x4.extract_lane(most, 3) > m) m = f32x4.extract_lane(most, 3);
  const maximum = f32x4.splat(m);
  let sums = f32x4.splat(0), seen = i32x4.ge_s(i32x4(0, 1, 2, 3), i32x4.splat(first & 3));
  for (let p = from; p < last; p += 16) {
    const e = v128.and(exp32(f32x4.sub(v128.load(p), maximum)), seen);
    v128.store(p, e);
    sums = f32x4.add(sums, e);
    seen = i32x4.splat(-1);
  }
  if (tail != 0) {
    const e = v128.and(exp32(f32x4.sub(v128.load(last), maximum)), v128.and(mask, seen));
    v128.store(last, e);
    sums = f32x4.add(sums, e);
  }
  return <f32>1 / laneSum(sums);
}

/** o += e_t * v_t for `count` positions, serial over positions; 32 dimensions at a time stay in registers. */
function valuePage(e: usize, v: usize, width: usize, count: i32, o: usize): void {
  let at: usize = 0;
  for (; at + 128 <= width; at += 128) {
    const y = o + at;
    let p = v + at;
    let s0 = v128.load(y), s1 = v128.load(y, 16), s2 = v128.load(y, 32), s3 = v128.load(y, 48);
    let s4 = v128.load(y, 64), s5 = v128.load(y, 80), s6 = v128.load(y, 96), s7 = v128.load(y, 112);
    for (let t: usize = 0; t < <usize>count; t += 1) {
      const x = v128.load32_splat(e + (t << 2));
      s0 = f32x4.add(s0, f32x4.mul(x, v128.load(p)));
      s1 = f32x4.add(s1, f32x4.mul(x, v128.load(p, 16)));
      s2 = f32x4.add(s2, f32x4.mul(x, v128.load(p, 32)));
      s3 = f32x4.add(s3, f32x4.mul(x, v128.load(p, 48)));
      s4 = f32x4.add(s4, f32x4.mul(x, v128.load(p, 64)));
      s5 = f32x4.add(s5, f32x4.mul(x, v128.load(p, 80)));
      s6 = f32x4.add(s6, f32x4.mul(x, v128.load(p, 96)));
      s7 = f32x4.add(s7, f32x4.mul(x, v128.load(p, 112)));
      p += width;
    }
    v128.store(y, s0);
    v128.store(y, s1, 16);
    v128.store(y, s2, 32);
    v128.store(y, s3, 48);
    v128.store(y, s4, 64);
    v128.store(y, s5, 80);
    v128.store(y, s6, 96);
    v128.store(y, s7, 112);
  }
  for (; at < width; at += 16) {
    let p = v + at, s = v128.load(o + at);
    for (let t: usize = 0; t < <usize>count; t += 1) {
      s = f32x4.add(s, f32x4.mul(v128.load32_splat(e + (t << 2)), v128.load(p)));
      p += width;
    }
    v128.store(o + at, s);
  }
}

/** out = o * r for `size` values; heads of other parts may follow directly, so nothing is written past them. */
function finish(o: usize, out: usize, size: i32, r: f32): void {
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    v128.store(out, f32x4.mul(v128.load(o), f32x4.splat(r)));
    o += 16;
    out += 16;
  }
  for (; i < size; i += 1) {
    store<f32>(out, load<f32>(o) * r);
    o += 4;
    out += 4;
  }
}

/** Last position of `row`. */
@inline
function positionOf(op: usize, row: i32): i32 {
  return load<i32>(load<usize>(op, 16) + (<usize>row << 2));
}

/** First position that `row` sees. */
@inline
function firstOf(op: usize, row: i32): i32 {
  const window = load<i32>(op, 68);
  return window == 0 ? 0 : max(0, positionOf(op, row) - window + 1);
}

/** Address of a page of `row`, at the layer of the operation. */
@inline
function pageOf(op: usize, row: i32, page: i32): usize {
  return load<usize>(load<usize>(load<usize>(op, 20) + (<usize>row << 2)) + (<usize>page << 2)) + load<usize>(op, 24);
}

/** Rows `first` up to `last` with `count` query heads from `head`, which share a KV head: its pages are read once for all. */
function attendUnit(op: usize, part: i32, first: i32, last: i32, head: i32, count: i32): void {
  const size = load<i32>(op, 36), width = <usize>size << 2, valueWidth = <usize>((size + 3) & ~3) << 2;
  const keyBytes = width * PAGE, offset = <usize>(head / load<i32>(op, 32)) * (keyBytes + valueWidth * PAGE);
  const slots = (last - first) * count, row4 = load<usize>(op, 48), scale = v128.load32_splat(op, 52);
  const scores = load<usize>(op, 40) + <usize>part * load<usize>(op, 44), sums = scores + row4 * slots;
  const inverses = sums + valueWidth * slots, query = load<usize>(op) + <usize>head * width;
  let pages = 0, firstPage = i32.MAX_VALUE;
  for (let row = first; row < last; row += 1) {
    pages = max(pages, (positionOf(op, row) >> 5) + 1);
    firstPage = min(firstPage, firstOf(op, row) >> 5);
  }
  for (let page = firstPage; page < pages; page += 1) {
    for (let row = first; row < last; row += 1) {
      if (page > positionOf(op, row) >> 5 || page < firstOf(op, row) >> 5) continue;
      const keys = pageOf(op, row, page) + offset, q = query + <usize>row * load<usize>(op, 4);
      const out = scores + <usize>(row - first) * count * row4 + (<usize>page << 7);
      for (let h: usize = 0; h < <usize>count; h += 1) scorePage(q + h * width, keys, size, out + h * row4, scale);
    }
  }
  for (let slot = 0; slot < slots; slot += 1) {
    const row = first + slot / count, s = scores + <usize>slot * row4;
    const inverse = softmax(s, firstOf(op, row), positionOf(op, row) + 1, load<f32>(op, 72));
    store<f32>(inverses + (<usize>slot << 2), inverse);
    if (inverse != inverse) fail(load<usize>(op, 56), row, load<u32>(op, 60));
  }
  memory.fill(sums, 0, valueWidth * slots);
  for (let page = firstPage; page < pages; page += 1) {
    for (let row = first; row < last; row += 1) {
      const skipped = max(firstOf(op, row) - page * PAGE, 0);
      const held = min(positionOf(op, row) + 1 - page * PAGE, PAGE) - skipped;
      if (held <= 0) continue;
      const values = pageOf(op, row, page) + offset + keyBytes + <usize>skipped * valueWidth;
      const slot = <usize>(row - first) * count, at = (<usize>page << 7) + (<usize>skipped << 2);
      for (let h: usize = slot; h < slot + count; h += 1) {
        valuePage(scores + h * row4 + at, values, valueWidth, held, sums + h * valueWidth);
      }
    }
  }
  for (let slot: usize = 0; slot < <usize>slots; slot += 1) {
    const row = <usize>first + slot / count;
    const out = load<usize>(op, 8) + row * load<usize>(op, 12) + (<usize>head + (slot % count)) * width;
    finish(sums + slot * valueWidth, out, size, load<f32>(inverses + (slot << 2)));
  }
}

/**
 * Words: 0 q, 4 q stride, 8 output, 12 output stride, 16 positions, 20 page tables, 24 offset of the layer in a page, 28 heads,
 * 32 heads per kv head, 36 head dimension, 40 scratch, 44 scratch bytes per part, 48 bytes of one row of scores, 52 scale,
 * 56 status, 60 tag, 64 most heads of a unit, 68 positions of the window (0: all), 72 soft cap (0: none).
 */
export function attend(op: usize, rows: i32, part: i32, parts: i32): void {
  const queryHeads = load<i32>(op, 28), group = load<i32>(op, 32), tiles = (rows + TILE - 1) / TILE;
  // Heads that share keys stay together where every part still gets its fair share of units.
  let count = load<i32>(op, 64);
  while (count > 1) {
    const units = tiles * (queryHeads / count);
    if (group % count == 0 && (units % parts == 0 || units >= 4 * parts)) break;
    count -= 1;
  }
  const perTile = queryHeads / count, end = rangeStart(tiles * perTile, part + 1, parts);
  for (let unit = rangeStart(tiles * perTile, part, parts); unit < end; unit += 1) {
    const tile = unit / perTile, first = tile * TILE;
    attendUnit(op, part, first, min(first + TILE, rows), (unit - tile * perTile) * count, count);
  }
}
