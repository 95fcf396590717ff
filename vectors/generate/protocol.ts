// Vectors of JSON, requests and receipt bodies: vectors/{json,request,receipt}/{valid,invalid}/*.json.
import {
  type CommitmentField,
  commit,
  commitmentKey,
  effectiveSampling,
  encodeBase64,
  encodeCanonicalJson,
  encodeHex,
  encodeTokenIds,
  isJsonObject,
  type JsonObject,
  type Operation,
  outputCommitmentData,
  parseCanonicalJson,
  parseHex,
  parseJson,
  parseReceiptBody,
  promptOfRequest,
  type ReceiptBody,
  RunproofError,
  receiptEntry,
  receiptId,
  tokensCommitmentData,
  utf8,
} from '@runproof/protocol';
import { SALT, serve } from '../../packages/verify/test/honest-node.ts';

type Group = readonly [valid: readonly object[], invalid: readonly object[]];

/** Code and evidence of the error that `run` must throw; a vector that is not invalid is a mistake in this program. */
function failureOf(run: () => unknown): { code: string; evidence: object } {
  try {
    run();
  } catch (error) {
    if (!RunproofError.isInstance(error)) throw error;
    return { code: error.code, evidence: error.evidence };
  }
  throw new Error('an invalid vector is valid');
}

const JSON_TEXTS: readonly (readonly [string, string])[] = [
  ['null', 'null'],
  ['white space', ' \t\r\n{ "b" : [ 1 , 2 ] , "a" : { } } '],
  ['names in UTF-16 order', '{"\ufb33":1,"\ud83d\ude00":2,"\u20ac":3,"\\r":4,"1":5,"\u00f6":6,"\u0080":7}'],
  ['names of prototypes', '{"constructor":1,"__proto__":{"x":2}}'],
  ['escapes', '"\\u0041\\/\\b\\f\\n\\r\\t\\"\\\\\\u001f\\u007f\\ud83d\\ude00"'],
  ['numbers', '[0,-0,1.0,1e2,1E-7,0.1,100,9007199254740991,-9007199254740991,1e-400,4.50,2e-3,123456789012.5]'],
  ['the empty name', '{"":""}'],
  ['32 levels', `${'['.repeat(32)}${']'.repeat(32)}`],
];

const JSON_FAULTS: readonly (readonly [string, string | Uint8Array])[] = [
  ['nothing', ''],
  ['two values', '{}{}'],
  ['trailing comma', '[1,]'],
  ['leading zero', '01'],
  ['plus sign', '+1'],
  ['no digits after the point', '1.'],
  ['hexadecimal', '0x10'],
  ['NaN', 'NaN'],
  ['single quotes', "'a'"],
  ['comment', '1//x'],
  ['line break in a string', '"a\nb"'],
  ['unknown escape', '"\\x41"'],
  ['string without its end', '"a'],
  ['no-break space', '[1\u00a0]'],
  ['a name twice', '{"a":1,"a":1}'],
  ['a name twice, one of them escaped', '{"a":1,"\\u0061":1}'],
  ['escaped lone surrogate', '"\\ud800"'],
  ['surrogates in the wrong order', '"\\udc00\\ud800"'],
  ['surrogate as bytes', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
  ['overlong UTF-8', Uint8Array.of(0x22, 0xc0, 0x80, 0x22)],
  ['cut UTF-8', Uint8Array.of(0x22, 0xe2, 0x82, 0x22)],
  ['byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)],
  ['beyond the largest number', '1e400'],
  ['integer beyond 2^53 - 1', '9007199254740992'],
  ['large integer in exponent form', '1e300'],
  ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`],
];

const OTHER_SPELLINGS: readonly string[] = [
  ' 1',
  '-0',
  '1.0',
  '1E2',
  '"\\u0041"',
  '"\\/"',
  '"\\u001F"',
  '{"b":1,"a":2}',
  '[1, 2]',
];

function jsonVectors(): Group {
  const valid = JSON_TEXTS.map(([name, text]) => ({ name, text, canonical: encodeCanonicalJson(parseJson(text)) }));
  const invalid = JSON_FAULTS.map(([name, fault]) => {
    const bytes = typeof fault === 'string' ? utf8(fault) : fault;
    return { name, base64: encodeBase64(bytes), code: failureOf(() => parseJson(bytes)).code };
  });
  return [valid, invalid];
}

function canonicalVectors(): Group {
  const valid = JSON_TEXTS.map(([name, text]) => ({ name, text: encodeCanonicalJson(parseJson(text)) }));
  const invalid = OTHER_SPELLINGS.map((text) => ({ text, code: failureOf(() => parseCanonicalJson(text)).code }));
  return [valid, invalid];
}

const CONTEXT = { nonce: '0123456789abcdef0123456789abcdef', maxTokensAvailable: 1000 } as const;
const ASK = '"messages":[{"role":"user","content":"Hi"}]';

const REQUESTS: readonly (readonly [string, Operation, string])[] = [
  ['defaults', 'chat.completion', `{${ASK}}`],
  ['nulls are defaults', 'chat.completion', `{${ASK},"temperature":null,"stop":null,"seed":null,"max_tokens":null}`],
  ['white space changes the derived seed', 'chat.completion', `{ ${ASK} }`],
  [
    'everything',
    'chat.completion',
    [
      `{${ASK},"temperature":0.7,"top_p":0.9,"top_k":40,"min_p":0.05`,
      `,"frequency_penalty":-2,"presence_penalty":2,"repetition_penalty":1.1`,
      `,"logit_bias":{"10":5,"9":-100},"stop":["a","b"],"max_completion_tokens":64,"max_tokens":32,"seed":-7}`,
    ].join(''),
  ],
  ['more tokens than fit', 'chat.completion', `{${ASK},"max_tokens":5000}`],
  [
    'developer is system',
    'chat.completion',
    '{"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}',
  ],
  ['text', 'text.completion', '{"prompt":["Once"],"stop":"\\n","seed":0}'],
  ['token ids', 'text.completion', '{"prompt":[[1,2,4294967295]]}'],
];

const REQUEST_FAULTS: readonly (readonly [string, Operation, string])[] = [
  ['no messages', 'chat.completion', '{"messages":[]}'],
  ['no prompt', 'text.completion', '{}'],
  ['tool message', 'chat.completion', '{"messages":[{"role":"tool","content":"x"}]}'],
  ['image', 'chat.completion', '{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}'],
  ['two prompts', 'text.completion', '{"prompt":["a","b"]}'],
  ['temperature', 'chat.completion', `{${ASK},"temperature":2.1}`],
  ['temperature as a string', 'chat.completion', `{${ASK},"temperature":"1"}`],
  ['top_p of 0', 'chat.completion', `{${ASK},"top_p":0}`],
  ['fraction of top_k', 'chat.completion', `{${ASK},"top_k":1.5}`],
  ['min_p of 1', 'chat.completion', `{${ASK},"min_p":1}`],
  ['penalty', 'chat.completion', `{${ASK},"presence_penalty":-2.5}`],
  ['repetition penalty of 0', 'chat.completion', `{${ASK},"repetition_penalty":0}`],
  ['bias of no token', 'chat.completion', `{${ASK},"logit_bias":{"07":1}}`],
  ['bias too large', 'chat.completion', `{${ASK},"logit_bias":{"7":101}}`],
  ['five stop strings', 'chat.completion', `{${ASK},"stop":["a","b","c","d","e"]}`],
  ['empty stop string', 'chat.completion', `{${ASK},"stop":""}`],
  ['no tokens', 'chat.completion', `{${ASK},"max_tokens":0}`],
  ['fraction of a seed', 'chat.completion', `{${ASK},"seed":0.5}`],
];

function readRequest(operation: Operation, text: string): { prompt: object; sampling: object } {
  const request = parseJson(text);
  if (!isJsonObject(request)) throw new Error('a request is an object');
  const prompt = promptOfRequest(operation, request);
  return { prompt, sampling: effectiveSampling(request, { ...CONTEXT, requestBytes: utf8(text) }) };
}

function requestVectors(): Group {
  const context = { nonce: CONTEXT.nonce, max_tokens_available: CONTEXT.maxTokensAvailable };
  const valid = REQUESTS.map(([name, operation, request]) => ({
    name,
    operation,
    request,
    ...context,
    ...readRequest(operation, request),
  }));
  const invalid = REQUEST_FAULTS.map(([name, operation, request]) => {
    const { code, evidence } = failureOf(() => readRequest(operation, request));
    return { name, operation, request, ...context, code, parameter: (evidence as { parameter?: string }).parameter };
  });
  return [valid, invalid];
}

const COMMITTED: readonly (readonly [CommitmentField, Uint8Array])[] = [
  ['request', utf8('{"messages":[]}')],
  ['prompt', encodeTokenIds([1, 256, 4294967295])],
  ['tokens', tokensCommitmentData([], new Uint8Array(0))],
  [
    'tokens',
    tokensCommitmentData(
      [7, 300],
      Uint8Array.from({ length: 16 }, (_, index) => index),
    ),
  ],
  ['output', outputCommitmentData('Grüße 👋', 'stop')],
];

function commitmentVectors(): Group {
  const valid = COMMITTED.map(([field, data]) => ({
    field,
    salt: encodeHex(SALT),
    data: encodeHex(data),
    key: encodeHex(commitmentKey(SALT, field)),
    commitment: commit(SALT, field, data),
  }));
  return [valid, []];
}

function changedBody(body: ReceiptBody, path: string, value: unknown): JsonObject {
  const copy = JSON.parse(encodeCanonicalJson(body)) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let target = copy;
  for (const name of names) target = target[name] as Record<string, unknown>;
  if (value === undefined) delete target[last];
  else target[last] = value;
  return copy as unknown as JsonObject;
}

const BODY_FAULTS: readonly (readonly [string, unknown])[] = [
  ['extra', 1],
  ['trace', undefined],
  ['ended_ms', 1],
  ['engine.build', 'sha256:00'],
  ['engine.contract', 'Exact 1'],
  ['evidence', { TDX: `sha256:${'0'.repeat(64)}` }],
  ['finish_reason', 'tool_calls'],
  ['levels', ['replayed']],
  ['model.digest', '0'.repeat(64)],
  ['model.name', ''],
  ['nonce', 'ab'.repeat(15)],
  ['operation', 'embedding'],
  ['origin', 'two words'],
  ['output', 'AB'.repeat(32)],
  ['sampling.temperature', 2.5],
  ['sampling.top_p', 0],
  ['sampling.stop', 'x'],
  ['sampling.logit_bias', { '01': 1 }],
  ['sampling.max_tokens', 0],
  ['sampling.seed', 7],
  ['schema', 'runproof/receipt/2'],
  ['segments', [{ node: 'a' }]],
  ['usage.prompt_tokens', -1],
];

function bodyVectors(): Group {
  const operations = [
    serve(),
    serve({
      operation: 'text.completion',
      request: { model: 'tiny', prompt: 'Once', seed: 7, stop: ['q'], logit_bias: { '9': 1.5 } },
    }),
  ];
  const valid = operations.map(({ bundle }) => {
    const body = encodeCanonicalJson(bundle.body);
    const entry = receiptEntry(utf8(body), parseHex(bundle.salt));
    return { name: bundle.body.operation, body, salt: bundle.salt, entry: encodeHex(entry), id: receiptId(entry) };
  });
  const [{ bundle }] = operations as [(typeof operations)[number]];
  const invalid = BODY_FAULTS.map(([path, value]) => {
    const body = changedBody(bundle.body, path, value);
    return { name: path, body: encodeCanonicalJson(body), code: failureOf(() => parseReceiptBody(body)).code };
  });
  return [valid, invalid];
}

/** All files of vectors/json, vectors/request and vectors/receipt: path below vectors/ → content. */
export function generateProtocolVectors(): Map<string, string> {
  const groups: readonly (readonly [string, string, Group])[] = [
    [
      'json/parse',
      'specs/receipt.md, Conventions: a text and its canonical form (valid), or bytes in base64 and the code (invalid)',
      jsonVectors(),
    ],
    [
      'json/canonical',
      'RFC 8785: a text that is canonical (valid) or another spelling of its value (invalid)',
      canonicalVectors(),
    ],
    [
      'request/effective',
      'specs/receipt.md, Sampling and Requests: what is asked and the effective parameters (valid), or code and parameter (invalid)',
      requestVectors(),
    ],
    [
      'receipt/body',
      'specs/receipt.md, Body and Leaf: body, salt, entry of the log and id in hex (valid), or a body that is refused (invalid)',
      bodyVectors(),
    ],
    [
      'receipt/commitments',
      'specs/receipt.md, Commitments: salt, data, key and commitment in hex',
      commitmentVectors(),
    ],
  ];
  const files = new Map<string, string>();
  for (const [path, comment, cases] of groups) {
    const [folder, name] = path.split('/');
    for (const [index, kind] of (['valid', 'invalid'] as const).entries()) {
      const list = cases[index] ?? [];
      if (list.length > 0)
        files.set(`${folder}/${kind}/${name}.json`, `${JSON.stringify({ comment, cases: list }, null, 2)}\n`);
    }
  }
  return files;
}
