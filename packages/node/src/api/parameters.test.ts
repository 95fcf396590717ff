import { describe, expect, it } from 'vitest';
import { CHAT, chatBody, createKit, TEXT, textBody } from '../test/kit.ts';

interface Refusal {
  error: { message: string; type: string; param: string | null; code: string };
}

async function refusalOf(path: string, body: unknown): Promise<readonly [number, string, string | null]> {
  const kit = createKit();
  const response = await kit.post(path, body);
  const { error } = (await response.json()) as Refusal;
  expect(kit.engine.requests).toHaveLength(0);
  expect(kit.log.entries).toHaveLength(0);
  expect(error.type).toBe('invalid_request_error');
  return [response.status, error.code, error.param];
}

describe('parameters that are honoured reach the engine and the receipt', () => {
  it.each([
    ['temperature', 0.3, 0.3],
    ['top_p', 0.9, 0.9],
    ['top_k', 5, 5],
    ['min_p', 0.1, 0.1],
    ['frequency_penalty', 1.5, 1.5],
    ['presence_penalty', -1, -1],
    ['repetition_penalty', 1.2, 1.2],
    ['logit_bias', { 5: 3, 17: -100 }, { 5: 3, 17: -100 }],
    ['max_tokens', 7, 7],
    ['stop', 'fox', ['fox']],
    ['stop', ['fox', 'wood'], ['fox', 'wood']],
  ] as const)('%s', async (name, value, effective) => {
    for (const [path, body] of [
      [CHAT, chatBody({ [name]: value })],
      [TEXT, textBody({ [name]: value })],
    ] as const) {
      const kit = createKit();
      const response = await kit.post(path, body);
      expect(response.status).toBe(200);
      expect(kit.engine.requests[0]?.sampling[name]).toEqual(effective);
      expect(kit.bundleOf(response).body.sampling[name]).toEqual(effective);
    }
  });

  it('max_completion_tokens is the newer name of max_tokens', async () => {
    const kit = createKit();
    await kit.post(CHAT, chatBody({ max_tokens: undefined, max_completion_tokens: 5 }));
    await kit.post(CHAT, chatBody({ max_tokens: 5, max_completion_tokens: 5 }));
    expect(kit.engine.requests.map((request) => request.sampling.max_tokens)).toEqual([5, 5]);
    expect(await refusalOf(CHAT, chatBody({ max_tokens: 5, max_completion_tokens: 6 }))).toEqual([
      400,
      'PARAMETER_INVALID',
      'max_tokens',
    ]);
  });

  it('seed decides the answer, whatever the nonce', async () => {
    const kit = createKit();
    const seeds: string[] = [];
    for (const seed of [7, 7, 8]) seeds.push(kit.bundleOf(await kit.post(CHAT, chatBody({ seed }))).body.sampling.seed);
    expect(seeds[0]).toBe(seeds[1]);
    expect(seeds[0]).not.toBe(seeds[2]);
  });

  it('the model may be named by its digest', async () => {
    const kit = createKit();
    const response = await kit.post(CHAT, chatBody({ model: kit.engine.model.digest }));
    expect(response.status).toBe(200);
    expect(kit.bundleOf(response).body.model.name).toBe('test/markov');
  });
});

describe('values that ask for nothing are accepted', () => {
  it.each([
    { n: 1 },
    { stream: false },
    { user: 'someone' },
    { metadata: { purpose: 'test' } },
    { store: false },
    { service_tier: 'auto' },
    { service_tier: 'default' },
    {
      temperature: null,
      top_p: null,
      stop: null,
      seed: null,
      logit_bias: null,
      stream: null,
      stream_options: null,
      n: null,
      user: null,
    },
  ])('both calls: %j', async (more) => {
    const kit = createKit();
    expect((await kit.post(CHAT, chatBody(more))).status).toBe(200);
    expect((await kit.post(TEXT, textBody(more))).status).toBe(200);
  });

  it.each([
    { tools: [] },
    { functions: [] },
    { tool_choice: 'none' },
    { tool_choice: 'auto' },
    { function_call: 'none' },
    { parallel_tool_calls: true },
    { parallel_tool_calls: false },
    { response_format: { type: 'text' } },
    { modalities: ['text'] },
    { reasoning_effort: 'none' },
    { prompt_cache_key: 'k' },
    { safety_identifier: 's' },
    { logprobs: false },
    { top_logprobs: 0 },
    { audio: null, prediction: null, verbosity: null, web_search_options: null, tools: null, response_format: null },
  ])('chat: %j', async (more) => {
    expect((await createKit().post(CHAT, chatBody(more))).status).toBe(200);
  });

  it.each([
    { best_of: 1 },
    { echo: false },
    { suffix: '' },
    { suffix: null, best_of: null, echo: null, logprobs: null },
  ])('text: %j', async (more) => {
    expect((await createKit().post(TEXT, textBody(more))).status).toBe(200);
  });
});

const UNSUPPORTED: readonly (readonly [string, Record<string, unknown>])[] = [
  ['n', { n: 2 }],
  ['store', { store: true }],
  ['service_tier', { service_tier: 'flex' }],
  ['stream_options.include_obfuscation', { stream: true, stream_options: { include_obfuscation: true } }],
  ['stream_options.chunk_size', { stream: true, stream_options: { chunk_size: 3 } }],
  ['typical_p', { typical_p: 0.9 }],
  ['temprature', { temprature: 0 }],
  ['constructor', { constructor: 1 }],
  ['messages_', { messages_: null }],
];

describe('what would not be honoured is refused by its name', () => {
  it.each(UNSUPPORTED)('both calls: %s', async (parameter, more) => {
    expect(await refusalOf(CHAT, chatBody(more))).toEqual([400, 'PARAMETER_UNSUPPORTED', parameter]);
    expect(await refusalOf(TEXT, textBody(more))).toEqual([400, 'PARAMETER_UNSUPPORTED', parameter]);
  });

  it('a name that only a parser without prototypes sees', async () => {
    const body = JSON.stringify(chatBody()).replace('{', '{"__proto__":{"temperature":0},');
    expect(await refusalOf(CHAT, body)).toEqual([400, 'PARAMETER_UNSUPPORTED', '__proto__']);
  });

  it.each([
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['functions', { functions: [{ name: 'f' }] }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tool_choice: { type: 'function', function: { name: 'f' } } }],
    ['function_call', { function_call: { name: 'f' } }],
    ['response_format', { response_format: { type: 'json_object' } }],
    ['response_format', { response_format: { type: 'json_schema', json_schema: {} } }],
    ['response_format', { response_format: { type: 'text', strict: true } }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['audio', { audio: { voice: 'alloy' } }],
    ['prediction', { prediction: { type: 'content', content: 'x' } }],
    ['reasoning_effort', { reasoning_effort: 'high' }],
    ['verbosity', { verbosity: 'low' }],
    ['web_search_options', { web_search_options: {} }],
    ['prompt', { prompt: 'x' }],
    ['echo', { echo: false }],
    ['messages[0].name', { messages: [{ role: 'user', content: 'x', name: 'bob' }] }],
    ['messages[0].role', { messages: [{ role: 'tool', content: 'x' }] }],
    [
      'messages[0].content[1].type',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image_url', image_url: {} },
            ],
          },
        ],
      },
    ],
  ])('chat: %s', async (parameter, more) => {
    expect(await refusalOf(CHAT, chatBody(more))).toEqual([400, 'PARAMETER_UNSUPPORTED', parameter]);
  });

  it.each([
    ['best_of', { best_of: 2 }],
    ['echo', { echo: true }],
    ['suffix', { suffix: 'end' }],
    ['messages', { messages: [] }],
    ['max_completion_tokens', { max_completion_tokens: 5 }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['prompt', { prompt: ['a', 'b'] }],
  ])('text: %s', async (parameter, more) => {
    expect(await refusalOf(TEXT, textBody(more))).toEqual([400, 'PARAMETER_UNSUPPORTED', parameter]);
  });
});

describe('values out of their range, or of the wrong type, are refused', () => {
  it.each([
    ['temperature', { temperature: 2.1 }],
    ['temperature', { temperature: '1' }],
    ['top_p', { top_p: 0 }],
    ['top_k', { top_k: 1.5 }],
    ['min_p', { min_p: 1 }],
    ['frequency_penalty', { frequency_penalty: 3 }],
    ['presence_penalty', { presence_penalty: -3 }],
    ['repetition_penalty', { repetition_penalty: 0 }],
    ['logit_bias', { logit_bias: { x: 1 } }],
    ['logit_bias', { logit_bias: { 400: 1 } }],
    ['logit_bias', { logit_bias: { 1: 101 } }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: '5' }],
    ['seed', { seed: 0.5 }],
    ['stop', { stop: ['a', 'b', 'c', 'd', 'e'] }],
    ['stop', { stop: '' }],
    ['stream', { stream: 'yes' }],
    ['stream_options', { stream_options: { include_usage: true } }],
    ['stream_options', { stream: true, stream_options: true }],
    ['stream_options.include_usage', { stream: true, stream_options: { include_usage: 1 } }],
    ['user', { user: 5 }],
    ['metadata', { metadata: { depth: { no: 1 } } }],
    ['model', { model: undefined }],
    ['model', { model: 7 }],
  ])('both calls: %s', async (parameter, more) => {
    expect(await refusalOf(CHAT, chatBody(more))).toEqual([400, 'PARAMETER_INVALID', parameter]);
    expect(await refusalOf(TEXT, textBody(more))).toEqual([400, 'PARAMETER_INVALID', parameter]);
  });

  it.each([
    ['logprobs', { logprobs: 3 }],
    ['top_logprobs', { logprobs: true, top_logprobs: 21 }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hello' }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['parallel_tool_calls', { parallel_tool_calls: 'no' }],
  ])('chat: %s', async (parameter, more) => {
    expect(await refusalOf(CHAT, chatBody(more))).toEqual([400, 'PARAMETER_INVALID', parameter]);
  });

  it.each([
    ['logprobs', { logprobs: true }],
    ['logprobs', { logprobs: 6 }],
    ['prompt', { prompt: undefined }],
    ['prompt', { prompt: [] }],
    ['prompt', { prompt: '' }],
  ])('text: %s', async (parameter, more) => {
    const kit = createKit();
    const response = await kit.post(TEXT, textBody(more));
    expect(response.status).toBe(400);
    expect(((await response.json()) as Refusal).error).toMatchObject({ code: 'PARAMETER_INVALID', param: parameter });
  });

  it('another model is not found', async () => {
    expect(await refusalOf(CHAT, chatBody({ model: 'gpt-4o' }))).toEqual([404, 'MODEL_NOT_FOUND', 'model']);
  });
});
