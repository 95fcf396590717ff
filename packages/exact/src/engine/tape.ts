// The model as a tape of operations (kernels/assembly/index.ts executes it). Built once, when the model is loaded.
import { RunproofError } from '@runproof/protocol';
import type { ModelConfig, TensorType } from '../interfaces.ts';
import type { TensorRole } from '../model/plan.ts';
import {
  activationsOf,
  KERNEL_TYPES,
  type Layout,
  type PlacedTensor,
  type RowBuffer,
  roundUp,
  tensorKey,
} from './layout.ts';

const OPERATION_BYTES = 128;
const EMBED = 1;
const NORM = 2;
const QUANTISE = 3;
const MATMUL = 4;
const HEADS = 5;
const ATTEND = 6;
const ACTIVATE = 7;
const CHECK = 8;
const RESIDUAL = 9;

/** Words of the header that the host writes (kernels/assembly/parallel.ts). */
export const HEADER_ROWS = 12;
export const HEADER_FIRST_OUT = 16;

/** Places in a layer where a value that is not finite is caught, in the order of the computation; a tag is layer · 16 + place. */
const PLACES = [
  '',
  'attention input',
  'key',
  'value',
  'attention score',
  'attention output',
  'feed-forward input',
  'feed-forward product',
];
const OUTPUT_PLACES = ['', 'output input', 'logits'];

/** Status of a row in which everything was finite. */
export const STATUS_FINE = 0xffffffff;

/** The error of a row whose status is `tag`. */
export function nonFiniteError(tag: number, layers: number): RunproofError {
  const layer = tag >>> 4;
  const place = (layer < layers ? PLACES : OUTPUT_PLACES)[tag & 15] ?? 'unknown';
  const where = layer < layers ? `layer ${layer}, ${place}` : place;
  return new RunproofError('ENGINE_NONFINITE', `NaN, infinity or a magnitude beyond f16 in ${where}`, {
    layer,
    operation: place,
  });
}

export interface Tape {
  /** operations of the layers: 0 up to here; those of the output follow */
  readonly layersEnd: number;
  readonly end: number;
}

class TapeWriter {
  count = 0;
  readonly #view: DataView;
  readonly #layout: Layout;
  readonly #recordBytes: number;

  constructor(buffer: ArrayBufferLike, layout: Layout, recordBytes: number) {
    this.#view = new DataView(buffer);
    this.#layout = layout;
    this.#recordBytes = recordBytes;
  }

  #address(index: number): number {
    return this.#layout.tape + index * OPERATION_BYTES;
  }

  add(code: number, words: readonly number[]): void {
    if (this.count >= this.#layout.tapeOperations)
      throw new RunproofError('INTERNAL', 'the tape is longer than planned');
    const at = this.#address(this.count);
    this.#view.setUint32(at, code, true);
    this.#view.setUint32(at + 4, 0, true);
    words.forEach((word, index) => {
      this.#view.setUint32(at + 8 + index * 4, word, true);
    });
    this.count += 1;
  }

  /** All parts meet after the operation that was added last. */
  meet(): void {
    this.#view.setUint32(this.#address(this.count - 1) + 4, 1, true);
  }

  /** Quantises `buffer` for each type of matrix that will read it. `list`: rows of the batch, or 0 for all. */
  quantise(
    buffer: RowBuffer,
    width: number,
    readers: readonly PlacedTensor[],
    tag: number,
    byRows: boolean,
    list = 0,
  ): void {
    const { address, stride } = this.#layout.rows[buffer];
    const blocks = width / 32;
    for (const kind of ['q8', 'q4'] as const) {
      if (!readers.some(({ tensor }) => activationsOf(tensor.info.type) === kind)) continue;
      const isQ4 = kind === 'q4' ? 1 : 0;
      const output = this.#layout.records[kind];
      const words = [address, stride, output, blocks * this.#recordBytes, blocks, isQ4, byRows ? 1 : 0];
      this.add(QUANTISE, [...words, this.#layout.status, tag, list]);
    }
  }

  matmul(
    matrix: PlacedTensor,
    input: RowBuffer,
    output: { address: number; stride: number },
    accumulate: boolean,
  ): void {
    const { type } = matrix.tensor.info;
    const { cols } = matrix.tensor;
    const source = this.#input(type, input, cols);
    const words = [KERNEL_TYPES[type], matrix.address, matrix.groups, cols, source.address, source.stride];
    this.add(MATMUL, [...words, output.address, output.stride, accumulate ? 1 : 0]);
  }

  #input(type: TensorType, buffer: RowBuffer, cols: number): { address: number; stride: number } {
    const kind = activationsOf(type);
    if (kind === 'float') return this.#layout.rows[buffer];
    return { address: this.#layout.records[kind], stride: (cols / 32) * this.#recordBytes };
  }
}

function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

/** Writes the tape of one model. */
class TapeBuilder {
  readonly #config: ModelConfig;
  readonly #layout: Layout;
  readonly #writer: TapeWriter;

  constructor(config: ModelConfig, layout: Layout, writer: TapeWriter) {
    this.#config = config;
    this.#layout = layout;
    this.#writer = writer;
  }

  #tensor(role: TensorRole, layer: number | null): PlacedTensor {
    const placed = this.#layout.tensors.get(tensorKey(role, layer));
    if (placed === undefined) throw new RunproofError('INTERNAL', `tensor ${tensorKey(role, layer)} has no place`);
    return placed;
  }

  /** Address of an optional vector; 0 when the model has none. */
  #bias(role: TensorRole, layer: number): number {
    return this.#layout.tensors.get(tensorKey(role, layer))?.address ?? 0;
  }

  #norm(role: TensorRole, layer: number | null, list: number): void {
    const { x, h } = this.#layout.rows;
    const { width, rmsEpsilon } = this.#config;
    const quads = roundUp(width, 4) / 4;
    const weight = this.#tensor(role, layer).address;
    this.#writer.add(NORM, [
      x.address,
      x.stride,
      weight,
      h.address,
      h.stride,
      width,
      quads,
      floatBits(rmsEpsilon),
      list,
    ]);
  }

  /**
   * The last matrix of a half layer and the sum with the residual stream (specs/exact-1.md §6 steps 6 and 7). Where nothing comes
   * between them, the matrix adds to the stream itself.
   */
  #residual(matrix: PlacedTensor, input: RowBuffer, post: TensorRole, layer: number): void {
    const { x, h } = this.#layout.rows;
    const { width, rmsEpsilon, scales } = this.#config;
    const writer = this.#writer;
    const norm = this.#bias(post, layer);
    const isPlain = norm === 0 && scales.residual === 1;
    writer.matmul(matrix, input, isPlain ? x : h, isPlain);
    writer.meet();
    if (isPlain) return;
    const quads = roundUp(width, 4) / 4;
    if (norm !== 0)
      writer.add(NORM, [h.address, h.stride, norm, h.address, h.stride, width, quads, floatBits(rmsEpsilon), 0]);
    writer.add(RESIDUAL, [x.address, x.stride, h.address, h.stride, quads, floatBits(scales.residual)]);
    writer.meet();
  }

  /** Bias, head norms, RoPE and the cache of one layer. */
  #heads(layer: number): void {
    const { heads, kvHeads, headDim, rope, rmsEpsilon } = this.#config;
    const { rows, kv, positions, tables, status } = this.#layout;
    const kind = this.#config.layerKinds[layer]?.rope ?? 'global';
    const table = kind === 'local' ? this.#layout.rope.local : this.#layout.rope.address;
    const pairs = kind === 'none' ? 0 : rope.dimension / 2;
    const bias = (['attn_q_bias', 'attn_k_bias', 'attn_v_bias'] as const).map((role) => this.#bias(role, layer));
    const inputs = [rows.q.address, rows.q.stride, rows.k.address, rows.v.address, rows.k.stride, ...bias];
    const place = [table, positions, tables, layer * kv.layerBytes];
    const shape = [heads, kvHeads, headDim, pairs, rope.layout === 'halves' ? 1 : 0, status, layer * 16 + 2];
    const norms = [this.#bias('attn_q_norm', layer), this.#bias('attn_k_norm', layer), floatBits(rmsEpsilon)];
    this.#writer.add(HEADS, [...inputs, ...place, ...shape, ...norms]);
    this.#writer.meet();
  }

  #attention(layer: number): void {
    const { heads, kvHeads, headDim, width, scales, caps } = this.#config;
    const { rows, kv, attention } = this.#layout;
    const writer = this.#writer;
    const tag = layer * 16;
    const matrices = (['attn_q', 'attn_k', 'attn_v'] as const).map((role) => this.#tensor(role, layer));
    this.#norm('attn_norm', layer, 0);
    writer.quantise('h', width, matrices, tag + 1, true);
    writer.meet();
    matrices.forEach((matrix, index) => {
      writer.matmul(matrix, 'h', rows[(['q', 'k', 'v'] as const)[index] ?? 'q'], false);
    });
    writer.meet();
    this.#heads(layer);
    const window = this.#config.layerKinds[layer]?.window ?? 0;
    const io = [rows.q.address, rows.q.stride, rows.o.address, rows.o.stride];
    const where = [this.#layout.positions, this.#layout.tables, layer * kv.layerBytes, heads, heads / kvHeads, headDim];
    const scratch = [attention.address, attention.partBytes, attention.scoreBytes, floatBits(scales.score)];
    const seen = [attention.unitHeads, window, floatBits(caps.score ?? 0)];
    writer.add(ATTEND, [...io, ...where, ...scratch, this.#layout.status, tag + 4, ...seen]);
    writer.meet();
    const output = this.#tensor('attn_output', layer);
    writer.quantise('o', heads * headDim, [output], tag + 5, false);
    writer.meet();
    this.#residual(output, 'o', 'attn_post_norm', layer);
  }

  #feedForward(layer: number): void {
    const { width, ffnWidth, activation } = this.#config;
    const { rows } = this.#layout;
    const writer = this.#writer;
    const tag = layer * 16;
    const gate = this.#tensor('ffn_gate', layer);
    const up = this.#tensor('ffn_up', layer);
    const down = this.#tensor('ffn_down', layer);
    this.#norm('ffn_norm', layer, 0);
    writer.quantise('h', width, [gate, up], tag + 6, true);
    writer.meet();
    writer.matmul(gate, 'h', rows.gate, false);
    writer.matmul(up, 'h', rows.up, false);
    writer.meet();
    const isGelu = activation === 'gelu' ? 1 : 0;
    writer.add(ACTIVATE, [rows.gate.address, rows.up.address, rows.gate.stride, Math.ceil(ffnWidth / 32), isGelu]);
    writer.quantise('gate', ffnWidth, [down], tag + 7, false);
    writer.meet();
    this.#residual(down, 'gate', 'ffn_post_norm', layer);
  }

  build(): Tape {
    const { layers, width, vocabSize, scales, caps } = this.#config;
    const { rows, logits, outRows, status } = this.#layout;
    const writer = this.#writer;
    const embedding = this.#tensor('token_embd', null);
    const { x } = rows;
    writer.add(EMBED, [
      KERNEL_TYPES[embedding.tensor.info.type],
      embedding.address,
      width,
      this.#layout.ids,
      x.address,
      x.stride,
      floatBits(scales.embedding),
    ]);
    for (let layer = 0; layer < layers; layer += 1) {
      this.#attention(layer);
      this.#feedForward(layer);
    }
    const layersEnd = writer.count;
    const output = this.#config.tiedOutput ? embedding : this.#tensor('output', null);
    this.#norm('output_norm', null, outRows);
    writer.quantise('h', width, [output], layers * 16 + 1, true, outRows);
    writer.meet();
    writer.matmul(output, 'h', logits, false);
    writer.meet();
    const place = [logits.address, logits.stride, roundUp(vocabSize, 4) / 4, status, layers * 16 + 2, outRows];
    writer.add(CHECK, [...place, floatBits(scales.logits), floatBits(caps.logits ?? 0)]);
    writer.meet();
    return { layersEnd, end: writer.count };
  }
}

/** Writes the tape of the model into its memory. `recordBytes`: bytes of one activation record. */
export function writeTape(config: ModelConfig, layout: Layout, buffer: ArrayBufferLike, recordBytes: number): Tape {
  return new TapeBuilder(config, layout, new TapeWriter(buffer, layout, recordBytes)).build();
}
