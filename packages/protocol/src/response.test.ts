import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from './bytes.ts';
import { RunproofError } from './errors.ts';
import type { JsonValue } from './json.ts';
import { choiceOfResponse } from './response.ts';
import { StreamReader } from './stream-reader.ts';

function fieldOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (RunproofError.isInstance(error)) return error.code === 'RESPONSE_SYNTAX' ? error.evidence.field : error.code;
    throw error;
  }
  return 'no error';
}

const choice = { finish_reason: 'stop', index: 0, message: { content: 'hello', role: 'assistant' } };
const chat = (change: JsonValue): unknown =>
  choiceOfResponse('chat.completion', { choices: [choice], ...(change as object) });
const inChoice = (change: object): unknown => chat({ choices: [{ ...choice, ...change }] });
const inMessage = (change: object): unknown => inChoice({ message: { ...choice.message, ...change } });

describe('choiceOfResponse', () => {
  it('reads chat and text completions', () => {
    expect(chat({ usage: { completion_tokens: 2, prompt_tokens: 3, total_tokens: 5 } })).toEqual({
      content: 'hello',
      finishReason: 'stop',
      usage: { completion_tokens: 2, prompt_tokens: 3 },
    });
    expect(inMessage({ content: null, refusal: null, tool_calls: [] })).toEqual({
      content: '',
      finishReason: 'stop',
      usage: null,
    });
    const text = { choices: [{ finish_reason: 'length', index: 0, logprobs: null, text: 'hi' }] };
    expect(choiceOfResponse('text.completion', text)).toEqual({ content: 'hi', finishReason: 'length', usage: null });
  });

  it.each([
    ['response', () => choiceOfResponse('chat.completion', [])],
    ['choices', () => chat({ choices: [] })],
    ['choices', () => chat({ choices: [choice, choice] })],
    ['choices', () => chat({ choices: {} })],
    ['choices[0]', () => chat({ choices: ['x'] })],
    ['choices[0].index', () => inChoice({ index: 1 })],
    ['choices[0].finish_reason', () => inChoice({ finish_reason: null })],
    ['choices[0].finish_reason', () => inChoice({ finish_reason: 'tool_calls' })],
    ['choices[0].delta', () => inChoice({ delta: { content: 'x' } })],
    ['choices[0].text', () => inChoice({ text: 'x' })],
    ['choices[0].message', () => choiceOfResponse('text.completion', { choices: [{ ...choice, text: 'x' }] })],
    ['choices[0].message', () => inChoice({ message: null })],
    ['choices[0].message.role', () => inMessage({ role: 'system' })],
    ['choices[0].message.content', () => inMessage({ content: ['x'] })],
    ['choices[0].message.refusal', () => inMessage({ refusal: 'no' })],
    ['choices[0].message.tool_calls', () => inMessage({ tool_calls: [{}] })],
    ['choices[0].message.reasoning_content', () => inMessage({ reasoning_content: 'hm' })],
    [
      'choices[0].text',
      () => choiceOfResponse('text.completion', { choices: [{ finish_reason: 'stop', index: 0, text: 1 }] }),
    ],
    ['error', () => chat({ error: { message: 'x' } })],
    ['usage', () => chat({ usage: [] })],
    ['usage.completion_tokens', () => chat({ usage: { completion_tokens: -1, prompt_tokens: 1 } })],
    ['usage.prompt_tokens', () => chat({ usage: { completion_tokens: 1 } })],
    ['usage.total_tokens', () => chat({ usage: { completion_tokens: 1, prompt_tokens: 1, total_tokens: 3 } })],
  ])('refuses %s', (field, run) => {
    expect(fieldOf(run)).toBe(field);
  });
});

const delta = (content: string, reason: string | null = null): string =>
  JSON.stringify({ choices: [{ delta: { content }, finish_reason: reason, index: 0 }] });
const event = (data: string): string => `data: ${data}\n\n`;
const DONE = event('[DONE]');
const RECEIPT = event(
  '{"choices":[],"runproof":{"receipt":{"schema":"x"}},"usage":{"completion_tokens":2,"prompt_tokens":1}}',
);
const WHOLE = `: hello\n\n${event(delta('Grüße '))}id: 7\nevent: message\n${event(delta('👋🏽'))}${event(delta('', 'stop'))}${RECEIPT}${DONE}`;

function read(text: string, cuts: readonly number[] = []): StreamReader {
  const reader = new StreamReader('chat.completion');
  const bytes = utf8(text);
  let from = 0;
  let passed = '';
  for (const cut of [...cuts.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    passed += reader.push(bytes.subarray(from, cut));
    from = cut;
  }
  reader.end();
  expect(passed).toBe(reader.content);
  return reader;
}

describe('StreamReader', () => {
  const seen = ({ content, finishReason, usage, receipt, error, done }: StreamReader): unknown => ({
    content,
    finishReason,
    usage,
    receipt,
    error,
    done,
  });
  const expected = {
    content: 'Grüße 👋🏽',
    finishReason: 'stop',
    usage: { completion_tokens: 2, prompt_tokens: 1 },
    receipt: { schema: 'x' },
    error: null,
    done: true,
  };

  it('reads a stream, wherever it is cut and whatever ends its lines', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), fc.constantFrom('\n', '\r\n', '\r'), (cuts, ending) => {
        expect(seen(read(WHOLE.replaceAll('\n', ending), cuts))).toEqual(expected);
      }),
    );
    expect(
      seen(
        read(
          WHOLE,
          Array.from(utf8(WHOLE), (_, index) => index),
        ),
      ),
    ).toEqual(expected);
  });

  it('joins the data lines of one event', () => {
    expect(read(`data: {"choices":\ndata:[]}\n\n${event(delta('a', 'stop'))}${DONE}`).content).toBe('a');
  });

  it('reads text completions', () => {
    const reader = new StreamReader('text.completion');
    expect(reader.push(utf8(event('{"choices":[{"finish_reason":"length","index":0,"text":"x"}]}') + DONE))).toBe('x');
    expect(seen(reader)).toMatchObject({ content: 'x', finishReason: 'length' });
  });

  it('ends with an error chunk in the place of [DONE]', () => {
    const reader = read(
      `${event(delta('a'))}${event(delta('', 'error'))}${RECEIPT}${event('{"error":{"code":"x","message":"y"}}')}`,
    );
    expect(seen(reader)).toMatchObject({
      content: 'a',
      finishReason: 'error',
      error: { code: 'x' },
      receipt: { schema: 'x' },
      done: true,
    });
  });

  it.each([
    ['stream', 'nothing', ''],
    ['stream', 'no [DONE]', event(delta('a', 'stop'))],
    ['stream', 'a cut line', `${event(delta('a', 'stop'))}data: [DO`],
    ['stream', 'a cut event', `${event(delta('a', 'stop'))}data: [DONE]\n`],
    ['stream', 'more after the end', `${event(delta('a', 'stop'))}${DONE}${event('{"choices":[]}')}`],
    ['stream', 'a second end', `${event(delta('a', 'stop'))}${DONE}${DONE}`],
    ['stream', 'half a line after the end', `${event(delta('a', 'stop'))}${DONE}data`],
    ['stream', 'a line of something else', `hello\n\n${DONE}`],
    ['choices[0].finish_reason', 'no finish reason', event(delta('a')) + DONE],
    ['choices[0]', 'text after the finish reason', event(delta('a', 'stop')) + event(delta('b')) + DONE],
    ['choices[0]', 'a choice after the finish reason', event(delta('a', 'stop')) + event(delta('')) + DONE],
    [
      'usage',
      'two usages',
      event('{"choices":[],"usage":{"completion_tokens":9,"prompt_tokens":1}}') +
        event(delta('a', 'stop')) +
        RECEIPT +
        DONE,
    ],
    ['choices[0]', 'two finish reasons', event(delta('a', 'stop')) + event(delta('', 'stop')) + DONE],
    ['runproof', 'a chunk after the receipt', event(delta('a', 'stop')) + RECEIPT + event('{"choices":[]}') + DONE],
    [
      'runproof.receipt',
      'a receipt that is no object',
      event(delta('a', 'stop')) + event('{"choices":[],"runproof":{"receipt":"x"}}') + DONE,
    ],
    [
      'choices[0].delta.tool_calls',
      'tool calls',
      event('{"choices":[{"delta":{"tool_calls":[{}]},"finish_reason":null,"index":0}]}') + DONE,
    ],
    [
      'choices[0].message',
      'a message',
      event('{"choices":[{"delta":{},"message":{"content":"x"},"finish_reason":null,"index":0}]}') + DONE,
    ],
    ['chunk', 'a chunk that is no object', event('[]') + DONE],
    ['JSON_SYNTAX', 'a chunk that is no JSON', event('{') + DONE],
    ['JSON_DUPLICATE_NAME', 'a repeated name', event('{"choices":[],"choices":[]}') + DONE],
    ['JSON_DEPTH', 'deep nesting', event(`{"x":${'['.repeat(40)}${']'.repeat(40)}}`) + DONE],
  ])('refuses with %s: %s', (field, _name, text) => {
    expect(fieldOf(() => read(text))).toBe(field);
  });

  it('refuses bytes that are not UTF-8', () => {
    const cut = new StreamReader('chat.completion');
    cut.push(concatBytes(utf8(event(delta('a', 'stop')) + DONE), Uint8Array.of(0xe2)));
    expect(fieldOf(() => cut.end())).toBe('JSON_UNICODE');
    expect(fieldOf(() => new StreamReader('chat.completion').push(Uint8Array.of(0x64, 0xff)))).toBe('JSON_UNICODE');
  });

  it('does not hold more than its limits', () => {
    const mebibytes = (count: number): string => 'x'.repeat(count * 1024 * 1024);
    const pushing = (...texts: readonly string[]): unknown => {
      const reader = new StreamReader('chat.completion');
      return fieldOf(() => {
        for (const text of texts) reader.push(utf8(text));
      });
    };
    const parts = Array.from({ length: 9 }, () => mebibytes(4));
    expect(pushing('data: ', ...parts)).toBe('stream');
    expect(pushing(...parts.map((part) => `data: ${part}\n`))).toBe('stream');
    expect(pushing(event(delta(mebibytes(8))), event(delta(mebibytes(8))))).toBe('no error');
    expect(pushing(event(delta(mebibytes(8))), event(delta(`${mebibytes(8)}x`)))).toBe('choices[0]');
    expect(fieldOf(() => inMessage({ content: mebibytes(16) }))).toBe('no error');
    expect(fieldOf(() => inMessage({ content: `${mebibytes(16)}x` }))).toBe('choices[0].message.content');
  });
});
