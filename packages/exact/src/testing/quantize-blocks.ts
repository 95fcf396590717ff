// Encoders of the block types beyond Q8_0 and Q4_0. Where ggml's reference is a formula (ggml-quants.c, quantize_row_q4_1_ref,
// q5_0_ref, q5_1_ref) it is that formula; the K types and IQ4_NL, which ggml searches for, are fitted plainly into the same bytes.
import { RunproofError } from '@runproof/protocol';
import { decodeHalf, encodeHalf } from '../oracle/half.ts';

const { fround } = Math;
const IQ4_WEIGHTS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

type CodedType = 'Q4_1' | 'Q5_0' | 'Q5_1' | 'IQ4_NL' | 'Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K';

type Encode = (x: Float32Array, bytes: Uint8Array) => void;

function half(value: number): number {
  const bits = encodeHalf(value);
  if (bits === null) throw new RunproofError('MODEL_NONFINITE', `${value} does not fit f16`);
  return bits;
}

/** Stores `value` as f16 and returns what was stored. */
function putHalf(bytes: Uint8Array, at: number, value: number): number {
  const bits = half(value);
  bytes[at] = bits & 255;
  bytes[at + 1] = bits >>> 8;
  return decodeHalf(bits);
}

function add(bytes: Uint8Array, at: number, bits: number): void {
  bytes[at] = (bytes[at] ?? 0) | bits;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

function range(x: Float32Array): { low: number; high: number; extreme: number } {
  let [low, high, extreme] = [x[0] ?? 0, x[0] ?? 0, 0];
  for (const value of x) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  }
  return { low, high, extreme };
}

/** Q4_1 and Q5_1: scale and minimum from the range. */
function encodeRange(bits: 4 | 5): Encode {
  return (x, bytes) => {
    const { low, high } = range(x);
    const d = fround(fround(high - low) / (2 ** bits - 1));
    const inverse = d === 0 ? 0 : fround(1 / d);
    putHalf(bytes, 0, d);
    putHalf(bytes, 2, low);
    putCodes(bytes, bits, 4, (k) =>
      Math.min(2 ** bits - 1, Math.trunc(fround(fround(fround((x[k] ?? 0) - low) * inverse) + 0.5))),
    );
  };
}

/** 32 codes: fifth bits from `at` where there are such, then nibbles. */
function putCodes(bytes: Uint8Array, bits: 4 | 5, at: number, code: (k: number) => number): void {
  for (let k = 0; k < 32; k += 1) {
    const value = code(k);
    if (bits === 5) add(bytes, at + (k >>> 3), (value >>> 4) << (k & 7));
    add(bytes, at + (bits === 5 ? 4 : 0) + (k % 16), (value & 15) << (k < 16 ? 0 : 4));
  }
}

const encodeQ5: Encode = (x, bytes) => {
  const d = fround(range(x).extreme / -16);
  const inverse = d === 0 ? 0 : fround(1 / d);
  putHalf(bytes, 0, d);
  putCodes(bytes, 5, 2, (k) => Math.min(31, Math.trunc(fround(fround((x[k] ?? 0) * inverse) + 16.5))));
};

const encodeIq4: Encode = (x, bytes) => {
  const d = putHalf(bytes, 0, range(x).extreme / -127);
  putCodes(bytes, 4, 2, (k) => {
    const wanted = d === 0 ? 0 : (x[k] ?? 0) / d;
    let best = 0;
    IQ4_WEIGHTS.forEach((weight, code) => {
      if (Math.abs(weight - wanted) < Math.abs((IQ4_WEIGHTS[best] ?? 0) - wanted)) best = code;
    });
    return best;
  });
};

interface Fit {
  /** integer scale and minimum of each part */
  readonly scales: number[];
  readonly minima: number[];
  code(k: number): number;
}

/** d, minimum, and per part of `size` columns integers up to `most`, for codes 0 … `codes`. */
function fitRange(
  x: Float32Array,
  size: number,
  most: number,
  codes: number,
  put: (d: number, m: number) => number[],
): Fit {
  const parts = Array.from({ length: 256 / size }, (_, part) => range(x.subarray(part * size, (part + 1) * size)));
  const steps = parts.map(({ low, high }) => (Math.max(high, 0) - Math.min(low, 0)) / codes);
  const lows = parts.map(({ low }) => Math.max(0, -low));
  const [d, m] = put(Math.max(...steps) / most, Math.max(...lows) / most) as [number, number];
  const scales = steps.map((step) => (d === 0 ? 0 : clamp(Math.round(step / d), 0, most)));
  const minima = lows.map((low) => (m === 0 ? 0 : clamp(Math.round(low / m), 0, most)));
  const code = (k: number): number => {
    const part = Math.floor(k / size);
    const step = d * (scales[part] ?? 0);
    return step === 0 ? 0 : clamp(Math.round(((x[k] ?? 0) + m * (minima[part] ?? 0)) / step), 0, codes);
  };
  return { scales, minima, code };
}

/** d and per 16 columns a signed integer scale, for codes -`offset` … `offset` - 1. */
function fitSigned(x: Float32Array, most: number, offset: number, put: (d: number) => number): Fit {
  const extremes = Array.from({ length: 16 }, (_, part) => range(x.subarray(part * 16, (part + 1) * 16)).extreme);
  const d = put(Math.max(...extremes.map(Math.abs)) / offset / most);
  const scales = extremes.map((extreme) => (d === 0 ? 0 : clamp(Math.round(extreme / -offset / d), -most, most)));
  const code = (k: number): number => {
    const step = d * (scales[k >>> 4] ?? 0);
    return step === 0 ? offset : clamp(Math.round((x[k] ?? 0) / step), -offset, offset - 1) + offset;
  };
  return { scales, minima: [], code };
}

/** Q4_K and Q5_K. */
function encodePairs(bits: 4 | 5): Encode {
  return (x, bytes) => {
    const put = (d: number, m: number): number[] => [putHalf(bytes, 0, d), putHalf(bytes, 2, m)];
    const { scales, minima, code } = fitRange(x, 32, 63, 2 ** bits - 1, put);
    scales.forEach((scale, j) => {
      const minimum = minima[j] ?? 0;
      if (j < 4) {
        add(bytes, 4 + j, scale);
        add(bytes, 8 + j, minimum);
        return;
      }
      add(bytes, 8 + j, (scale & 15) | ((minimum & 15) << 4));
      add(bytes, j, (scale >>> 4) << 6);
      add(bytes, 4 + j, (minimum >>> 4) << 6);
    });
    for (let k = 0; k < 256; k += 1) {
      const value = code(k);
      add(bytes, (bits === 5 ? 48 : 16) + 32 * (k >>> 6) + (k & 31), (value & 15) << (k & 32 ? 4 : 0));
      if (bits === 5) add(bytes, 16 + (k & 31), (value >>> 4) << (k >>> 5));
    }
  };
}

/** Two bits of column k of 256. */
function putCrumb(bytes: Uint8Array, at: number, k: number, value: number): void {
  add(bytes, at + 32 * (k >>> 7) + (k & 31), value << (2 * ((k >>> 5) & 3)));
}

const encodeQ6K: Encode = (x, bytes) => {
  const { scales, code } = fitSigned(x, 127, 32, (d) => putHalf(bytes, 208, d));
  bytes.set(
    scales.map((scale) => scale & 255),
    192,
  );
  for (let k = 0; k < 256; k += 1) {
    const value = code(k);
    add(bytes, 64 * (k >>> 7) + (k & 63), (value & 15) << (k & 64 ? 4 : 0));
    putCrumb(bytes, 128, k, value >>> 4);
  }
};

const encodeQ3K: Encode = (x, bytes) => {
  const { scales, code } = fitSigned(x, 31, 4, (d) => putHalf(bytes, 108, d));
  scales.forEach((scale, half16) => {
    add(bytes, 96 + (half16 & 7), ((scale + 32) & 15) << (half16 < 8 ? 0 : 4));
    add(bytes, 104 + (half16 & 3), ((scale + 32) >>> 4) << (2 * (half16 >>> 2)));
  });
  for (let k = 0; k < 256; k += 1) {
    const value = code(k);
    putCrumb(bytes, 32, k, value & 3);
    add(bytes, k & 31, (value >>> 2) << (k >>> 5));
  }
};

const encodeQ2K: Encode = (x, bytes) => {
  const put = (d: number, m: number): number[] => [putHalf(bytes, 80, d), putHalf(bytes, 82, m)];
  const { scales, minima, code } = fitRange(x, 16, 15, 3, put);
  scales.forEach((scale, part) => {
    bytes[part] = scale | ((minima[part] ?? 0) << 4);
  });
  for (let k = 0; k < 256; k += 1) putCrumb(bytes, 16, k, code(k));
};

const ENCODERS: Readonly<Record<CodedType, Encode>> = {
  Q4_1: encodeRange(4),
  Q5_0: encodeQ5,
  Q5_1: encodeRange(5),
  IQ4_NL: encodeIq4,
  Q2_K: encodeQ2K,
  Q3_K: encodeQ3K,
  Q4_K: encodePairs(4),
  Q5_K: encodePairs(5),
  Q6_K: encodeQ6K,
};

/** `values`, whole blocks of `blockValues`, in blocks of `blockBytes`. */
export function encodeCoded(
  type: CodedType,
  values: Float32Array,
  blockValues: number,
  blockBytes: number,
): Uint8Array {
  const bytes = new Uint8Array((values.length / blockValues) * blockBytes);
  for (let block = 0; block < values.length / blockValues; block += 1) {
    ENCODERS[type](
      values.subarray(block * blockValues, (block + 1) * blockValues),
      bytes.subarray(block * blockBytes, (block + 1) * blockBytes),
    );
  }
  return bytes;
}
