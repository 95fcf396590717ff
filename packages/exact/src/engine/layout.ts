// Where everything lies in the one memory of a model, computed before a byte of weights is read.
import { RunproofError } from '@runproof/protocol';
import type { ModelConfig, TensorType } from '../interfaces.ts';
import type { PlannedTensor, TensorRole } from '../model/plan.ts';

/** Positions in a page of the K and V cache; the kernels are compiled for it. */
export const PAGE_POSITIONS = 32;
/** Rows of one attention tile; the kernels are compiled for it. */
const TILE_ROWS = 4;
/** Most query heads that one unit of attention takes together. */
const UNIT_HEADS_MAX = 8;
const WASM_PAGE = 65_536;
/** One page less than 4 GiB, so that every end address fits 32 bits. */
const MEMORY_LIMIT = 65_535 * WASM_PAGE;
const STAGING_BYTES = 4 * 1024 * 1024;
/** Logits of a batch are computed in pieces of about this size. */
const LOGITS_BYTES = 8 * 1024 * 1024;
const KV_BYTES_DEFAULT = 2 * 1024 * 1024 * 1024;
/** Contexts that the default K and V cache holds, where memory allows. */
const KV_CONTEXTS_DEFAULT = 8;

/** Type numbers of the kernels (kernels/assembly/floats.ts, matmul.ts, formats.ts). */
export const KERNEL_TYPES: Readonly<Record<TensorType, number>> = {
  F32: 0,
  F16: 1,
  BF16: 2,
  Q8_0: 3,
  Q4_0: 4,
  Q4_K: 5,
  Q5_K: 6,
  Q6_K: 7,
  Q4_1: 8,
  Q5_0: 9,
  Q5_1: 10,
  Q3_K: 11,
  Q2_K: 12,
  IQ4_NL: 13,
};

/** Columns of one record of 8 rows, and its bytes (kernels/assembly/q4.ts, q8.ts, formats.ts). */
const GROUP_RECORDS: Readonly<Record<TensorType, readonly [number, number]>> = {
  F32: [1, 32],
  F16: [1, 16],
  BF16: [1, 16],
  Q8_0: [32, 288],
  IQ4_NL: [32, 288],
  Q4_0: [32, 144],
  Q4_1: [32, 160],
  Q5_0: [32, 176],
  Q5_1: [32, 192],
  Q2_K: [256, 1312],
  Q3_K: [256, 1168],
  Q4_K: [256, 1184],
  Q5_K: [256, 1440],
  Q6_K: [256, 1680],
};

/** Which activation records a matrix reads (specs/exact-1.md §4): A = 63, A = 127, or plain f32. */
export function activationsOf(type: TensorType): 'q8' | 'q4' | 'float' {
  if (type === 'F32' || type === 'F16' || type === 'BF16') return 'float';
  return type === 'Q8_0' || type === 'IQ4_NL' ? 'q8' : 'q4';
}

interface LayoutOptions {
  readonly parts: number;
  /** rows of one pass through the model */
  readonly batchRows: number;
  /** sequences at a time */
  readonly sequences: number;
  /** positions of all sequences together; null: a default from the context length and the memory left */
  readonly kvPositions: number | null;
  /** bytes of one activation record */
  readonly recordBytes: number;
}

export interface PlacedTensor {
  readonly tensor: PlannedTensor;
  readonly address: number;
  /** groups of 8 rows; 0 for a vector */
  readonly groups: number;
}

/** Addresses and row strides in bytes. */
export interface Layout {
  readonly bytes: number;
  readonly header: number;
  readonly tape: number;
  readonly tapeOperations: number;
  readonly ids: number;
  readonly positions: number;
  readonly tables: number;
  readonly status: number;
  readonly outRows: number;
  readonly staging: { readonly address: number; readonly bytes: number };
  /** `local`: address of the second table, for layers of kind local; 0 when there is none */
  readonly rope: {
    readonly address: number;
    readonly local: number;
    readonly rowBytes: number;
    readonly positions: number;
  };
  readonly rows: Readonly<Record<RowBuffer, { readonly address: number; readonly stride: number }>>;
  readonly records: { readonly q8: number; readonly q4: number };
  readonly logits: { readonly address: number; readonly stride: number; readonly rows: number };
  readonly attention: {
    readonly address: number;
    readonly partBytes: number;
    readonly scoreBytes: number;
    readonly unitHeads: number;
  };
  readonly pageTables: { readonly address: number; readonly stride: number };
  readonly kv: {
    readonly address: number;
    readonly pageBytes: number;
    readonly layerBytes: number;
    readonly pages: number;
  };
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
}

/** Buffers of one f32 row per row of the batch. `x` is the residual stream. */
export type RowBuffer = 'x' | 'h' | 'q' | 'k' | 'v' | 'o' | 'gate' | 'up';

/** Name of a place for a tensor: `tensors.get(tensorKey('attn_q', 3))`. */
export function tensorKey(role: TensorRole, layer: number | null): string {
  return layer === null ? role : `${role}/${layer}`;
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Bytes of one group of 8 rows, as the kernels read it. */
export function groupBytes(type: TensorType, cols: number): number {
  const [step, bytes] = GROUP_RECORDS[type];
  return (cols / step) * bytes;
}

/** Hands out addresses, 64-byte aligned so that no two regions share a cache line. */
class Arena {
  bytes = 1024;

  take(bytes: number): number {
    const address = this.bytes;
    this.bytes = roundUp(address + bytes, 64);
    return address;
  }
}

function placeTensors(arena: Arena, plan: readonly PlannedTensor[]): Map<string, PlacedTensor> {
  const placed = new Map<string, PlacedTensor>();
  for (const tensor of plan) {
    if (tensor.role === 'rope_freqs') continue;
    const groups = tensor.kind === 'matrix' ? Math.ceil(tensor.rows / 8) : 0;
    const bytes = groups === 0 ? roundUp(tensor.cols, 32) * 4 : groups * groupBytes(tensor.info.type, tensor.cols);
    placed.set(tensorKey(tensor.role, tensor.layer), { tensor, address: arena.take(bytes), groups });
  }
  return placed;
}

function rowWidths(config: ModelConfig): Record<RowBuffer, number> {
  const queries = config.heads * config.headDim;
  const keys = config.kvHeads * config.headDim;
  const { width, ffnWidth } = config;
  return { x: width, h: width, q: queries, k: keys, v: keys, o: queries, gate: ffnWidth, up: ffnWidth };
}

function tooLarge(what: string, bytes: number): RunproofError {
  return new RunproofError(
    'MODEL_UNSUPPORTED',
    `${what} needs ${bytes} bytes of memory; this engine addresses ${MEMORY_LIMIT} (just under 4 GiB).`,
    { needed: bytes, limit: MEMORY_LIMIT },
  );
}

/** Pages of the cache: what the caller asked for, or several contexts within a bound and within the memory that is left. */
function kvPages(config: ModelConfig, options: LayoutOptions, pageBytes: number, left: number): number {
  const fits = Math.floor(left / (pageBytes + 4));
  if (options.kvPositions !== null) {
    const pages = Math.ceil(options.kvPositions / PAGE_POSITIONS);
    if (pages > fits)
      throw tooLarge(
        `A K and V cache of ${options.kvPositions} positions beside this model`,
        MEMORY_LIMIT - left + pages * pageBytes,
      );
    return Math.max(1, pages);
  }
  const wanted = KV_CONTEXTS_DEFAULT * Math.ceil(config.contextLength / PAGE_POSITIONS);
  const pages = Math.min(wanted, fits, Math.max(1, Math.floor(KV_BYTES_DEFAULT / pageBytes)));
  if (pages < 1) throw tooLarge('This model with one page of K and V', MEMORY_LIMIT - left + pageBytes);
  return pages;
}

/** Rows of scores that one part holds. */
function attentionSlots(config: ModelConfig): number {
  return TILE_ROWS * Math.min(UNIT_HEADS_MAX, config.heads / config.kvHeads);
}

function ropeTables(config: ModelConfig): number {
  return config.localRope === null ? 1 : 2;
}

/** Bytes that depend on the longest sequence: RoPE table, attention scratch and page tables, for `positions` positions. */
function perPositionBytes(config: ModelConfig, options: LayoutOptions): number {
  return (
    ropeTables(config) * config.rope.dimension * 4 +
    options.parts * attentionSlots(config) * 4 +
    (options.sequences * 4) / PAGE_POSITIONS
  );
}

/** Places everything. Error: `MODEL_UNSUPPORTED` with the numbers when 4 GiB do not hold it. */
export function planLayout(config: ModelConfig, plan: readonly PlannedTensor[], options: LayoutOptions): Layout {
  const arena = new Arena();
  const { batchRows } = options;
  const header = arena.take(256);
  const list = (): number => arena.take(batchRows * 4);
  const lists = { ids: list(), positions: list(), tables: list(), status: list(), outRows: list() };
  const tapeOperations = config.layers * 32 + 16;
  const tape = arena.take(tapeOperations * 128);
  const tensors = placeTensors(arena, plan);

  const widths = rowWidths(config);
  const rows = Object.fromEntries(
    Object.entries(widths).map(([name, width]) => {
      const stride = roundUp(width, 32) * 4;
      return [name, { address: arena.take(batchRows * stride), stride }];
    }),
  ) as Layout['rows'];
  const blocks = Math.ceil(Math.max(...Object.values(widths)) / 32);
  const recordBytes = batchRows * blocks * options.recordBytes;
  const records = { q8: arena.take(recordBytes), q4: arena.take(recordBytes) };
  const logitsStride = roundUp(config.vocabSize, 8) * 4;
  const logitRows = Math.min(batchRows, Math.max(8, Math.floor(LOGITS_BYTES / logitsStride)));
  const logits = { address: arena.take(logitRows * logitsStride), stride: logitsStride, rows: logitRows };
  const longestRow = Math.max(...plan.map(({ info, rows: count }) => info.byteLength / count));
  const stagingBytes = Math.max(STAGING_BYTES, roundUp(longestRow * 8, 64));
  const staging = { address: arena.take(stagingBytes), bytes: stagingBytes };

  const valueWidth = roundUp(config.headDim, 4);
  const layerBytes = config.kvHeads * PAGE_POSITIONS * (config.headDim + valueWidth) * 4;
  const pageBytes = config.layers * layerBytes;
  const left = MEMORY_LIMIT - arena.bytes - 65_536 * options.parts;
  if (left <= 0) throw tooLarge('This model', arena.bytes);
  const reserve = perPositionBytes(config, options) * PAGE_POSITIONS;
  const pages = kvPages(config, options, pageBytes + reserve, left);
  const positions = Math.min(roundUp(config.contextLength, PAGE_POSITIONS), pages * PAGE_POSITIONS);

  const ropeRow = config.rope.dimension * 4;
  const ropeAddress = arena.take(positions * ropeRow);
  const local = config.localRope === null ? 0 : arena.take(positions * ropeRow);
  const rope = { address: ropeAddress, local, rowBytes: ropeRow, positions };
  const scoreBytes = positions * 4;
  const slots = attentionSlots(config);
  const partBytes = roundUp(slots * (scoreBytes + valueWidth * 4 + 4), 128);
  const attention = {
    address: arena.take(options.parts * partBytes),
    partBytes,
    scoreBytes,
    unitHeads: slots / TILE_ROWS,
  };
  const tableStride = (positions / PAGE_POSITIONS) * 4;
  const pageTables = { address: arena.take(options.sequences * tableStride), stride: tableStride };
  const kv = { address: arena.take(pages * pageBytes), pageBytes, layerBytes, pages };
  if (arena.bytes > MEMORY_LIMIT) throw tooLarge('This model', arena.bytes);
  const bytes = roundUp(arena.bytes, WASM_PAGE);
  const fixed = { bytes, header, tape, tapeOperations, ...lists, staging, rope };
  return { ...fixed, rows, records, logits, attention, pageTables, kv, tensors };
}
