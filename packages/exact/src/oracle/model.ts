// The scalar oracle: contract exact-1 in plain TypeScript, one token and one value at a time, written from specs/exact-1.md and
// independent of the kernels that it judges. Clear before fast.
import { RunproofError } from '@runproof/protocol';
import { readGguf } from '../gguf/reader.ts';
import type { ByteSource, ExactModel, LayerKind, ModelConfig, Sequence } from '../interfaces.ts';
import { readModelConfig } from '../model/config.ts';
import { type TensorRole, tensorPlan } from '../model/plan.ts';
import { exp32, gelu32, silu32, softCap } from './elementary.ts';
import { decodeHalf, encodeHalf } from './half.ts';
import { dot, loadMatrix, type Matrix, matrixRow, multiply, nonFinite, sum4 } from './linear.ts';
import { type Rotations, ropeFrequencies, ropeRotations, rotate } from './rope.ts';

const { fround } = Math;

/** Tensors by `role` or `role/layer`. */
type Weights = ReadonlyMap<string, Matrix>;

/** K and V of one layer: f32 arrays that hold f16 values, position after position. */
interface LayerCache {
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/** `fround(y_i + b_i)` where the model has a bias (specs/exact-1.md §6 step 2). */
function addBias(y: Float32Array, bias: Matrix | undefined): void {
  if (bias?.kind !== 'float') return;
  for (let i = 0; i < y.length; i += 1) y[i] = fround((y[i] as number) + (bias.values[i] as number));
}

/** RMS norm (specs/exact-1.md §6.1). */
function rmsNorm(x: Float32Array, weight: Matrix, epsilon: number): Float32Array {
  if (weight.kind !== 'float') throw new RunproofError('INTERNAL', 'a norm weight is not F32');
  const m = fround(sum4(x.map((value) => fround(value * value))) / x.length);
  const r = fround(1 / fround(Math.sqrt(fround(m + epsilon))));
  return x.map((value, k) => fround(fround(value * r) * (weight.values[k] as number)));
}

/** RMS norm of every head of `size` values, in place, where the model has one (specs/exact-1.md §6.8). */
function normHeads(y: Float32Array, size: number, weight: Matrix | undefined, epsilon: number): void {
  if (weight === undefined) return;
  for (let start = 0; start < y.length; start += size)
    y.set(rmsNorm(y.slice(start, start + size), weight, epsilon), start);
}

/** Rounds K or V to f16 into the cache (specs/exact-1.md §6.4). */
function storeHalf(target: Float32Array, start: number, source: Float32Array, where: string): void {
  source.forEach((value, index) => {
    const bits = encodeHalf(value);
    if (bits === null) throw nonFinite(where, 'entry', index);
    target[start + index] = decodeHalf(bits);
  });
}

class OracleModel implements ExactModel {
  readonly config: ModelConfig;
  readonly #weights: Weights;
  readonly #frequencies: Float64Array;
  readonly #localFrequencies: Float64Array | null;

  constructor(config: ModelConfig, weights: Weights) {
    this.config = config;
    this.#weights = weights;
    this.#frequencies = ropeFrequencies(config.rope);
    this.#localFrequencies = config.localRope === null ? null : ropeFrequencies(config.localRope);
  }

  createSequence(capacity: number): Sequence {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > this.config.contextLength) {
      throw new RunproofError(
        'MODEL_CONTEXT',
        `room for ${capacity} positions, the context length is ${this.config.contextLength}`,
      );
    }
    return new OracleSequence(this, capacity);
  }

  /** Logits of one token at `position`, after appending its K and V to `caches`; null when they are not wanted. */
  forward(id: number, position: number, caches: readonly LayerCache[], wanted: boolean): Float32Array | null {
    const { config } = this;
    const { scales, caps, layerKinds } = config;
    let x: Float32Array = matrixRow(this.#weight('token_embd'), id).map((value) => fround(value * scales.embedding));
    const rotations = {
      global: ropeRotations(config.rope, this.#frequencies, position),
      local:
        config.localRope === null || this.#localFrequencies === null
          ? null
          : ropeRotations(config.localRope, this.#localFrequencies, position),
      none: null,
    };
    caches.forEach((cache, layer) => {
      const kind = layerKinds[layer] as LayerKind;
      x = this.#attention(x, position, layer, cache, rotations[kind.rope]);
      x = this.#feedForward(x, layer);
    });
    if (!wanted) return null;
    const h = rmsNorm(x, this.#weight('output_norm'), config.rmsEpsilon);
    const raw = multiply(this.#weight(config.tiedOutput ? 'token_embd' : 'output'), h, 'output');
    const logits = raw.map((value) => fround(value * scales.logits));
    const bad = logits.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw nonFinite('output', 'logit', bad);
    const cap = caps.logits;
    return cap === null ? logits : logits.map((value) => softCap(value, cap));
  }

  /** `x + s · norm(y)`, with the norm where the model has one (specs/exact-1.md §6 steps 6 and 7). */
  #residual(x: Float32Array, y: Float32Array, norm: Matrix | undefined): Float32Array {
    const { scales, rmsEpsilon } = this.config;
    const added = norm === undefined ? y : rmsNorm(y, norm, rmsEpsilon);
    return x.map((value, i) => fround(value + fround((added[i] as number) * scales.residual)));
  }

  #weight(role: TensorRole, layer?: number): Matrix {
    const weight = this.#optional(role, layer);
    if (weight === undefined) throw new RunproofError('INTERNAL', `the plan has no ${role}`);
    return weight;
  }

  #optional(role: TensorRole, layer?: number): Matrix | undefined {
    return this.#weights.get(layer === undefined ? role : `${role}/${layer}`);
  }

  /** Steps 1 to 6 of specs/exact-1.md §6. */
  #attention(
    x: Float32Array,
    position: number,
    layer: number,
    cache: LayerCache,
    rotations: Rotations | null,
  ): Float32Array {
    const { config } = this;
    const h = rmsNorm(x, this.#weight('attn_norm', layer), config.rmsEpsilon);
    const where = (operation: string): string => `layer ${layer}, ${operation}`;
    const q = multiply(this.#weight('attn_q', layer), h, where('attn_q'));
    const k = multiply(this.#weight('attn_k', layer), h, where('attn_k'));
    const v = multiply(this.#weight('attn_v', layer), h, where('attn_v'));
    addBias(q, this.#optional('attn_q_bias', layer));
    addBias(k, this.#optional('attn_k_bias', layer));
    addBias(v, this.#optional('attn_v_bias', layer));
    normHeads(q, config.headDim, this.#optional('attn_q_norm', layer), config.rmsEpsilon);
    normHeads(k, config.headDim, this.#optional('attn_k_norm', layer), config.rmsEpsilon);
    if (rotations !== null) {
      for (const heads of [q, k])
        for (let start = 0; start < heads.length; start += config.headDim)
          rotate(heads, start, rotations, config.rope.layout);
    }
    storeHalf(cache.keys, position * k.length, k, where('K'));
    storeHalf(cache.values, position * v.length, v, where('V'));
    const mixed = new Float32Array(q.length);
    const { window } = config.layerKinds[layer] as LayerKind;
    const first = window === null ? 0 : Math.max(0, position - window + 1);
    for (let head = 0; head < config.heads; head += 1)
      this.#attendHead(q, head, [first, position], cache, mixed, where('attention'));
    const out = multiply(this.#weight('attn_output', layer), mixed, where('attn_output'));
    return this.#residual(x, out, this.#optional('attn_post_norm', layer));
  }

  /** Step 5 of specs/exact-1.md §6 for one query head, which sees the positions `first` to `position`. */
  #attendHead(
    q: Float32Array,
    head: number,
    [first, position]: readonly [number, number],
    cache: LayerCache,
    mixed: Float32Array,
    where: string,
  ): void {
    const { heads, kvHeads, headDim, scales, caps } = this.config;
    const stride = kvHeads * headDim;
    const kvStart = Math.floor(head / (heads / kvHeads)) * headDim;
    // Positions that are not seen keep an e_t of +0, which changes no sum.
    const e = new Float32Array(position + 1);
    const s = new Float32Array(position + 1);
    let m = Number.NEGATIVE_INFINITY;
    for (let t = first; t <= position; t += 1) {
      const scaled = fround(dot(q, head * headDim, cache.keys, t * stride + kvStart, headDim) * scales.score);
      if (!Number.isFinite(scaled)) throw nonFinite(where, 'score', t);
      const score = caps.score === null ? scaled : softCap(scaled, caps.score);
      s[t] = score;
      if (score > m) m = score;
    }
    for (let t = first; t <= position; t += 1) e[t] = exp32(fround((s[t] as number) - m));
    const inverse = fround(1 / sum4(e));
    for (let i = 0; i < headDim; i += 1) {
      let o = 0;
      for (let t = first; t <= position; t += 1)
        o = fround(o + fround((e[t] as number) * (cache.values[t * stride + kvStart + i] as number)));
      mixed[head * headDim + i] = fround(o * inverse);
    }
  }

  /** Step 7 of specs/exact-1.md §6. */
  #feedForward(x: Float32Array, layer: number): Float32Array {
    const h = rmsNorm(x, this.#weight('ffn_norm', layer), this.config.rmsEpsilon);
    const g = multiply(this.#weight('ffn_gate', layer), h, `layer ${layer}, ffn_gate`);
    const u = multiply(this.#weight('ffn_up', layer), h, `layer ${layer}, ffn_up`);
    const activate = this.config.activation === 'gelu' ? gelu32 : silu32;
    const a = g.map((value, k) => fround(activate(value) * (u[k] as number)));
    const down = multiply(this.#weight('ffn_down', layer), a, `layer ${layer}, ffn_down`);
    return this.#residual(x, down, this.#optional('ffn_post_norm', layer));
  }
}

class OracleSequence implements Sequence {
  readonly capacity: number;
  readonly #model: OracleModel;
  #caches: LayerCache[];
  #length = 0;

  constructor(model: OracleModel, capacity: number) {
    this.#model = model;
    this.capacity = capacity;
    const { layers, kvHeads, headDim } = model.config;
    const cells = capacity * kvHeads * headDim;
    this.#caches = Array.from({ length: layers }, () => ({
      keys: new Float32Array(cells),
      values: new Float32Array(cells),
    }));
  }

  get length(): number {
    return this.#length;
  }

  extend(ids: readonly number[], logitsFrom: number): Float32Array[] {
    const { config } = this.#model;
    if (this.#caches.length === 0) throw new RunproofError('INTERNAL', 'the sequence was released');
    if (this.#length + ids.length > this.capacity) {
      throw new RunproofError(
        'MODEL_CONTEXT',
        `${this.#length + ids.length} tokens do not fit into ${this.capacity} positions`,
      );
    }
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= config.vocabSize) {
        throw new RunproofError(
          'PARAMETER_INVALID',
          `token id ${id} is outside of the vocabulary of ${config.vocabSize}`,
        );
      }
    }
    const rows: Float32Array[] = [];
    // The length moves only at the end: after an error the sequence holds what it held before.
    ids.forEach((id, index) => {
      const logits = this.#model.forward(id, this.#length + index, this.#caches, index >= logitsFrom);
      if (logits !== null) rows.push(logits);
    });
    this.#length += ids.length;
    return rows;
  }

  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.#length) {
      throw new RunproofError('INTERNAL', `cannot truncate ${this.#length} positions to ${length}`);
    }
    this.#length = length;
  }

  release(): void {
    this.#caches = [];
    this.#length = 0;
  }
}

/**
 * Loads the model in `source` into the scalar oracle. It decodes all weights to one or four bytes each: for models of a few million
 * weights. Errors: those of `readGguf`, `readModelConfig`, `tensorPlan` and `readTensor`.
 */
export async function loadOracle(source: ByteSource): Promise<ExactModel> {
  const file = await readGguf(source);
  const config = await readModelConfig(source, file);
  const weights = new Map<string, Matrix>();
  for (const planned of tensorPlan(config, file)) {
    const key = planned.layer === null ? planned.role : `${planned.role}/${planned.layer}`;
    weights.set(key, await loadMatrix(source, planned));
  }
  return new OracleModel(config, weights);
}
