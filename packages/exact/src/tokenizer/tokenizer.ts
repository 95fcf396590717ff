// The tokenizer of a GGUF file (specs/exact-1.md §12): special tokens, then SentencePiece or byte-level BPE between them.
import { RunproofError, utf8 } from '@runproof/protocol';
import type { Tokenizer } from '../interfaces.ts';
import { BYTE_CHARACTERS, createBytePair } from './byte-pair.ts';
import { type Metadata, optionalBoolean, syntaxError } from './metadata.ts';
import { createSentencePiece, type FragmentEncoder, SPACE_MARK } from './sentence-piece.ts';
import { partition, type SpecialToken, specialTokensOf } from './special-tokens.ts';
import { readVocabulary, TOKEN_TYPE, TOKENIZER_LIMITS, type Vocabulary } from './vocabulary.ts';

const SPACE = 0x20;
const BYTE_SPELLING = /^<0x([0-9A-F]{2})>$/;
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);
const NOTHING = new Uint8Array(0);

/** What chat templates need beyond `Tokenizer`. */
export interface TemplateTokenizer extends Tokenizer {
  readonly specialTokens: readonly SpecialToken[];
  /** Spelling of BOS and EOS, empty when the model has none. */
  readonly bosSpelling: string;
  readonly eosSpelling: string;
  /**
   * Ids of `text` that holds control tokens and characters that a user wrote. No control token contains a character that ends at one of
   * the ascending UTF-16 positions `userEnds`. BOS stands in front exactly once if the model wants one.
   */
  encodeMarked(text: string, userEnds: readonly number[]): number[];
}

/** Byte of a byte token, `<0xNN>`; null for every other type. */
function byteOf({ spellings, types }: Vocabulary, id: number): number | null {
  if (types[id] !== TOKEN_TYPE.byte) return null;
  const digits = BYTE_SPELLING.exec(spellings[id] ?? '')?.[1];
  if (digits === undefined)
    throw syntaxError('tokenizer.ggml.tokens', `token ${id} has type byte, but is not spelled <0xNN>`);
  return Number.parseInt(digits, 16);
}

/** Bytes that text token `id` stands for. */
function textBytes({ family, spellings, types }: Vocabulary, id: number): Uint8Array {
  const spelling = spellings[id] ?? '';
  if (types[id] === TOKEN_TYPE.userDefined) return utf8(spelling);
  if (family === 'llama') return utf8(spelling.replaceAll(SPACE_MARK, ' '));
  const bytes = Array.from(spelling, (character) => BYTE_OF_CHARACTER.get(character));
  // Not spelled in the byte alphabet: a token that was added as it is.
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : utf8(spelling);
}

function isSpecial({ types }: Vocabulary, id: number): boolean {
  return types[id] === TOKEN_TYPE.control || types[id] === TOKEN_TYPE.unknown || types[id] === TOKEN_TYPE.userDefined;
}

/** Bytes of every id for `special: false`; null marks control and unknown tokens, whose spelling shows with `special: true`. */
function decodingTable(vocabulary: Vocabulary): readonly (Uint8Array | null)[] {
  return vocabulary.spellings.map((_, id) => {
    const type = vocabulary.types[id];
    if (type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown) return null;
    if (type === TOKEN_TYPE.unused) return NOTHING;
    const byte = byteOf(vocabulary, id);
    return byte === null ? textBytes(vocabulary, id) : Uint8Array.of(byte);
  });
}

/** As concatBytes of the protocol, for more parts than a call can have arguments. */
function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function checkLength(text: string): void {
  if (text.length <= TOKENIZER_LIMITS.textLength) return;
  const message = `the text has ${text.length} characters, at most ${TOKENIZER_LIMITS.textLength} are allowed`;
  throw new RunproofError('PARAMETER_INVALID', message, { length: text.length });
}

/** Everything that turns text into ids, apart from BOS. */
function createTextEncoder(metadata: Metadata, vocabulary: Vocabulary, special: readonly SpecialToken[]) {
  const stated = optionalBoolean(metadata, 'tokenizer.ggml.add_space_prefix');
  const addSpacePrefix = vocabulary.family === 'llama' && stated !== false;
  const byteIds = new Int32Array(256).fill(-1);
  vocabulary.spellings.forEach((_, id) => {
    const byte = byteOf(vocabulary, id);
    if (byte !== null) byteIds[byte] = id;
  });
  const encodeFragment: FragmentEncoder =
    vocabulary.family === 'llama'
      ? createSentencePiece(metadata, vocabulary, byteIds)
      : createBytePair(metadata, vocabulary);
  const append = (text: string, output: number[], parseSpecial: boolean, userEnds: readonly number[]): void => {
    checkLength(text);
    let afterSpecial = true;
    for (const piece of partition(text, special, parseSpecial, userEnds)) {
      if (typeof piece === 'number') output.push(piece);
      else encodeFragment(addSpacePrefix && afterSpecial ? ` ${piece}` : piece, output);
      afterSpecial = typeof piece === 'number';
    }
  };
  return { addSpacePrefix, append };
}

/**
 * The tokenizer that the metadata of a GGUF file describes. Throws `MODEL_SYNTAX` for damaged metadata and `MODEL_UNSUPPORTED` for another
 * kind of tokenizer, naming it and what is supported. `encode` throws `JSON_UNICODE` for a lone surrogate and `PARAMETER_INVALID` for a text
 * that is too long or that the vocabulary cannot spell; `decode` throws `PARAMETER_INVALID` for an id outside of the vocabulary.
 */
export function createTokenizer(metadata: Metadata): TemplateTokenizer {
  const vocabulary = readVocabulary(metadata);
  const { spellings, bos, eos } = vocabulary;
  const specialTokens = specialTokensOf(vocabulary);
  const table = decodingTable(vocabulary);
  const { addSpacePrefix, append } = createTextEncoder(metadata, vocabulary, specialTokens);

  const decodeToken = (id: number, options: { special?: boolean } = {}): Uint8Array => {
    const bytes = table[id];
    if (bytes === undefined)
      throw new RunproofError('PARAMETER_INVALID', `token id ${id} is not in the vocabulary`, { id });
    return bytes ?? (options.special === true ? utf8(spellings[id] ?? '') : NOTHING);
  };

  return {
    vocabSize: spellings.length,
    endOfGeneration: vocabulary.endOfGeneration,
    specialTokens,
    bosSpelling: bos === null ? '' : (spellings[bos] ?? ''),
    eosSpelling: eos === null ? '' : (spellings[eos] ?? ''),
    encode(text, options = {}) {
      const output: number[] = (options.addBos ?? vocabulary.addBos) && bos !== null ? [bos] : [];
      append(text, output, options.parseSpecial === true, []);
      return output;
    },
    encodeMarked(text, userEnds) {
      const output: number[] = [];
      append(text, output, true, userEnds);
      return vocabulary.addBos && bos !== null && output[0] !== bos ? [bos, ...output] : output;
    },
    decodeToken,
    decode(ids, options = {}) {
      const strip = options.start === true && addSpacePrefix;
      let fresh = true;
      const parts = ids.map((id) => {
        const bytes = decodeToken(id, options);
        const special = isSpecial(vocabulary, id);
        const part = strip && fresh && !special && bytes[0] === SPACE ? bytes.subarray(1) : bytes;
        fresh = special;
        return part;
      });
      return join(parts);
    },
  };
}
