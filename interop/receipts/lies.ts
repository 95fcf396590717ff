// Texts that a node could have been sent or could send, honest and not: where readers of one page are likely to part.
import type { JsonObject, JsonValue } from '@runproof/protocol';

const TALK = '"messages":[{"role":"user","content":"Tell me a story about a fox."}]';

/** Members that stand beside messages and `"max_tokens":8` in the request of a chat completion. */
const MEMBERS = [
  ...[
    '"max_completion_tokens":9',
    '"max_completion_tokens":7',
    '"seed":0.5',
    '"seed":1',
    '"top_k":-1',
    '"prompt":null',
    '"prompt":"x"',
  ],
  ...['"model":5', '"model":""', '"model":"runproof-tiny"', '"model":"other"', '"n":1.0', '"n":2', '"stream":"yes"'],
  ...['"echo":false', '"best_of":1', '"suffix":""', '"logprobs":5', '"top_logprobs":"x"', '"__proto__":1'],
  ...['"toString":null', '"stop":[]', '"stop":[null]', '"response_format":{"type":"text","x":1}', '"user":{"a":1}'],
  ...['"modalities":["text","audio"]', '"tools":[{}]', '"tools":{}', '"temperature":1.0', '"logit_bias":[]'],
  ...[
    '"temperature":1e0,"top_p":1.0,"logit_bias":{}',
    '"logit_bias":{"4294967295":1}',
    '"logit_bias":{"4294967296":1}',
  ],
  `"a":${'['.repeat(33)}${']'.repeat(33)}`,
];

const CONTENTS = [
  ...['null', '[]', '1', '"\\uffff"', '[{"type":"text","text":"x"}]', '[{"type":"text","text":"x","y":1}]'],
  ...['[{"type":"text","text":"x","y":null}]', '[{"type":"text"}]', '[{"type":"image_url","text":"x"}]'],
  ...['"x","name":"bob"', '"x","name":null,"y":[]', '"x","tool_calls":[]', '"x","role":"tool"'],
];

export const CHAT_REQUESTS: readonly string[] = [
  ...['hello', '[]', '{}', `{${TALK},"max_tokens":8}`, ` {${TALK},"max_tokens":8}\n`, `\ufeff{${TALK},"max_tokens":8}`],
  ...MEMBERS.map((member) => `{${TALK},"max_tokens":8,${member}}`),
  ...['0', '"a"', '8'].map((value) => `{${TALK},"max_tokens":${value},"max_completion_tokens":8}`),
  ...CONTENTS.map((content) => `{"messages":[{"role":"user","content":${content}}],"max_tokens":8}`),
  ...[
    '{"role":"assistant","content":"x"}',
    '{"role":"assistant","content":null,"tool_calls":[]}',
    '1',
    '{"content":"x"}',
  ].map((message) => `{"messages":[${message}],"max_tokens":8}`),
];

export const TEXT_REQUESTS: readonly string[] = [
  ...['{"prompt":"x","messages":[]}', '{"prompt":"x","messages":[{"role":"user","content":"x"}]}'],
  ...['{}', '{"prompt":"x","max_completion_tokens":9}', '{"prompt":"x","response_format":{"type":"text"}}'],
  ...[
    '"x"',
    '["x"]',
    '["x","y"]',
    '[]',
    '[[]]',
    '[1,2]',
    '[[1,2]]',
    '[[1],[2]]',
    '[[1,"a"]]',
    '[1,"a"]',
    '[-1]',
    '""',
    '[""]',
  ].map((prompt) => `{"prompt":${prompt}}`),
  ...['[4294967296]', '{}', '5', 'null', '[["a"]]', '[[[1]]]', '[1.5]'].map((prompt) => `{"prompt":${prompt}}`),
];

const MESSAGE = { role: 'assistant', content: 'hi' };

const MESSAGES: readonly JsonValue[] = [
  ...[{ content: 'hi' }, { ...MESSAGE, role: 'system' }, { ...MESSAGE, role: null }, { ...MESSAGE, role: 5 }],
  ...[null, [], { ...MESSAGE, refusal: null, x: [] }, { ...MESSAGE, refusal: '' }, { ...MESSAGE, logprobs: 5 }],
  ...[
    { ...MESSAGE, x: {} },
    { ...MESSAGE, content: null },
    { ...MESSAGE, role: '' },
  ],
  ...[
    { ...MESSAGE, content: '\uffff' },
    { ...MESSAGE, content: 'ho' },
  ],
];

/** Responses to a run whose text is `hi`, with its finish reason and usage. */
export function plainResponses(reason: string, usage: JsonObject): string[] {
  const choice = (members: JsonObject): JsonObject => ({
    index: 0,
    finish_reason: reason,
    message: MESSAGE,
    ...members,
  });
  const choices: JsonObject[] = [
    ...[
      {},
      { logprobs: { content: [] } },
      { text: 'hi' },
      { text: null },
      { text: '' },
      { delta: {} },
      { delta: null },
    ],
    ...[{ x: false }, { x: 0 }, { x: {} }, { x: [] }, { index: 1 }, { index: null }, { index: false }, { index: -0 }],
    ...[{ finish_reason: null }, { finish_reason: reason === 'stop' ? 'length' : 'stop' }, { finish_reason: 5 }],
    ...MESSAGES.map((value) => ({ message: value })),
  ];
  const usages: JsonValue[] = [
    ...[
      null,
      {},
      [],
      5,
      usage,
      { ...usage, total_tokens: 1 },
      { ...usage, total_tokens: 'x' },
      { ...usage, x: { y: 1 } },
    ],
    ...[{ prompt_tokens: usage.prompt_tokens ?? 0 }, { prompt_tokens: null, completion_tokens: null }],
  ];
  const whole = JSON.stringify({ choices: [choice({})] });
  return [
    ...choices.map((members) => JSON.stringify({ choices: [choice(members)] })),
    ...usages.map((value) => JSON.stringify({ usage: value, choices: [choice({})] })),
    ...[{}, [], { message: 'x' }, 'x', false].map((error) => JSON.stringify({ error, choices: [choice({})] })),
    ...[
      { choices: [] },
      { choices: [null] },
      { choices: choice({}) },
      { choices: [choice({}), choice({ index: 1 })] },
      null,
      [],
    ].map((value) => JSON.stringify(value)),
    ...[
      JSON.stringify({ error: null, note: 'x', runproof: 5, choices: [choice({})] }),
      '',
      ' ',
      ` ${whole} `,
      `\n${whole}`,
    ],
    ...[`\ufeff${whole}`, `\r\n${whole}\r\n`, `${whole}x`, whole.replace('"index"', '"index":0,"index"')],
  ];
}

function chunk(members: object): string {
  return `data: ${JSON.stringify(members)}\n\n`;
}

function choiceChunk(delta: JsonValue, members: JsonObject = {}): string {
  return chunk({ choices: [{ index: 0, delta, finish_reason: null, ...members }] });
}

const TEXT = choiceChunk({ content: 'hi' });
const DONE = 'data: [DONE]\n\n';
const SEALED = chunk({ choices: [], runproof: { receipt: {} } });

function spellings(end: string): string[] {
  const whole = TEXT + end + DONE;
  return [
    ...['', '\n', '\n\n\n', ': x\n\n', ': x', 'x', DONE, '\r', 'event: x\n\n', 'id: 1\n', 'retry'].map(
      (more) => whole + more,
    ),
    ...[
      'data: [DONE]',
      'data: [DONE]\n',
      'data:[DONE]\n\n',
      'data:  [DONE]\n\n',
      'data: [DONE] \n\n',
      'data: [DONE]\ndata: \n\n',
    ].map((last) => TEXT + end + last),
    ...[
      ': hi\n\n',
      ':\n\n',
      'event: x\n',
      'event: error\n',
      'event\n\n',
      'id: 1\n',
      'id\n',
      'retry: 1\n\n',
      '\n\n',
      '\ufeff',
    ].map((first) => first + whole),
    ...['foo\n\n', 'data\n\n', 'data:\n\n', ' event: x\n', 'events: x\n', 'data: x\n\n', 'data: []\n\n'].map(
      (first) => first + whole,
    ),
    ...['\r\n', '\r'].map((lineEnd) => whole.replaceAll('\n', lineEnd)),
    ...['\r\n\n', '\n\r'].map((blank) => TEXT.replace('\n\n', blank) + end + DONE),
    ...[
      TEXT.replace('data: ', 'data:'),
      TEXT.replace('"choices"', '\ndata: "choices"'),
      TEXT.replace('"hi"', '"h\\u0069"'),
    ].map((first) => first + end + DONE),
  ];
}

function orders(end: string, reason: string): string[] {
  const behind = [
    choiceChunk({ content: '' }),
    choiceChunk({}),
    TEXT,
    end,
    choiceChunk({ content: null }),
    choiceChunk({ role: 'assistant' }),
  ];
  const deltas: JsonValue[] = [
    ...[
      { role: 'assistant' },
      { role: 'user' },
      { role: 'assistant', content: '' },
      { refusal: 'no' },
      { refusal: null },
    ],
    ...[{ tool_calls: [] }, { content: 5 }, { logprobs: 1 }, null, 'x'],
  ];
  const sealed = [{ receipt: 5 }, { receipt: null }, { receipt: [] }, {}, null, [], { receipt: {}, x: 1 }];
  return [
    ...[TEXT + end, TEXT + DONE, end + DONE, choiceChunk({ content: 'hi' }, { finish_reason: reason }) + DONE],
    ...behind.map((last) => TEXT + end + last + DONE),
    ...deltas.map((delta) => choiceChunk(delta) + TEXT + end + DONE),
    ...[SEALED + DONE, SEALED + SEALED + DONE, SEALED + chunk({ choices: [] }) + DONE].map((last) => TEXT + end + last),
    ...[TEXT + SEALED + end + DONE, SEALED + TEXT + end + DONE],
    ...sealed.map((runproof) => TEXT + end + chunk({ choices: [], runproof }) + DONE),
    choiceChunk({ content: 'h' }) + choiceChunk({ content: 'i' }) + end + DONE,
    choiceChunk({ content: 'h' }) + end + choiceChunk({}) + choiceChunk({ content: 'i' }) + end + DONE,
  ];
}

/** Streams of a run whose text is `hi`, with its finish reason and usage. */
export function streams(reason: string, usage: JsonObject): string[] {
  const end = choiceChunk({}, { finish_reason: reason });
  const chunks = [
    ...[
      {},
      { choices: null },
      { choices: {} },
      { choices: [] },
      { choices: [], error: {} },
      { choices: [], error: 'x' },
    ],
    ...[
      { choices: [], error: null },
      { choices: [], usage: null },
      { choices: [], usage: { ...usage, prompt_tokens: 0 } },
    ],
    ...[
      { choices: [], usage },
      { choices: [], usage: { ...usage, total_tokens: null } },
      { choices: [], delta: { content: 'x' } },
    ],
  ];
  const members = [
    { text: 'x' },
    { text: '' },
    { text: null },
    { logprobs: { a: 1 } },
    { index: 1 },
    { message: null },
    { other: null },
  ];
  const errors = [
    { error: { message: 'x' } },
    { error: 'x' },
    { error: { message: 'x' }, choices: [] },
    { error: null },
  ];
  return [
    ...spellings(end),
    ...orders(end, reason),
    ...chunks.map((value) => TEXT + end + chunk(value) + DONE),
    chunk({ choices: [], usage: { ...usage, prompt_tokens: 0 } }) + TEXT + end + chunk({ choices: [], usage }) + DONE,
    chunk({ choices: [], usage }) + TEXT + end + chunk({ choices: [], usage }) + DONE,
    ...chunks.slice(0, 8).map((value) => chunk(value) + TEXT + end + DONE),
    ...members.map((more) => choiceChunk({ content: 'hi' }, more) + end + DONE),
    ...errors.flatMap((value) => [TEXT + end + chunk(value), TEXT + end + chunk(value) + DONE, TEXT + chunk(value)]),
  ];
}

const ZEROS = '0'.repeat(64);

/** Fields that a lying node seals instead of those of `body`. */
export function bodyFields(body: JsonObject): JsonObject[] {
  const [model, engine, sampling, usage] = ['model', 'engine', 'sampling', 'usage'].map(
    (name) => body[name] as JsonObject,
  );
  const sampled: JsonObject[] = [
    ...[{ top_k: 5 }, { max_tokens: 7 }, { max_tokens: 3 }, { max_tokens: 9 }, { max_tokens: 0 }, { temperature: 2.5 }],
    ...[
      { temperature: 0 },
      { stop: ['x'] },
      { stop: ['x'.repeat(1025)] },
      { logit_bias: { '5': 0.5 } },
      { seed: ZEROS },
    ],
  ];
  return [
    ...sampled.map((members) => ({ sampling: { ...sampling, ...members } })),
    ...[{ model: { ...model, name: 'other' } }, { model: { ...model, digest: `sha256:${ZEROS}` } }],
    ...['a', '-a', 'A', 'x'.repeat(65)].map((contract) => ({ engine: { ...engine, contract } })),
    ...['x y', 'other', 'a+b', 'ö', 'x'.repeat(256)].map((origin) => ({ origin })),
    ...[['sealed'], ['replayed'], [], ['replayed', 'sealed']].map((levels) => ({ levels })),
    ...['a', 'A', ''].map((kind) => ({ evidence: { [kind]: `sha256:${ZEROS}` } })),
    ...[[{ node: 'x', tokens: 1 }], [{ node: 'x', tokens: 1, y: 1 }], [{ node: 'x' }]].map((segments) => ({
      segments,
    })),
    ...['ab'.repeat(17), 'ab'.repeat(65), 'abc', 'AB'.repeat(16)].map((nonce) => ({ nonce })),
    ...['stop', 'length', 'abort', 'error', 'other'].map((reason) => ({ finish_reason: reason })),
    ...[{ usage: { ...usage, completion_tokens: 0 } }, { started_ms: 0 }, { ended_ms: 0 }, { ended_ms: 1.5 }],
    ...[{ trace: ZEROS }, { operation: 'text.completion' }, { schema: 'runproof/receipt/2' }, { other: null }],
  ];
}

/** Disclosures, with the fields of the body that go with them. */
export function disclosures(trace: string, usage: JsonObject): [JsonObject, JsonObject][] {
  const none = { ...usage, completion_tokens: 0 };
  return [
    ...['', `AAAA${trace.slice(4)}`, `${trace.slice(0, -12)}AAAAAAAAAAA=`].map((text): [JsonObject, JsonObject] => [
      { trace: text },
      {},
    ]),
    [{ trace: '', completion: [] }, { usage: none }],
    [{ trace: '' }, { levels: ['sealed'] }],
    [{ trace: '' }, { levels: ['sealed'], trace: ZEROS }],
    [{}, { levels: ['sealed'] }],
    [
      { trace: '', completion: [] },
      { usage: none, trace: ZEROS },
    ],
    [
      { trace: '', completion: [] },
      { usage: none, levels: ['sealed'] },
    ],
    [{ prompt: [] }, { usage: { ...usage, prompt_tokens: 0 } }],
    [{ completion: [4294967296] }, {}],
  ];
}

/** Policies that stand beside the honest one, whose log has verifier key `vkey`. */
export function policies(honest: string, vkey: string): string[] {
  const digest = `sha256:${'1'.repeat(64)}`;
  return [
    ...['', 'engine exact-1\n', 'engine other\n', `model ${digest} runproof-tiny\n`].map(
      (more) => `log ${vkey}\nquorum none\n${more}`,
    ),
    ...['\u007f', '# \u007f', '# \u0085', '# \r', '# \u0001', '\u00a0', '\u000b', '\u000c'].map(
      (line) => `${honest}${line}\n`,
    ),
    ...['bad!name', 'runproof-tiny', '', 'x'.repeat(129)].map((name) => `${honest}model ${digest} ${name}\n`),
    ...['engine Exact', `engine ${'x'.repeat(65)}`, `witness a ${vkey}`, `log ${vkey}`, 'quorum none'].map(
      (line) => `${honest}${line}\n`,
    ),
    ...[
      '',
      '\n',
      `\ufeff${honest}`,
      `${honest}# x`,
      honest.replace(/(log \S+).*/, '$1 foo'),
      honest.replace('log ', 'log\t'),
    ],
  ];
}

/** Lines that somebody appends to the note of the proof: of strangers, or of nobody. */
export const SIGNATURE_LINES: readonly string[] = [
  ...[
    'stranger',
    'stran\ufeffger',
    'x'.repeat(255),
    'x'.repeat(256),
    'stran\u00a0ger',
    'stran\u007fger',
    'stran\u0085ger',
    'stran\u180eger',
    'stran\u2028ger',
    'a+b',
    '',
  ].map((name) => `— ${name} AAAAAAA=\n`),
  ...['— x AAAAAA==\n', '— x AAAAAAA\n', '- x AAAAAAA=\n', '— x AAAAAAB=\n', '\n', 'x'],
];
