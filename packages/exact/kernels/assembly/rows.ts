// Operations on whole rows: embedding lookup, normalisation, quantisation, the gate, and the check of the logits.
// Rows are padded with zeros to their stride, so loops over four lanes need no tails.
import { LIMIT_Q4, LIMIT_Q8, quantiseBlock, RECORD } from './activation';
import { f16ScalarToF32, gelu32, laneSum, nonFinite, silu32, softCap } from './elementary';
import { BF16, F16, F32 } from './floats';
import { IQ4_NL } from './formats';
import { groupBytes, Q4_0, Q8_0 } from './matmul';
import { fail, FIRST_OUT, rangeStart } from './parallel';
import { Q4_RECORD } from './q4';
import { Q8_RECORD } from './q8';
import { decodedWeight } from './unpack';

/** Decoded weight (specs/exact-1.md §4, row lookup) at column `col` of lane `lane` of a group. */
@inline
function weightAt(type: i32, group: usize, lane: usize, col: usize): f32 {
  if (type == F32) return load<f32>(group + (col << 5) + (lane << 2));
  if (type == F16) return f16ScalarToF32(<i32>load<i16>(group + (col << 4) + (lane << 1)));
  if (type == BF16) return reinterpret<f32>(<u32>load<u16>(group + (col << 4) + (lane << 1)) << 16);
  if (type > Q4_0 && type != IQ4_NL) return decodedWeight(type, group, lane, col);
  const k = col & 31;
  if (type == Q8_0 || type == IQ4_NL) {
    const record = group + (col >> 5) * Q8_RECORD;
    const code = load<i8>(record + 32 + ((k >> 2) << 5) + (lane << 2) + (k & 3));
    return f16ScalarToF32(<i32>load<i16>(record + (lane << 1))) * <f32>code;
  }
  const record = group + (col >> 5) * Q4_RECORD, place = k & 15;
  const byte = load<u8>(record + 16 + ((place >> 2) << 5) + (lane << 2) + (place & 3));
  const code = <i32>(k < 16 ? byte & 15 : byte >> 4) - 8;
  return f16ScalarToF32(<i32>load<i16>(record + (lane << 1))) * <f32>code;
}

/** Words: type, weights, cols, ids, output, output stride, scale. */
export function embed(op: usize, rows: i32, part: i32, parts: i32): void {
  const type = load<i32>(op), weights = load<usize>(op, 4), cols = load<i32>(op, 8);
  const ids = load<usize>(op, 12), output = load<usize>(op, 16), stride = load<usize>(op, 20), scale = load<f32>(op, 24);
  const bytes = groupBytes(type, cols), end = rangeStart(rows, part + 1, parts);
  for (let row = rangeStart(rows, part, parts); row < end; row += 1) {
    const id = load<usize>(ids + (<usize>row << 2)), group = weights + (id >> 3) * bytes;
    const y = output + <usize>row * stride;
    for (let col: usize = 0; col < <usize>cols; col += 1) {
      store<f32>(y + (col << 2), weightAt(type, group, id & 7, col) * scale);
    }
  }
}

/** rmsnorm of specs/exact-1.md §6 step 1 for one row of `n` values, padded with zeros to `quads` times four. */
function normRow(x: usize, weight: usize, y: usize, n: i32, quads: i32, epsilon: f32): void {
  let sums = f32x4.splat(0);
  for (let quad: usize = 0; quad < <usize>quads; quad += 1) {
    const v = v128.load(x + (quad << 4));
    sums = f32x4.add(sums, f32x4.mul(v, v));
  }
  const mean = laneSum(sums) / <f32>n;
  const r = f32x4.splat(<f32>1 / sqrt<f32>(mean + epsilon));
  for (let quad: usize = 0; quad < <usize>quads; quad += 1) {
    const at = quad << 4;
    v128.store(y + at, f32x4.mul(f32x4.mul(v128.load(x + at), r), v128.load(weight + at)));
  }
}

/** Words: input, input stride, weight, output, output stride, n, quads, epsilon, row list or 0. */
export function norm(op: usize, header: usize, rows: i32, part: i32, parts: i32): void {
  const input = load<usize>(op), inputStride = load<usize>(op, 4), weight = load<usize>(op, 8);
  const output = load<usize>(op, 12), outputStride = load<usize>(op, 16), n = load<i32>(op, 20), quads = load<i32>(op, 24);
  const epsilon = load<f32>(op, 28), list = load<usize>(op, 32), first = load<i32>(header, FIRST_OUT);
  const end = rangeStart(rows, part + 1, parts);
  for (let row = rangeStart(rows, part, parts); row < end; row += 1) {
    const from = list == 0 ? row : load<i32>(list + (<usize>(first + row) << 2));
    normRow(input + <usize>from * inputStride, weight, output + <usize>row * outputStride, n, quads, epsilon);
  }
}

/** The row of the batch that a failure in `row` of this operation belongs to. */
@inline
function batchRow(list: usize, header: usize, row: i32): i32 {
  return list == 0 ? row : load<i32>(list + (<usize>(load<i32>(header, FIRST_OUT) + row) << 2));
}

/** Words: input, input stride, output, output stride, blocks, is Q4, split by rows, status, tag, row list or 0. */
export function quantise(op: usize, header: usize, rows: i32, part: i32, parts: i32): void {
  const input = load<usize>(op), inputStride = load<usize>(op, 4);
  const output = load<usize>(op, 8), outputStride = load<usize>(op, 12), blocks = load<i32>(op, 16);
  const limit = load<i32>(op, 20) != 0 ? LIMIT_Q4 : LIMIT_Q8, byRows = load<i32>(op, 24) != 0;
  const units = byRows ? rows : rows * blocks, scale = byRows ? blocks : 1;
  const end = rangeStart(units, part + 1, parts) * scale;
  for (let unit = rangeStart(units, part, parts) * scale; unit < end; unit += 1) {
    const row = unit / blocks, block = unit - row * blocks;
    const source = input + <usize>row * inputStride + (<usize>block << 7);
    if (!quantiseBlock(source, output + <usize>row * outputStride + <usize>block * RECORD, limit)) {
      fail(load<usize>(op, 28), batchRow(load<usize>(op, 36), header, row), load<u32>(op, 32));
    }
  }
}

/** x += y · scale (specs/exact-1.md §6 steps 6 and 7). Words: x, x stride, y, y stride, quads, scale. */
export function residual(op: usize, rows: i32, part: i32, parts: i32): void {
  const x = load<usize>(op), xStride = load<usize>(op, 4), y = load<usize>(op, 8), yStride = load<usize>(op, 12);
  const bytes = <usize>load<i32>(op, 16) << 4, scale = v128.load32_splat(op, 20), end = rangeStart(rows, part + 1, parts);
  for (let row = rangeStart(rows, part, parts); row < end; row += 1) {
    const to = x + <usize>row * xStride, from = y + <usize>row * yStride;
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(v128.load(from + at), scale)));
    }
  }
}

/** Step 7 of specs/exact-1.md §6, in place of `gate`. Words: gate, up, stride, blocks, is GELU. */
export function activate(op: usize, rows: i32, part: i32, parts: i32): void {
  const gate = load<usize>(op), up = load<usize>(op, 4), stride = load<usize>(op, 8), blocks = load<i32>(op, 12);
  const isGelu = load<i32>(op, 16) != 0, end = rangeStart(rows * blocks, part + 1, parts);
  for (let unit = rangeStart(rows * blocks, part, parts); unit < end; unit += 1) {
    const row = unit / blocks, at = <usize>row * stride + (<usize>(unit - row * blocks) << 7);
    for (let lane: usize = 0; lane < 128; lane += 16) {
      const g = v128.load(gate + at + lane), u = v128.load(up + at + lane);
      v128.store(gate + at + lane, f32x4.mul(isGelu ? gelu32(g) : silu32(g), u));
    }
  }
}

/** Scales and caps the logits; one that is not finite fails its row. Words: logits, stride, quads, status, tag, row list, scale, cap or 0. */
export function check(op: usize, header: usize, rows: i32, part: i32, parts: i32): void {
  const logits = load<usize>(op), stride = load<usize>(op, 4), quads = load<i32>(op, 8);
  const from = rangeStart(quads, part, parts), end = rangeStart(quads, part + 1, parts);
  const scale = load<f32>(op, 24), cap = load<f32>(op, 28), isRaw = scale == 1 && cap == 0;
  for (let row = 0; row < rows; row += 1) {
    let bad = i32x4.splat(0);
    for (let quad = from; quad < end; quad += 1) {
      const at = logits + <usize>row * stride + (<usize>quad << 4), scaled = f32x4.mul(v128.load(at), f32x4.splat(scale));
      bad = v128.or(bad, nonFinite(scaled));
      if (!isRaw) v128.store(at, cap == 0 ? scaled : softCap(scaled, f32x4.splat(cap)));
    }
    if (v128.any_true(bad)) fail(load<usize>(op, 12), batchRow(load<usize>(op, 20), header, row), load<u32>(op, 16));
  }
}

/** Bytes of one activation record in this module. */
export function activationRecordBytes(): i32 {
  return <i32>RECORD;
}
