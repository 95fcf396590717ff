export { BYTE_VOCABULARY, byteVocabulary } from './byte-vocabulary.ts';
export { memorySource } from './memory-source.ts';
export { decodeTensor, encodeTensor } from './quantize.ts';
export { SeededRandom } from './random.ts';
export { type RandomModelOptions, randomModel } from './random-model.ts';
export { type GgufContent, type GgufMetadataValue, type GgufTensor, writeGguf } from './write-gguf.ts';
