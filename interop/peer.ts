// node-llama-cpp as the judge: always the prebuilt CPU binary, one thread, no download, no compilation.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GgufMetadataValue, type GgufTensor, writeGguf } from '@runproof/exact/testing';
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type Token } from 'node-llama-cpp';
import type { VocabularyFile } from './tokenizer/train.ts';

let llama: Promise<Llama> | null = null;

export function loadPeer(): Promise<Llama> {
  llama ??= getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    maxThreads: 1,
  });
  return llama;
}

let folder: string | null = null;

/** Writes a model file where the peer can open it; returns its path. */
export function writeModelFile(name: string, bytes: Uint8Array): string {
  folder ??= mkdtempSync(join(tmpdir(), 'runproof-interop-'));
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** The GGUF types that converters give to the metadata of a tokenizer. */
export function typedMetadata(vocabulary: VocabularyFile): Map<string, GgufMetadataValue> {
  const typed = new Map<string, GgufMetadataValue>();
  for (const [key, value] of Object.entries(vocabulary)) {
    if (typeof value === 'string') typed.set(key, { type: 'string', value });
    else if (typeof value === 'boolean') typed.set(key, { type: 'bool', value });
    else if (typeof value === 'number') typed.set(key, { type: 'u32', value });
    else {
      const of = typeof value[0] === 'string' ? 'string' : key.endsWith('.scores') ? 'f32' : 'i32';
      typed.set(key, {
        type: 'array',
        of,
        values: value.map((item) => ({ type: of, value: item }) as GgufMetadataValue),
      });
    }
  }
  return typed;
}

const WIDTH = 32;

/** The smallest body that the peer accepts: one layer of zeros. */
function emptyLayer(vocabSize: number): GgufTensor[] {
  const tensor = (name: string, ...shape: number[]): GgufTensor => {
    return {
      name,
      type: 'F32',
      shape,
      data: new Uint8Array(4 * shape.reduce((product, length) => product * length, 1)),
    };
  };
  const matrices = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
  return [
    tensor('token_embd.weight', WIDTH, vocabSize),
    tensor('output_norm.weight', WIDTH),
    ...['attn_norm', 'ffn_norm'].map((name) => tensor(`blk.0.${name}.weight`, WIDTH)),
    ...matrices.map((name) => tensor(`blk.0.${name}.weight`, WIDTH, WIDTH)),
  ];
}

/** The peer's tokenizer for a vocabulary. */
export async function loadPeerVocabulary(name: string, vocabulary: VocabularyFile): Promise<LlamaModel> {
  const u32 = (value: number): GgufMetadataValue => ({ type: 'u32', value });
  const metadata = new Map<string, GgufMetadataValue>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['llama.context_length', u32(512)],
    ['llama.embedding_length', u32(WIDTH)],
    ['llama.block_count', u32(1)],
    ['llama.feed_forward_length', u32(WIDTH)],
    ['llama.attention.head_count', u32(1)],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'f32', value: 1e-5 }],
    ['llama.rope.dimension_count', u32(WIDTH)],
    ...typedMetadata(vocabulary),
  ]);
  const tokens = vocabulary['tokenizer.ggml.tokens'] as readonly string[];
  const modelPath = writeModelFile(`${name}.gguf`, writeGguf({ metadata, tensors: emptyLayer(tokens.length) }));
  return (await loadPeer()).loadModel({ modelPath, vocabOnly: true, gpuLayers: 0 });
}

/** Raw logits of the peer behind each of `ids`, re-indexed by token id. One pass, no flash attention, one thread. */
export async function peerLogits(model: LlamaModel, ids: readonly number[]): Promise<Float32Array[]> {
  const context = await model.createContext({
    contextSize: Math.max(64, ids.length + 8),
    batchSize: 512,
    sequences: 1,
    threads: 1,
    flashAttention: false,
  });
  try {
    const sequence = context.getSequence();
    const results = await sequence.controlledEvaluate(
      ids.map((id) => [id as Token, { generateNext: { logits: true } }]),
    );
    return results.map((result) => {
      const logits = new Float32Array(model.fileInfo.metadata.tokenizer.ggml.tokens.length);
      // The map is sorted by value, not by token.
      for (const [token, value] of result?.next.logits ?? []) logits[token] = value;
      return logits;
    });
  } finally {
    await context.dispose();
  }
}

/** A whole model in the peer. */
export async function loadPeerModel(modelPath: string): Promise<LlamaModel> {
  return (await loadPeer()).loadModel({ modelPath, gpuLayers: 0, useMmap: false });
}
