// From blocks of the file to the records of formats.ts, and single weights from records (specs/exact-1.md §4, §4.2).
import { f16ScalarToF32 } from './elementary';
import {
  bitsOf, fileBytes, hasHalves, hasMinimum, headBytes, nibbleOffset, offsetShift, partBytes, partsOf, Q2_K, Q3_K, Q4_1, Q4_K, Q5_0,
  Q5_1, Q5_K, Q6_K, recordBytes, scaleBytes, scaleOffset,
} from './formats';

const NIBBLES: u32 = 0x0f0f0f0f;
const ONES: u32 = 0x01010101;

/** Bits 0-3 of `bits` as the lowest bits of four bytes. */
@inline
function spread(bits: u32): u32 {
  return ((bits & 1) | ((bits & 2) << 7) | ((bits & 4) << 14) | ((bits & 8) << 21));
}

/** Four codes, a byte each: columns 4 step ... 4 step + 3 of part `part` of the file's block at `from`. */
function fourCodes(type: i32, from: usize, part: u32, step: usize): u32 {
  const at = step << 2;
  if (type == Q4_K || type == Q5_K) {
    const nibbles = (load<u32>(from + (type == Q4_K ? 16 : 48) + ((<usize>part >> 1) << 5) + at) >> ((part & 1) << 2)) & NIBBLES;
    return type == Q4_K ? nibbles : nibbles | (((load<u32>(from + 16 + at) >> part) & ONES) << 4);
  }
  if (type == Q6_K) {
    const low = load<u32>(from + ((<usize>part >> 2) << 6) + ((<usize>part & 1) << 5) + at) >> ((part & 2) << 1);
    const high = load<u32>(from + 128 + ((<usize>part >> 2) << 5) + at) >> ((part & 3) << 1);
    return (low & NIBBLES) | ((high & 0x03030303) << 4);
  }
  if (type == Q3_K) {
    const low = load<u32>(from + 32 + ((<usize>part >> 2) << 5) + at) >> ((part & 3) << 1);
    return (low & 0x03030303) | (((load<u32>(from + at) >> part) & ONES) << 2);
  }
  if (type == Q2_K) return (load<u32>(from + 16 + ((<usize>part >> 2) << 5) + at) >> ((part & 3) << 1)) & 0x03030303;
  const nibbles = from + (type == Q5_1 ? 8 : type == Q5_0 ? 6 : 4);
  const codes = (load<u32>(nibbles + (at & 15)) >> (step < 4 ? 0 : 4)) & NIBBLES;
  if (type == Q4_1) return codes;
  return codes | (spread(load<u32>(from + (type == Q5_1 ? 4 : 2)) >> <u32>at) << 4);
}

/** Six bits of scale and six bits of minimum, as Q4_K and Q5_K pack eight pairs into 12 bytes at `from`. */
function pairOf(from: usize, part: usize, isMinimum: bool): u8 {
  if (part < 4) return load<u8>(from + part + (isMinimum ? 4 : 0)) & 63;
  const low = load<u8>(from + part + 4), top = load<u8>(from + part - (isMinimum ? 0 : 4)) >> 6;
  return (isMinimum ? low >> 4 : low & 15) | (top << 4);
}

/** Integer scales, and minima, of one row of a part. */
function storeScales(type: i32, from: usize, part: usize, lane: usize, to: usize): void {
  if (type == Q4_K || type == Q5_K) {
    store<u8>(to + lane, pairOf(from + 4, part, false));
    store<u8>(to + 8 + lane, pairOf(from + 4, part, true));
    return;
  }
  for (let half: usize = 0; half < 2; half += 1) {
    const index = (part << 1) + half, place = to + (half << 3) + lane;
    if (type == Q6_K) store<u8>(place, load<u8>(from + 192 + index));
    else if (type == Q3_K) {
      const low = (load<u8>(from + 96 + (index & 7)) >> <u8>((index >> 3) << 2)) & 15;
      const high = (load<u8>(from + 104 + (index & 3)) >> <u8>((index >> 2) << 1)) & 3;
      store<i8>(place, <i8>(<i32>(low | (high << 4)) - 32));
    } else {
      store<u8>(place, load<u8>(from + index) & 15);
      store<u8>(place + 16, load<u8>(from + index) >> 4);
    }
  }
}

/** Codes of one row of a part, split into nibbles and high bits. */
function storeCodes(type: i32, from: usize, part: usize, lane: usize, to: usize): void {
  const bits = bitsOf(type), nibbles = to + nibbleOffset(type) + (lane << 2), high = to + scaleBytes(type) + (lane << 2);
  let first: u32 = 0, second: u32 = 0;
  for (let step: usize = 0; step < 4; step += 1) {
    let a = fourCodes(type, from, <u32>part, step), b = fourCodes(type, from, <u32>part, step + 4);
    if (bits == 5) {
      first |= ((a >> 4) & ONES) << <u32>(4 + step);
      first |= ((b >> 4) & ONES) << <u32>step;
    } else if (bits == 6) {
      first |= (a & 0x03030303) << <u32>(step << 1);
      second |= (b & 0x03030303) << <u32>(step << 1);
      a >>= 2;
      b >>= 2;
    }
    store<u32>(nibbles + (step << 5), (a & NIBBLES) | ((b & NIBBLES) << 4));
  }
  if (bits > 4) store<u32>(high, first);
  if (bits > 5) store<u32>(high + 32, second);
}

/** Whole rows into groups; false when a scale or minimum is NaN or infinite. */
export function repackCodes(type: i32, source: usize, rows: i32, blocks: i32, target: usize): bool {
  let bad = 0;
  const parts = <usize>partsOf(type), offset = scaleOffset(type), bytes = recordBytes(type), step = fileBytes(type);
  for (let row: usize = 0; row < <usize>rows; row += 1) {
    const lane = row & 7;
    let from = source + row * <usize>blocks * step, to = target + (row >> 3) * <usize>blocks * bytes;
    for (let block = 0; block < blocks; block += 1) {
      const scale = load<u16>(from + offset);
      bad |= <i32>((scale & 0x7c00) == 0x7c00);
      store<u16>(to + (lane << 1), scale);
      if (hasMinimum(type)) {
        const minimum = load<u16>(from + offset + 2);
        bad |= <i32>((minimum & 0x7c00) == 0x7c00);
        store<u16>(to + 16 + (lane << 1), minimum);
      }
      for (let part: usize = 0; part < parts; part += 1) {
        const place = to + headBytes(type) + part * partBytes(type);
        if (parts > 1) storeScales(type, from, part, lane, place);
        storeCodes(type, from, part, lane, place);
      }
      from += step;
      to += bytes;
    }
  }
  return bad == 0;
}

/** Code of column `k` of 32 of lane `lane` in a part. */
function codeAt(type: i32, part: usize, lane: usize, k: usize): i32 {
  const bits = bitsOf(type), place = (lane << 2) + (k & 3), step = (k & 15) >> 2, isHigh = k >= 16;
  const byte = <i32>load<u8>(part + nibbleOffset(type) + (step << 5) + place);
  const nibble = isHigh ? byte >> 4 : byte & 15;
  if (bits == 4) return nibble;
  const high = part + scaleBytes(type) + place;
  if (bits == 5) return nibble | (((<i32>load<u8>(high) >> <i32>(isHigh ? step : step + 4)) & 1) << 4);
  return (nibble << 2) | ((<i32>load<u8>(high + (isHigh ? 32 : 0)) >> <i32>(step << 1)) & 3);
}

/** Decoded weight at column `col` of lane `lane` of the group: products are of integers first, so that a zero is +0 times d. */
export function decodedWeight(type: i32, group: usize, lane: usize, col: usize): f32 {
  const parts = partsOf(type), index = col >> 5, k = col & 31;
  const record = group + (parts == 1 ? index : index >> 3) * recordBytes(type);
  const part = record + headBytes(type) + (parts == 1 ? 0 : index & 7) * partBytes(type);
  const shift = offsetShift(type);
  let code = codeAt(type, part, lane, k) - (shift == 0 ? 0 : 1 << shift), minimum = type == Q4_1 || type == Q5_1 ? -1 : 0;
  if (hasHalves(type)) {
    const at = part + ((k >> 4) << 3) + lane;
    code *= <i32>load<i8>(at);
    if (type == Q2_K) minimum = <i32>load<u8>(at + 16);
  } else if (parts > 1) {
    code *= <i32>load<u8>(part + lane);
    minimum = <i32>load<u8>(part + 8 + lane);
  }
  const value = f16ScalarToF32(<i32>load<i16>(record + (lane << 1))) * <f32>code;
  if (!hasMinimum(type)) return value;
  return value - f16ScalarToF32(<i32>load<i16>(record + 16 + (lane << 1))) * <f32>minimum;
}
