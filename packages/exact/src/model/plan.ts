// Which tensors a model needs, with shape and type (specs/exact-1.md §6). A tensor that nobody would use is refused too: it may
// stand for arithmetic that the contract does not have.
import { RunproofError } from '@runproof/protocol';
import type { GgufFile, TensorInfo } from '../gguf/types.ts';
import { type ModelConfig, TENSOR_TYPES } from '../interfaces.ts';

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
  | 'attn_output'
  | 'ffn_norm'
  | 'ffn_gate'
  | 'ffn_up'
  | 'ffn_down'
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
  readonly info: TensorInfo;
}

interface Expected {
  readonly name: string;
  readonly role: TensorRole;
  readonly layer: number | null;
  readonly kind: 'matrix' | 'vector';
  readonly rows: number;
  readonly cols: number;
  readonly optional: boolean;
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

function expectedInLayer(config: ModelConfig, layer: number): Expected[] {
  const { width, ffnWidth } = config;
  const queries = config.heads * config.headDim;
  const keys = config.kvHeads * config.headDim;
  const name = (part: string): string => `blk.${layer}.${part}`;
  const biasOptional = config.architecture !== 'qwen2';
  return [
    vector(name('attn_norm.weight'), 'attn_norm', layer, width),
    matrix(name('attn_q.weight'), 'attn_q', layer, queries, width),
    vector(name('attn_q.bias'), 'attn_q_bias', layer, queries, biasOptional),
    matrix(name('attn_k.weight'), 'attn_k', layer, keys, width),
    vector(name('attn_k.bias'), 'attn_k_bias', layer, keys, biasOptional),
    matrix(name('attn_v.weight'), 'attn_v', layer, keys, width),
    vector(name('attn_v.bias'), 'attn_v_bias', layer, keys, biasOptional),
    matrix(name('attn_output.weight'), 'attn_output', layer, width, queries),
    vector(name('ffn_norm.weight'), 'ffn_norm', layer, width),
    matrix(name('ffn_gate.weight'), 'ffn_gate', layer, ffnWidth, width),
    matrix(name('ffn_up.weight'), 'ffn_up', layer, ffnWidth, width),
    matrix(name('ffn_down.weight'), 'ffn_down', layer, width, ffnWidth),
  ];
}

function* expectedTensors(config: ModelConfig): Generator<Expected> {
  yield matrix('token_embd.weight', 'token_embd', null, config.vocabSize, config.width);
  if (config.architecture === 'llama')
    yield vector('rope_freqs.weight', 'rope_freqs', null, config.rope.dimension / 2, true);
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
    plan.push({
      role: expected.role,
      layer: expected.layer,
      kind: expected.kind,
      rows: expected.rows,
      cols: expected.cols,
      info,
    });
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
