// A small vocabulary for test models: every byte, three control tokens, then pairs of letters.
import { RunproofError } from '@runproof/protocol';
import type { GgufMetadataValue } from './write-gguf.ts';

/** Ids of the control tokens, which follow the 256 bytes. */
export const BYTE_VOCABULARY = { endOfText: 256, messageStart: 257, messageEnd: 258, smallest: 259 } as const;

const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Types of tokens in GGUF: 1 is ordinary text, 3 a control token, 5 unused. */
const NORMAL = 1;
const CONTROL = 3;
const UNUSED = 5;

/** GPT-2 writes bytes as printable characters: those that print stand for themselves, the others follow from U+0100. */
function byteSpellings(): string[] {
  const prints = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : next++));
}

function strings(values: readonly string[]): GgufMetadataValue {
  return { type: 'array', of: 'string', values: values.map((value) => ({ type: 'string', value })) };
}

/** Tokenizer metadata (byte-level BPE, ChatML template) of `vocabSize` tokens, at least 259. */
export function byteVocabulary(vocabSize: number): Map<string, GgufMetadataValue> {
  if (vocabSize < BYTE_VOCABULARY.smallest)
    throw new RunproofError('INTERNAL', `a byte vocabulary has at least ${BYTE_VOCABULARY.smallest} tokens`);
  const tokens = [...byteSpellings(), '<|endoftext|>', '<|im_start|>', '<|im_end|>'];
  const types = [...Array.from({ length: 256 }, () => NORMAL), CONTROL, CONTROL, CONTROL];
  const merges: string[] = [];
  const letters = 'etaoinshrdlcumwfgypbvkjxqz';
  for (let index = 0; tokens.length < vocabSize; index += 1) {
    const first = letters[Math.floor(index / letters.length)];
    const second = letters[index % letters.length];
    if (first === undefined || second === undefined) {
      tokens.push(`<unused_${index}>`);
      types.push(UNUSED);
    } else {
      tokens.push(first + second);
      types.push(NORMAL);
      merges.push(`${first} ${second}`);
    }
  }
  return new Map<string, GgufMetadataValue>([
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', strings(tokens)],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'i32', values: types.map((value) => ({ type: 'i32', value })) }],
    ['tokenizer.ggml.merges', strings(merges)],
    ['tokenizer.ggml.bos_token_id', { type: 'u32', value: BYTE_VOCABULARY.endOfText }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: BYTE_VOCABULARY.messageEnd }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
    ['tokenizer.chat_template', { type: 'string', value: CHAT_TEMPLATE }],
  ]);
}
