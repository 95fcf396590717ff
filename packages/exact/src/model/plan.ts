// Which tensors a model needs, with shape and type (specs/exact-1.md §6). A tensor that nobody would use is refused too: it may
// stand for arithmetic that the contract does not have.
import { RunproofError } from '@runproof/protocol';
import type { GgufFile, TensorInfo } from '../gguf/types.ts';
import { type ModelConfig, TENSOR_TYPES } from '../interfaces.ts';
import { TRAITS } from './architectures.ts';

/** What a tensor is used for; the middle part of its name. */
export type TensorRole =
  | 'token_embd'
  | 'rope_freqs'
  | 'attn_norm'
  | 'attn_q'
  | 'attn_k'
  | 'attn_v'
  | 'attn_q_bias'
  | 'attn_k_bias'
  | 'attn_v_bias'
  | 'attn_q_norm'
  | 'attn_k_norm'
  | 'attn_output'
  | 'attn_post_norm'
  | 'ffn_norm'
  | 'ffn_gate'
  | 'ffn_up'
  | 'ffn_down'
  | 'ffn_post_norm'
  | 'output_norm'
  | 'output';

/** A tensor that the model needs. A vector has one row. */
export interface PlannedTensor {
  readonly role: TensorRole;
  /** 0-based layer, or null outside the layers */
  readonly layer: number | null;
  readonly kind: 'matrix' | 'vector';
  readonly rows: number;
  readonly cols: number;
  /** place in the file; of a matrix that shares its tensor with others, the part that holds its rows */
  readonly info: TensorInfo;
}

/** A matrix that is some rows of a tensor. */
interface Share {
  readonly role: TensorRole;
  readonly rows: number;
}

interface Expected {
  readonly name: string;
  readonly role: TensorRole;
  readonly layer: number | null;
  readonly kind: 'matrix' | 'vector';
  readonly rows: number;
  readonly cols: number;
  readonly optional: boolean;
  /** matrices that the tensor holds one after the other, instead of one */
  readonly shares?: readonly Share[];
}

function matrix(
  name: string,
  role: TensorRole,
  layer: number | null,
  rows: number,
  cols: number,
  optional = false,
): Expected {
  return { name, role, layer, kind: 'matrix', rows, cols, optional };
}

function vector(name: string, role: TensorRole, layer: number | null, cols: number, optional = false): Expected {
  return { name, role, layer, kind: 'vector', rows: 1, cols, optional };
}

/** One tensor with the rows of several matrices (specs/exact-1.md §6.8). */
function fused(name: string, layer: number, cols: number, shares: readonly [Share, ...Share[]]): Expected {
  const rows = shares.reduce((sum, share) => sum + share.rows, 0);
  return { ...matrix(name, shares[0].role, layer, rows, cols), shares };
}

function expectedInAttention(config: ModelConfig, layer: number, name: (part: string) => string): Expected[] {
  const { width, headDim } = config;
  const { biases, headNorms, isFused } = TRAITS[config.architecture];
  const queries = config.heads * headDim;
  const keys = config.kvHeads * headDim;
  const projections = [
    { role: 'attn_q', rows: queries },
    { role: 'attn_k', rows: keys },
    { role: 'attn_v', rows: keys },
  ] as const;
  const expected = [vector(name('attn_norm.weight'), 'attn_norm', layer, width)];
  if (isFused) expected.push(fused(name('attn_qkv.weight'), layer, width, projections));
  else {
    for (const { role, rows } of projections) {
      expected.push(matrix(name(`${role}.weight`), role, layer, rows, width));
      if (biases !== 'none')
        expected.push(vector(name(`${role}.bias`), `${role}_bias`, layer, rows, biases === 'optional'));
    }
  }
  if (headNorms) {
    expected.push(vector(name('attn_q_norm.weight'), 'attn_q_norm', layer, headDim));
    expected.push(vector(name('attn_k_norm.weight'), 'attn_k_norm', layer, headDim));
  }
  return [...expected, matrix(name('attn_output.weight'), 'attn_output', layer, width, queries)];
}

function expectedInLayer(config: ModelConfig, layer: number): Expected[] {
  const { width, ffnWidth } = config;
  const { isFused, postNorms } = TRAITS[config.architecture];
  const name = (part: string): string => `blk.${layer}.${part}`;
  const expected = expectedInAttention(config, layer, name);
  if (postNorms) expected.push(vector(name('post_attention_norm.weight'), 'attn_post_norm', layer, width));
  expected.push(vector(name('ffn_norm.weight'), 'ffn_norm', layer, width));
  const halves = [
    { role: 'ffn_gate', rows: ffnWidth },
    { role: 'ffn_up', rows: ffnWidth },
  ] as const;
  if (isFused) expected.push(fused(name('ffn_up.weight'), layer, width, halves));
  else for (const { role, rows } of halves) expected.push(matrix(name(`${role}.weight`), role, layer, rows, width));
  expected.push(matrix(name('ffn_down.weight'), 'ffn_down', layer, width, ffnWidth));
  if (postNorms) expected.push(vector(name('post_ffw_norm.weight'), 'ffn_post_norm', layer, width));
  return expected;
}

function* expectedTensors(config: ModelConfig): Generator<Expected> {
  yield matrix('token_embd.weight', 'token_embd', null, config.vocabSize, config.width);
  if (config.architecture === 'llama')
    yield vector('rope_freqs.weight', 'rope_freqs', null, config.rope.dimension / 2, true);
  if (config.architecture === 'phi3') {
    // Both or none: a file with one of them is half of a model.
    const isOptional = config.rope.frequencyFactors === null;
    for (const length of ['long', 'short'])
      yield vector(`rope_factors_${length}.weight`, 'rope_freqs', null, config.rope.dimension / 2, isOptional);
  }
  for (let layer = 0; layer < config.layers; layer += 1) yield* expectedInLayer(config, layer);
  yield vector('output_norm.weight', 'output_norm', null, config.width);
  yield matrix('output.weight', 'output', null, config.vocabSize, config.width, true);
}

function checkTensor(expected: Expected, info: TensorInfo): void {
  const shape = expected.kind === 'matrix' ? [expected.cols, expected.rows] : [expected.cols];
  if (info.shape.join() !== shape.join()) {
    throw new RunproofError(
      'MODEL_SYNTAX',
      `tensor ${info.name} has shape ${info.shape.join(' x ')}, expected ${shape.join(' x ')}`,
      {
        tensor: info.name,
      },
    );
  }
  const types = expected.kind === 'matrix' ? TENSOR_TYPES : (['F32'] as const);
  if (!types.some((type) => type === info.type)) {
    throw new RunproofError(
      'MODEL_UNSUPPORTED',
      `tensor ${info.name} has type ${info.type}; supported is ${types.join(', ')}`,
      { tensor: info.name },
    );
  }
}

/** The matrices that a tensor holds: one, or its shares in their order. Rows are contiguous, so a share is a part of its bytes. */
function planned(expected: Expected, info: TensorInfo): PlannedTensor[] {
  const { role, layer, kind, rows, cols, shares } = expected;
  if (shares === undefined) return [{ role, layer, kind, rows, cols, info }];
  const rowBytes = info.byteLength / rows;
  let offset = info.offset;
  return shares.map((share) => {
    const byteLength = share.rows * rowBytes;
    const part = { ...info, shape: [cols, share.rows], offset, byteLength };
    offset += byteLength;
    return { role: share.role, layer, kind, rows: share.rows, cols, info: part };
  });
}

/**
 * Every tensor of the model in the order of use: embedding, layers, output norm, output matrix (absent when tied).
 *
 * Errors: `MODEL_SYNTAX` names a tensor that is missing or has another shape, `MODEL_UNSUPPORTED` one of a type that its place does
 * not allow, or that the architecture does not know.
 */
export function tensorPlan(config: ModelConfig, file: GgufFile): readonly PlannedTensor[] {
  const plan: PlannedTensor[] = [];
  const used = new Set<string>();
  for (const expected of expectedTensors(config)) {
    const info = file.tensors.get(expected.name);
    if (info === undefined) {
      if (expected.optional) continue;
      throw new RunproofError('MODEL_SYNTAX', `tensor ${expected.name} is missing`, { tensor: expected.name });
    }
    checkTensor(expected, info);
    used.add(expected.name);
    plan.push(...planned(expected, info));
  }
  for (const name of file.tensors.keys()) {
    if (!used.has(name)) {
      throw new RunproofError(
        'MODEL_UNSUPPORTED',
        `tensor ${name} is not part of architecture ${config.architecture}`,
        { tensor: name },
      );
    }
  }
  return plan;
}
