// How the types of specs/exact-1.md §4.2 (and Q5_0 of §4.1) lie in memory. A record covers 8 rows by one block of the file (32 or 256
// columns): the f16 scales d of the rows, the f16 minima where the type has them, then one part per 32 columns:
//   integer scales and minima, a byte per row, for each half of 16 columns where the type tells them apart
//   high bits: 16 bytes for rows 0-3, 16 for rows 4-7 (twice for 6 bits: columns 0-15, columns 16-31)
//   4 steps of (4 rows x 4 bytes) (4 rows x 4 bytes), a byte with column k in its low and column k + 16 in its high nibble
// A code of 5 bits is its nibble and the bit above it; bit 4 + k of a byte of high bits belongs to step k, bit k to step k + 4. A code of
// 6 bits is its nibble and the two bits below it; bits 2k and 2k + 1 belong to step k of the half.

export const Q4_K: i32 = 5;
export const Q5_K: i32 = 6;
export const Q6_K: i32 = 7;
export const Q4_1: i32 = 8;
export const Q5_0: i32 = 9;
export const Q5_1: i32 = 10;
export const Q3_K: i32 = 11;
export const Q2_K: i32 = 12;
/** Becomes the record of Q8_0: its weights are 16 signed bytes, chosen by the codes. */
export const IQ4_NL: i32 = 13;

/** Parts of 32 columns in a record. */
@inline
export function partsOf(type: i32): i32 {
  return type == Q4_1 || type == Q5_0 || type == Q5_1 ? 1 : 8;
}

/** Whether a block has a minimum beside its scale. */
@inline
export function hasMinimum(type: i32): bool {
  return type != Q6_K && type != Q3_K && type != Q5_0;
}

/** Whether each half of 16 columns has its own integer scale. */
@inline
export function hasHalves(type: i32): bool {
  return type == Q6_K || type == Q3_K || type == Q2_K;
}

@inline
export function bitsOf(type: i32): i32 {
  if (type == Q6_K) return 6;
  return type == Q5_K || type == Q5_0 || type == Q5_1 ? 5 : 4;
}

/** What is subtracted from a code, as a power of two; 0 stands for nothing. */
@inline
export function offsetShift(type: i32): i32 {
  if (type == Q6_K) return 5;
  if (type == Q3_K) return 2;
  return type == Q5_0 ? 4 : 0;
}

/** Bytes of d and minima in front of a record. */
@inline
export function headBytes(type: i32): usize {
  return hasMinimum(type) ? 32 : 16;
}

/** Bytes of integer scales and minima in front of a part. */
@inline
export function scaleBytes(type: i32): usize {
  if (type == Q2_K) return 32;
  return partsOf(type) == 1 ? 0 : 16;
}

/** From the start of a part to its nibbles. */
@inline
export function nibbleOffset(type: i32): usize {
  const bits = bitsOf(type);
  return scaleBytes(type) + (bits == 6 ? 64 : bits == 5 ? 32 : 0);
}

@inline
export function partBytes(type: i32): usize {
  return nibbleOffset(type) + 128;
}

/** Bytes of a record of 8 rows. */
@inline
export function recordBytes(type: i32): usize {
  return headBytes(type) + <usize>partsOf(type) * partBytes(type);
}

/** Bytes of a block in the file. */
export function fileBytes(type: i32): usize {
  if (type == Q4_K) return 144;
  if (type == Q5_K) return 176;
  if (type == Q6_K) return 210;
  if (type == Q3_K) return 110;
  if (type == Q2_K) return 84;
  if (type == Q4_1) return 20;
  return type == Q5_0 ? 22 : 24;
}

/** Where d stands in a block of the file; a minimum follows it. */
export function scaleOffset(type: i32): usize {
  if (type == Q6_K) return 208;
  if (type == Q3_K) return 108;
  return type == Q2_K ? 80 : 0;
}
