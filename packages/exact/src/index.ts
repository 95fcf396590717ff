export { readGguf } from './gguf/reader.ts';
export { readTensor, readTensorChunks, type ReadTensorOptions, type TensorChunk } from './gguf/tensor-data.ts';
export { GGUF_LIMITS, type GgufFile, type GgufValue, TENSOR_LAYOUT, type TensorInfo } from './gguf/types.ts';
export { parseModelConfig, readModelConfig } from './model/config.ts';
export { type PlannedTensor, type TensorRole, tensorPlan } from './model/plan.ts';
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
