// What a GGUF file holds, as far as contract exact-1 needs it.
import type { TensorType } from '../interfaces.ts';

/** A metadata value. 64-bit integers are numbers: those beyond 2^53 - 1 are refused by the reader. */
export type GgufValue = number | boolean | string | readonly GgufValue[];

/** Where one tensor lies in the file. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** GGUF order: `shape[0]` is the length of a row, the dimension that is contiguous in memory */
  readonly shape: readonly number[];
  /** bytes from the start of the file */
  readonly offset: number;
  readonly byteLength: number;
}

/** The header of a GGUF file; the tensors stay where they are. */
export interface GgufFile {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** bytes of the whole file */
  readonly size: number;
}

/** Values and bytes per block of each type that the contract defines (specs/exact-1.md §4), with its number in GGUF. */
export const TENSOR_LAYOUT: Readonly<Record<TensorType, { id: number; blockValues: number; blockBytes: number }>> = {
  F32: { id: 0, blockValues: 1, blockBytes: 4 },
  F16: { id: 1, blockValues: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockValues: 32, blockBytes: 18 },
  Q4_1: { id: 3, blockValues: 32, blockBytes: 20 },
  Q5_0: { id: 6, blockValues: 32, blockBytes: 22 },
  Q5_1: { id: 7, blockValues: 32, blockBytes: 24 },
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34 },
  Q2_K: { id: 10, blockValues: 256, blockBytes: 84 },
  Q3_K: { id: 11, blockValues: 256, blockBytes: 110 },
  Q4_K: { id: 12, blockValues: 256, blockBytes: 144 },
  Q5_K: { id: 13, blockValues: 256, blockBytes: 176 },
  Q6_K: { id: 14, blockValues: 256, blockBytes: 210 },
  IQ4_NL: { id: 20, blockValues: 32, blockBytes: 18 },
  BF16: { id: 30, blockValues: 1, blockBytes: 2 },
};

/** Bytes from the start of a block to each of its f16 scales and minima. */
export const HALVES_AT: Readonly<Partial<Record<TensorType, readonly number[]>>> = {
  F16: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  IQ4_NL: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};

/** Names of the other types of ggml, so that a refusal can name what the file holds. */
export const OTHER_TYPE_NAMES: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
};

/** Bounds of a header. Each is far above every published model, and small enough that a hostile file cannot exhaust memory. */
export const GGUF_LIMITS = {
  /** bytes before the first tensor */
  headerBytes: 256 * 1024 * 1024,
  metadataEntries: 65_536,
  tensors: 65_536,
  keyBytes: 65_535,
  tensorNameBytes: 64,
  stringBytes: 16 * 1024 * 1024,
  /** elements of all arrays of a file together */
  arrayElements: 16 * 1024 * 1024,
  arrayDepth: 4,
  dimensions: 4,
  alignment: 1024 * 1024,
} as const;
