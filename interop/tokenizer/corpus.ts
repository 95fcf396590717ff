// Texts that tokenizers disagree on, and the text that the small vocabularies are trained on.

/** Training text: several scripts, code and numbers, so that merges cross bytes, letters and marks. */
export const TRAINING_TEXT = `The quick brown fox doesn't jump over the lazy dogs; it's they who've jumped, and I'll say we're done, I'd say.
Once upon a time there was a little girl who lived in the woods. The girl had a red coat, and the coat had three buttons.
She said: "Where are you going?" and he answered: "Home, before the rain comes." There were 12 birds, 345 stones and 6789 leaves.
    for (let index = 0; index < count; index += 1) {
        if (values[index] === undefined) return null; // nothing there
        total += values[index] * 2.5e-3;
    }
\tdef tokenize(self, text):\n\t\treturn [token for token in self.split(text) if token != ""]\n\n
Der große Bär läuft über die Straße; Füße, Größe, Öl und Äpfel. L'été dernier, j'ai mangé des crêpes à la crème brûlée.
El niño pequeño soñó con montañas. Ça va? Où est-ce que tu habites? Até amanhã, coração.
Быстрая коричневая лиса перепрыгивает через ленивую собаку. Привет, как дела? Хорошо, спасибо.
東京は日本の首都です。私は毎日日本語を勉強します。今日はとても暑いですね。日本日本日本
北京是中国的首都。我每天学习中文。今天天气很好。中国中国中国
안녕하세요, 만나서 반갑습니다. 한국어를 공부합니다. 안녕하세요 안녕하세요
مرحبا بالعالم، كيف حالك اليوم؟ السلام عليكم ورحمة الله. مرحبا مرحبا
שלום עולם, מה שלומך היום? שלום שלום
नमस्ते दुनिया, आप कैसे हैं? नमस्ते नमस्ते
Καλημέρα κόσμε, τι κάνεις; Καλημέρα
สวัสดีชาวโลก สวัสดีครับ
🙂🙂🙂 👍🏽 👩‍👩‍👧‍👦 👩‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️❤️ 🎉🎉 🙂👍🏽
const x = { a: 1, "b": [2, 3, 4], c: null }; x.y.z(); foo_bar(baz)->qux; a != b && c >= d || !e; <div class="x">text</div>
http://example.org/path/to/file.html?query=1&other=2#part ... --- === *** ### ~~~ $$$ @@@ ??? !!!
the there then them these they that this those thing think three through; ing ing ing tion tion ation ness ness ment ment
1 12 123 1234 12345 2024-01-31 23:59:59 3.14159 1,000,000 0xDEADBEEF ½ ² ³ ٣ ४ 五
`;

/** Texts of every kind that ever broke a tokenizer. */
export const NASTY_TEXTS: readonly string[] = [
  ...[
    '',
    ' ',
    '  ',
    '   ',
    '\n',
    '\n\n',
    '\n \n',
    ' \n',
    '\n ',
    '\t',
    '\t\t ',
    '\r',
    '\r\n',
    '\r\n\r\n',
    '\n\r',
    '  \n  x',
    'x  ',
    'x \n',
    ' x',
  ],
  ...[
    'a',
    'the',
    ' the',
    'The',
    ' The',
    'the the',
    'Hello, world!',
    'Hello  world',
    'Hello   world',
    'Hello\tworld',
    '\tHello',
    '\u00a0Hello',
  ],
  ...[
    "it's",
    "IT'S",
    "It'S",
    "we've WE'VE",
    "they'Re",
    "I'll I'LL",
    "I'd",
    "I'M",
    "'s",
    "'",
    "''",
    "'t'",
    "x'",
    " 's",
    "rock'n'roll",
    'it’s',
    "'ſ",
    "'ve",
  ],
  ...[
    '1',
    '12',
    '123',
    '1234',
    '12345678901234567890',
    ' 1',
    ' 12',
    '1 2',
    '1a2b',
    'a1',
    '3.14',
    '1,000',
    '٣٤٥٦',
    '½²³',
    '１２３４',
    '12三四',
    '1²345',
    'Ⅷ',
  ],
  ...[
    'naïve café',
    'nai\u0308ve cafe\u0301',
    'e\u0301\u0301\u0301',
    '\u0301',
    ' \u0301a',
    'ZA\u030alGO\u0337\u0321',
    'ﬁ ﬂ',
    'ǅ ǆ',
    'İıſK',
    'ß ẞ',
  ],
  ...[
    '日本語',
    '日本',
    '中国中国',
    '今日は',
    '東京 2024',
    '한국어',
    '안녕',
    '\u1100\u1161\u11a8',
    '𠮷野家',
    '㐀',
    'สวัสดี',
    'नमस्ते',
    'क्षि',
  ],
  ...[
    'مرحبا بالعالم',
    'שלום',
    '\u202eabc\u202c',
    '\u200fא',
    'a\u200bb',
    'a\u200cb',
    'a\u200db',
    '\ufeffBOM',
    'x\ufeffy',
    'soft\u00adhyphen',
    '\u2028\u2029',
    '\u0085',
  ],
  ...[
    '🙂',
    '👍🏽',
    '👩‍👩‍👧‍👦',
    '🇩🇪',
    '🏴\u{e0067}\u{e0062}\u{e007f}',
    '❤️',
    '🙂🙂🙂🙂',
    'a🙂b',
    ' 🙂',
    '🙂1',
    '\u{1F600}\u{1F601}',
    '#️⃣',
  ],
  ...[
    '\u0000',
    '\u0001\u0002\u0003',
    'a\u0000b',
    '\u001b[31mred\u001b[0m',
    '\u007f',
    '\u0080\u009f',
    '\u001c\u001d\u001e\u001f',
    '\u000b\u000c',
  ],
  ...[
    '\ufffd',
    '\uffff',
    '\ufdd0',
    '\u{10ffff}',
    '\ue000',
    '\u{f0000}',
    '\u{1fffe}',
    '\u0378',
    '\u{2fa1d}',
    '\u2ffc',
    '\u{323af}',
    '\u1c89',
    '\u{1e5ff}',
  ],
  ...[
    '<|im_end|>',
    '<|im_end|>\n',
    '<|im_start|>user',
    'x<|endoftext|>y',
    '<s>',
    '</s>',
    '<unk>',
    '<0x0A>',
    '<|im_<|im_end|>end|>',
    '<tool_call>{"a":1}</tool_call>',
    '<tool>',
  ],
  ...[
    'a    b',
    '        ',
    '     x',
    'if x:\n    return\n',
    '\n\n\n\n',
    '\n\n\n\n\n',
    'x\n\n\n\ny',
    '日本日本',
    '  日本',
  ],
  ...[
    'foo_bar',
    'fooBar',
    'FOO-BAR',
    'a.b.c',
    'x->y',
    '(a)',
    '[[b]]',
    '{"k": [1, 2]}',
    'a+b=c',
    '$100',
    '~/x',
    '`code`',
    '^_^',
    'C:\\dir\\x',
    'a|b',
    '%%',
    '@me #tag',
  ],
  ...[
    '...',
    '!!!',
    '?!?!',
    '-- --',
    '—',
    '“quoted”',
    '¿qué?',
    '«a»',
    '、。',
    '（）',
    '﷽',
    '℃',
    '€5',
    '£',
    '¥',
    '₿',
    '™',
    '§',
    '¶',
    '…',
  ],
  ...['▁', '▁▁a', 'a▁b', ' ▁ ', 'Ġ', 'Ċ', 'Ġthe', 'Â', 'Ã©', 'ĠĠ'],
  TRAINING_TEXT,
];

/** Long runs of one kind. */
export const LONG_RUNS: readonly string[] = [
  'a',
  ' ',
  '\n',
  '1',
  '.',
  '日',
  '🙂',
  'ab',
  ' a',
  'a ',
  '\n ',
  '\r\n',
  '=',
  '\u0301',
  'the ',
  '日本',
  '    ',
].map((unit) => unit.repeat(1500));

/** splitmix32: a sequence of 32-bit words from a seed. */
export function randomWords(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = state ^ (state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
}

const BLOCKS: readonly (readonly [number, number])[] = [
  ...([
    [0x20, 0x7e],
    [0x20, 0x7e],
    [0x61, 0x7a],
    [0x61, 0x7a],
    [0x00, 0x1f],
    [0x80, 0x24f],
    [0x300, 0x36f],
    [0x370, 0x5ff],
  ] as const),
  ...([
    [0x600, 0x8ff],
    [0x900, 0xdff],
    [0x1100, 0x11ff],
    [0x2000, 0x206f],
    [0x2070, 0x2bff],
    [0x3000, 0x30ff],
    [0x4e00, 0x9fff],
  ] as const),
  ...([
    [0xac00, 0xd7a3],
    [0xe000, 0xffff],
    [0x10000, 0x1ffff],
    [0x1f300, 0x1faff],
    [0x20000, 0x3ffff],
    [0xe0000, 0x10ffff],
  ] as const),
];
const GLUE = [' ', ' ', '  ', '\n', '\t', "'", "'s", '.', '\r\n', '1', '12', '\u200d', '\u0301'];

/** `count` texts without lone surrogates, of up to `lengthMax` characters from many blocks, glued with what moves word boundaries. */
export function randomTexts(seed: number, count: number, lengthMax: number): string[] {
  const next = randomWords(seed);
  return Array.from({ length: count }, () => {
    let text = '';
    for (let left = 1 + (next() % lengthMax); left > 0; left -= 1) {
      const [first, last] = BLOCKS[next() % BLOCKS.length] ?? [0x20, 0x7e];
      const point = first + (next() % (last - first + 1));
      if (point < 0xd800 || point > 0xdfff) text += String.fromCodePoint(point);
      if (next() % 3 === 0) text += GLUE[next() % GLUE.length] ?? ' ';
    }
    return text;
  });
}
