// The vocabulary of a GGUF file, checked (specs/exact-1.md §12.1). Every string here comes from an untrusted file.
import { RunproofError } from '@runproof/protocol';
import {
  type Metadata,
  numberList,
  optionalBoolean,
  optionalId,
  optionalString,
  stringList,
  syntaxError,
} from './metadata.ts';
import { PRE_TOKENIZERS } from './pre-tokenizers.ts';

/** Bounds, each several times what published models need. */
export const TOKENIZER_LIMITS = {
  tokens: 2 ** 20,
  merges: 2 ** 21 - 1,
  /** UTF-16 units of one token */
  spellingLength: 4096,
  /** UTF-16 units of one text */
  textLength: 2 ** 24,
} as const;

/** Token types of GGUF, `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/**
 * Spellings that end a generation in the models of a family, whatever type the file gives them; such a token is a control token. The list
 * is llama.cpp's, without the names of families that this package cannot run.
 */
const END_SPELLINGS: ReadonlySet<string> = new Set(
  (
    '<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> <|endoftext|> </s> <|eom_id|> ' +
    '<EOT> _<EOT> [EOT] [EOS] <|end_of_text|> <end_of_utterance> <eos> <｜end▁of▁sentence｜> ' +
    '<|fim_pad|> <|repo_name|> <|file_sep|>'
  ).split(' '),
);

export interface Vocabulary {
  readonly family: 'llama' | 'gpt2';
  /** `tokenizer.ggml.pre` of the family gpt2 */
  readonly preTokenizer: string;
  /** id → spelling as the file has it */
  readonly spellings: readonly string[];
  /** id → TOKEN_TYPE, control where the spelling makes it one */
  readonly types: Uint8Array;
  /** spelling → id of what ordinary text may become: normal and user-defined tokens */
  readonly textTokens: ReadonlyMap<string, number>;
  /** spelling → id of every token that has a spelling */
  readonly allTokens: ReadonlyMap<string, number>;
  /** UTF-16 units of the longest text token */
  readonly longest: number;
  readonly bos: number | null;
  readonly eos: number | null;
  readonly addBos: boolean;
  readonly endOfGeneration: ReadonlySet<number>;
}

function readFamily(metadata: Metadata): 'llama' | 'gpt2' {
  const key = 'tokenizer.ggml.model';
  const model = optionalString(metadata, key);
  if (model === null) throw syntaxError(key, 'missing');
  if (model === 'llama' || model === 'gpt2') return model;
  throw new RunproofError('MODEL_UNSUPPORTED', `${key} is "${model}"; supported are llama and gpt2`, {
    key,
    value: model,
  });
}

function readPreTokenizer(metadata: Metadata, family: 'llama' | 'gpt2'): string {
  const key = 'tokenizer.ggml.pre';
  const name = optionalString(metadata, key) ?? 'default';
  if (family === 'llama' || PRE_TOKENIZERS.has(name)) return name;
  const supported = [...PRE_TOKENIZERS.keys()];
  throw new RunproofError('MODEL_UNSUPPORTED', `${key} is "${name}"; supported are ${supported.join(', ')}`, {
    key,
    value: name,
  });
}

function readTypes(metadata: Metadata, spellings: readonly string[]): Uint8Array {
  const key = 'tokenizer.ggml.token_type';
  const types = new Uint8Array(spellings.length);
  numberList(metadata, key, spellings.length).forEach((type, id) => {
    if (!Number.isInteger(type) || type < TOKEN_TYPE.normal || type > TOKEN_TYPE.byte) {
      throw syntaxError(key, `token ${id} has type ${type}, expected 1 to 6`);
    }
    types[id] = END_SPELLINGS.has(spellings[id] ?? '') ? TOKEN_TYPE.control : type;
  });
  return types;
}

function indexSpellings(spellings: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>();
  spellings.forEach((spelling, id) => {
    if (spelling === '') return;
    const other = ids.get(spelling);
    if (other !== undefined)
      throw syntaxError('tokenizer.ggml.tokens', `tokens ${other} and ${id} have the same spelling`);
    ids.set(spelling, id);
  });
  return ids;
}

function endIds(metadata: Metadata, spellings: readonly string[], eos: number | null): Set<number> {
  const ends = new Set<number>();
  if (eos !== null) ends.add(eos);
  for (const name of ['eot', 'eom']) {
    const id = optionalId(metadata, `tokenizer.ggml.${name}_token_id`, spellings.length);
    if (id !== null) ends.add(id);
  }
  spellings.forEach((spelling, id) => {
    if (END_SPELLINGS.has(spelling)) ends.add(id);
  });
  return ends;
}

/** Reads and checks the vocabulary. Throws `MODEL_SYNTAX` or `MODEL_UNSUPPORTED`. */
export function readVocabulary(metadata: Metadata): Vocabulary {
  const family = readFamily(metadata);
  const preTokenizer = readPreTokenizer(metadata, family);
  const tokensKey = 'tokenizer.ggml.tokens';
  const spellings = stringList(metadata, tokensKey, TOKENIZER_LIMITS.tokens, TOKENIZER_LIMITS.spellingLength);
  if (spellings.length === 0) throw syntaxError(tokensKey, 'no tokens');
  const types = readTypes(metadata, spellings);
  const allTokens = indexSpellings(spellings);
  const textTokens = new Map<string, number>();
  let longest = 0;
  for (const [spelling, id] of allTokens) {
    if (types[id] !== TOKEN_TYPE.normal && types[id] !== TOKEN_TYPE.userDefined) continue;
    textTokens.set(spelling, id);
    longest = Math.max(longest, spelling.length);
  }
  const bos = optionalId(metadata, 'tokenizer.ggml.bos_token_id', spellings.length);
  const eos = optionalId(metadata, 'tokenizer.ggml.eos_token_id', spellings.length);
  const addBosKey = 'tokenizer.ggml.add_bos_token';
  const stated = optionalBoolean(metadata, addBosKey);
  if (stated === true && bos === null)
    throw syntaxError(addBosKey, 'true, but there is no tokenizer.ggml.bos_token_id');
  const usual = family === 'llama' || PRE_TOKENIZERS.get(preTokenizer)?.addBos === true;
  const addBos = bos !== null && (stated ?? usual);
  const endOfGeneration = endIds(metadata, spellings, eos);
  return { family, preTokenizer, spellings, types, textTokens, allTokens, longest, bos, eos, addBos, endOfGeneration };
}
