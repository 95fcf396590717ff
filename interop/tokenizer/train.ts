// Trains two small vocabularies, one per tokenizer family, on the text of corpus.ts. Deterministic.
import { NASTY_TEXTS, TRAINING_TEXT } from './corpus.ts';

/** GGUF metadata of a tokenizer as plain JSON. */
export type VocabularyFile = Readonly<
  Record<string, string | boolean | number | readonly string[] | readonly number[]>
>;

const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

interface Counted {
  symbols: string[];
  count: number;
}

/** The most frequent pair of neighbours, the first in code unit order at a tie; null when none occurs twice. */
function bestPair(words: readonly Counted[], lengthMax: number): [string, string] | null {
  const counts = new Map<string, { pair: [string, string]; count: number }>();
  for (const { symbols, count } of words) {
    for (let index = 0; index + 1 < symbols.length; index += 1) {
      const [left, right] = [symbols[index] ?? '', symbols[index + 1] ?? ''];
      if (left.length + right.length > lengthMax) continue;
      const key = `${left} ${right}`;
      const entry = counts.get(key) ?? { pair: [left, right] as [string, string], count: 0 };
      entry.count += count;
      counts.set(key, entry);
    }
  }
  let best: { key: string; pair: [string, string]; count: number } | null = null;
  for (const [key, { pair, count }] of counts) {
    if (count < 2) continue;
    if (best === null || count > best.count || (count === best.count && key < best.key)) best = { key, pair, count };
  }
  return best === null ? null : best.pair;
}

function join(words: readonly Counted[], [left, right]: [string, string]): void {
  for (const word of words) {
    const joined: string[] = [];
    for (let index = 0; index < word.symbols.length; index += 1) {
      const pairHere = word.symbols[index] === left && word.symbols[index + 1] === right;
      joined.push(pairHere ? left + right : (word.symbols[index] ?? ''));
      if (pairHere) index += 1;
    }
    word.symbols = joined;
  }
}

function train(words: readonly string[][], merges: number, lengthMax: number): [string, string][] {
  const counted = new Map<string, Counted>();
  for (const symbols of words) {
    const key = symbols.join(' ');
    const entry = counted.get(key) ?? { symbols, count: 0 };
    entry.count += 1;
    counted.set(key, entry);
  }
  const list = [...counted.values()];
  const pairs: [string, string][] = [];
  while (pairs.length < merges) {
    const pair = bestPair(list, lengthMax);
    if (pair === null) break;
    pairs.push(pair);
    join(list, pair);
  }
  return pairs;
}

export function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(prints ? byte : next++);
  });
}

/** Byte-level BPE. Words are cut loosely, so that merges exist across the boundaries that the pre-tokenizers draw differently. */
export function trainBytePair(): VocabularyFile {
  const characters = byteCharacters();
  const spell = (text: string): string[] => Array.from(Buffer.from(text, 'utf8'), (byte) => characters[byte] ?? '');
  const words = (TRAINING_TEXT.match(/\s*\S{1,12}|\s+/gu) ?? []).map(spell);
  // Runs of spaces, line ends and digits come last: merges that only some pre-tokenizers let through.
  const runs = [
    '    ',
    '        ',
    '\n\n',
    '\n\n\n',
    ' \n',
    '\r\n',
    '\r\n\r\n',
    '12',
    '123',
    '345',
    '6789',
    "'s",
    "'ve",
    '.\n',
    ';\n',
    ')\n\n',
  ];
  const merges = train([...words, ...runs.flatMap((run) => [spell(run), spell(run), spell(run)])], 900, 24);
  const tokens = new Map<string, number>(characters.map((character) => [character, TYPE.normal]));
  for (const [left, right] of merges) tokens.set(left + right, TYPE.normal);
  // Tokens that no merge makes: only a rule that looks whole words up can find them.
  for (const word of [
    ' answered',
    ' perpendicular',
    ' Größe',
    '日本語',
    'ABCDEF',
    ' ...',
    '\n\n\n\n\n\n',
    ' 1000',
    ' Hello',
    '안녕',
  ]) {
    const spelling = spell(word).join('');
    if (!tokens.has(spelling)) tokens.set(spelling, TYPE.normal);
  }
  for (const special of ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|im_end|>\n', '<s>'])
    tokens.set(special, TYPE.control);
  for (const added of ['<tool>', '<tool_call>', '</tool_call>', '日本日本', '\n\n\n\n', '     '])
    tokens.set(added, TYPE.userDefined);
  tokens.set('[unused0]', TYPE.unused);
  const spellings = [...tokens.keys()];
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': spellings,
    'tokenizer.ggml.token_type': [...tokens.values()],
    'tokenizer.ggml.merges': merges.map(([left, right]) => `${left} ${right}`),
    'tokenizer.ggml.bos_token_id': spellings.indexOf('<|endoftext|>'),
    'tokenizer.ggml.eos_token_id': spellings.indexOf('<|im_end|>'),
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.chat_template': CHAT_TEMPLATE,
  };
}

/** SentencePiece-style. Scores fall with the order of the merges, three at a time equal, so that ties are decided too. */
export function trainSentencePiece(): VocabularyFile {
  const marked = `${TRAINING_TEXT}${NASTY_TEXTS.slice(0, 60).join(' ')}`.replaceAll(' ', '▁');
  const pieces = (marked.match(/\n+|▁*[^▁\n]*/gu) ?? [])
    .filter((piece) => piece !== '')
    .map((piece) => Array.from(piece));
  const spaces = ['▁▁', '▁▁▁▁', '▁▁▁▁▁▁▁▁'].flatMap((run) => [Array.from(run), Array.from(run)]);
  const merges = train([...pieces, ...spaces], 700, 12);
  const tokens = new Map<string, readonly [type: number, score: number]>();
  tokens.set('<unk>', [TYPE.unknown, 0]);
  for (const special of ['<s>', '</s>', '<|im_start|>', '<|im_end|>']) tokens.set(special, [TYPE.control, 0]);
  for (let byte = 0; byte < 256; byte += 1)
    tokens.set(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, [TYPE.byte, 0]);
  for (const added of ['<tool>', '<tool_call>', '日本日本', '     ']) tokens.set(added, [TYPE.userDefined, 0]);
  for (const [index, [left, right]] of merges.entries()) {
    tokens.set(left + right, [TYPE.normal, -Math.floor(index / 3)]);
  }
  const counts = new Map<string, number>();
  for (const character of marked) counts.set(character, (counts.get(character) ?? 0) + 1);
  for (const [character, count] of counts) {
    // Rare characters are no tokens: they are spelled in bytes. Line ends always are.
    if (count > 1 && character !== '\n' && character !== '\t') tokens.set(character, [TYPE.normal, -1000]);
  }
  const spellings = [...tokens.keys()];
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.tokens': spellings,
    'tokenizer.ggml.scores': [...tokens.values()].map(([, score]) => score),
    'tokenizer.ggml.token_type': [...tokens.values()].map(([type]) => type),
    'tokenizer.ggml.bos_token_id': spellings.indexOf('<s>'),
    'tokenizer.ggml.eos_token_id': spellings.indexOf('</s>'),
    'tokenizer.ggml.unknown_token_id': spellings.indexOf('<unk>'),
    'tokenizer.chat_template': CHAT_TEMPLATE,
  };
}

/**
 * A vocabulary that shows where words end: single bytes, and merges across the edges of every character beyond ASCII, so that a word boundary
 * before or behind it changes the ids.
 */
export function probeVocabulary(preTokenizer: string): VocabularyFile {
  const characters = byteCharacters();
  const at = (first: number, last: number): string[] => characters.slice(first, last + 1);
  const [leads, tails] = [at(0xc2, 0xf4), at(0x80, 0xbf)];
  const pairs = ['a', 'Ġ', '.', '1'].flatMap((left) => leads.map((right) => [left, right] as const));
  for (const tail of tails) for (const right of ['b', '1', '.', 'Ġ', ...leads]) pairs.push([tail, right]);
  const spellings = [...characters, ...pairs.map(([left, right]) => left + right)];
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': preTokenizer,
    'tokenizer.ggml.tokens': spellings,
    'tokenizer.ggml.token_type': spellings.map(() => TYPE.normal),
    'tokenizer.ggml.merges': pairs.map(([left, right]) => `${left} ${right}`),
    'tokenizer.ggml.bos_token_id': 0,
    'tokenizer.ggml.eos_token_id': 0,
    'tokenizer.ggml.add_bos_token': false,
  };
}
