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
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34 },
  BF16: { id: 30, blockValues: 1, blockBytes: 2 },
};

/** Names of the other types of ggml, so that a refusal can name what the file holds. */
export const OTHER_TYPE_NAMES: Readonly<Record<number, string>> = {
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
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
