export {
  bindKernels,
  detectVariant,
  KERNEL_VARIANTS,
  type Kernels,
  type KernelVariant,
  kernelsDigest,
} from './engine/kernels.ts';
export { type LoadOptions, loadExactModel } from './engine/load.ts';
export type { KernelSetup, ParallelRunner, RunTape } from './engine/parallel.ts';
export type { BatchJob, BatchModel, BatchResult } from './engine/wasm-model.ts';
export { readGguf } from './gguf/reader.ts';
export { type ReadTensorOptions, readTensor, readTensorChunks, type TensorChunk } from './gguf/tensor-data.ts';
export { GGUF_LIMITS, type GgufFile, type GgufValue, TENSOR_LAYOUT, type TensorInfo } from './gguf/types.ts';
export {
  ARCHITECTURES,
  type Architecture,
  type ByteSource,
  type ChatMessage,
  type ChatTemplate,
  type ExactModel,
  type ModelConfig,
  type Sequence,
  TENSOR_TYPES,
  type TensorType,
  type Tokenizer,
} from './interfaces.ts';
export { parseModelConfig, readModelConfig } from './model/config.ts';
export { type PlannedTensor, type TensorRole, tensorPlan } from './model/plan.ts';
export { loadOracle } from './oracle/model.ts';
export {
  type GenerateEnd,
  type GenerateStep,
  Generation,
  type GenerationOptions,
  type GenerationStep,
  generate,
} from './sampling/generation.ts';
export type { Sha256 } from './sampling/gumbel.ts';
export { type Logprob, tokenLogprobs } from './sampling/logprobs.ts';
export {
  type ReplayOptions,
  type ReplayProgressStep,
  replay,
  replaySteps,
} from './sampling/replay.ts';
export { type SampleContext, Sampler, type SamplerOptions, sample } from './sampling/sampler.ts';
export { TextAssembler, type TextDelta } from './sampling/text-assembler.ts';
export { CONTRACT, EMPTY_TRACE, TokenTrace, TRACE_PREFIX_BYTES } from './sampling/trace.ts';
export { createChatTemplate, TEMPLATE_CLOCK_MS, TEMPLATE_LIMITS } from './tokenizer/chat-template.ts';
export { createTokenizer, type TemplateTokenizer } from './tokenizer/tokenizer.ts';
export { TOKENIZER_LIMITS } from './tokenizer/vocabulary.ts';
