// Invalid model files: a reader of specs/exact-1.md §11 answers with the code.

import { readGguf, readModelConfig, readTensor, tensorPlan } from '@runproof/exact';
import {
  type GgufContent,
  type GgufMetadataValue,
  type GgufTensor,
  memorySource,
  writeGguf,
} from '@runproof/exact/testing';
import { encodeBase64, RunproofError } from '@runproof/protocol';

const u32 = (value: number): GgufMetadataValue => ({ type: 'u32', value });
const text = (value: string): GgufMetadataValue => ({ type: 'string', value });

/** A model as small as the format allows: width 2, one head, three tokens. */
function smallest(): { metadata: Map<string, GgufMetadataValue>; tensors: GgufTensor[] } {
  const metadata = new Map<string, GgufMetadataValue>([
    ['general.architecture', text('llama')],
    ['llama.context_length', u32(8)],
    ['llama.embedding_length', u32(2)],
    ['llama.block_count', u32(1)],
    ['llama.feed_forward_length', u32(2)],
    ['llama.attention.head_count', u32(1)],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'f32', value: 1e-5 }],
  ]);
  const tensor = (name: string, ...shape: number[]): GgufTensor => ({
    name,
    type: 'F32',
    shape,
    data: new Uint8Array(4 * shape.reduce((product, length) => product * length, 1)),
  });
  const names = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
  const tensors = [
    tensor('token_embd.weight', 2, 3),
    tensor('blk.0.attn_norm.weight', 2),
    ...names.map((name) => tensor(`blk.0.${name}.weight`, 2, 2)),
    tensor('blk.0.ffn_norm.weight', 2),
    tensor('output_norm.weight', 2),
  ];
  return { metadata, tensors };
}

type Case = readonly [string, Uint8Array];

function changed(
  change: (content: {
    metadata: Map<string, GgufMetadataValue>;
    tensors: GgufTensor[];
  }) => Partial<GgufContent> | undefined,
): Uint8Array {
  const content = smallest();
  return writeGguf({ ...content, ...change(content) });
}

function withMetadata(key: string, value: GgufMetadataValue | null): Uint8Array {
  return changed(({ metadata }) => {
    if (value === null) metadata.delete(key);
    else metadata.set(key, value);
    return undefined;
  });
}

function withTensor(index: number, change: Partial<GgufTensor> | null): Uint8Array {
  return changed(({ tensors }) => {
    const tensor = tensors[index] as GgufTensor;
    tensors.splice(index, 1, ...(change === null ? [] : [{ ...tensor, ...change }]));
    return undefined;
  });
}

function patched(offset: number, ...bytes: number[]): Uint8Array {
  const file = writeGguf(smallest());
  file.set(bytes, offset);
  return file;
}

function cases(): Case[] {
  const whole = writeGguf(smallest());
  const nan = new Uint8Array(24);
  nan.set([0, 0, 0xc0, 0x7f], 8);
  return [
    ['empty', new Uint8Array(0)],
    ['another magic', patched(0, 0x46)],
    ['version 2', patched(4, 2)],
    ['big endian', patched(4, 0, 0, 0, 3)],
    ['more tensors than there are', patched(8, 12)],
    ['more metadata than there is', patched(16, 8)],
    ['2^40 metadata entries', patched(16, 0, 0, 0, 0, 0, 1)],
    ['a key that is not UTF-8', patched(32, 0xff)],
    ['cut inside the data', whole.slice(0, whole.length - 32)],
    ['cut inside the header', whole.slice(0, 200)],
    ['an alignment of 24', withMetadata('general.alignment', u32(24))],
    ['a metadata integer beyond 2^53 - 1', withMetadata('llama.context_length', { type: 'u64', value: 2 ** 53 })],
    ['a repeated tensor', changed(({ tensors }) => ({ tensors: [...tensors, tensors[0] as GgufTensor] }))],
    ['no architecture', withMetadata('general.architecture', null)],
    ['another architecture', withMetadata('general.architecture', text('mamba'))],
    ['no head count', withMetadata('llama.attention.head_count', null)],
    ['KV heads that do not divide', withMetadata('llama.attention.head_count_kv', u32(3))],
    ['an odd head', withMetadata('llama.attention.key_length', u32(1))],
    ['yarn', withMetadata('llama.rope.scaling.type', text('yarn'))],
    ['experts', withMetadata('llama.expert_count', u32(8))],
    ['a sliding window', withMetadata('llama.attention.sliding_window', u32(4))],
    ['an epsilon of 0', withMetadata('llama.attention.layer_norm_rms_epsilon', { type: 'f32', value: 0 })],
    [
      'a vocabulary of another size',
      withMetadata('tokenizer.ggml.tokens', { type: 'array', of: 'string', values: [text('a'), text('b')] }),
    ],
    ['a missing tensor', withTensor(5, null)],
    ['a matrix of another shape', withTensor(5, { shape: [4, 1] })],
    ['a norm in F16', withTensor(1, { type: 'F16', data: new Uint8Array(4) })],
    [
      'a tensor that the architecture does not have',
      changed(({ tensors }) => ({
        tensors: [...tensors, { ...(tensors[1] as GgufTensor), name: 'output_norm.bias' }],
      })),
    ],
    ['a weight that is NaN', withTensor(0, { data: nan })],
  ];
}

/** The code with which loading `file` fails. */
async function loadCode(file: Uint8Array): Promise<string | null> {
  const source = memorySource(file);
  try {
    const header = await readGguf(source);
    for (const { info } of tensorPlan(await readModelConfig(source, header), header)) await readTensor(source, info);
    return null;
  } catch (error) {
    if (!RunproofError.isInstance(error)) throw error;
    return error.code;
  }
}

/** One valid file, and everything that can be wrong with it. */
export async function fileVectors(): Promise<[object[], object[]]> {
  const invalid: object[] = [];
  for (const [comment, file] of cases()) {
    const code = await loadCode(file);
    if (code === null) throw new Error(`the invalid model file "${comment}" is accepted`);
    invalid.push({ comment, file: encodeBase64(file), code });
  }
  return [
    [{ comment: 'the file that the invalid ones are made from', file: encodeBase64(writeGguf(smallest())) }],
    invalid,
  ];
}
