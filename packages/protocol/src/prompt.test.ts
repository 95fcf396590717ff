import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunproofError } from './errors.ts';
import { promptOfRequest } from './prompt.ts';

const chat = (...messages: unknown[]): unknown => promptOfRequest('chat.completion', { messages });
const text = (prompt: unknown): unknown => promptOfRequest('text.completion', { prompt });

function failure(run: () => unknown): readonly [string, unknown] {
  try {
    run();
  } catch (error) {
    if (RunproofError.isInstance(error)) return [error.code, error.evidence.parameter];
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('promptOfRequest: chat', () => {
  it('reads strings, text parts and the roles', () => {
    expect(
      chat(
        { role: 'developer', content: 'be kind' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ),
    ).toEqual({
      kind: 'chat',
      messages: [
        { role: 'system', content: 'be kind' },
        { role: 'user', content: 'ab' },
      ],
    });
  });

  it('takes back the messages that it sent', () => {
    expect(chat({ role: 'assistant', content: 'x', refusal: null, annotations: [], tool_calls: [] })).toEqual({
      kind: 'chat',
      messages: [{ role: 'assistant', content: 'x' }],
    });
  });

  it.each([
    ['messages', () => promptOfRequest('chat.completion', {}), 'PARAMETER_INVALID'],
    ['messages', () => chat(), 'PARAMETER_INVALID'],
    ['messages[0]', () => chat('hello'), 'PARAMETER_INVALID'],
    ['messages[0].role', () => chat({ content: 'x' }), 'PARAMETER_INVALID'],
    ['messages[0].role', () => chat({ role: 'tool', content: 'x' }), 'PARAMETER_UNSUPPORTED'],
    ['messages[0].role', () => chat({ role: '__proto__', content: 'x' }), 'PARAMETER_UNSUPPORTED'],
    ['messages[0].content', () => chat({ role: 'user' }), 'PARAMETER_INVALID'],
    ['messages[0].content', () => chat({ role: 'assistant', content: null }), 'PARAMETER_INVALID'],
    ['messages[0].content', () => chat({ role: 'user', content: [] }), 'PARAMETER_INVALID'],
    [
      'messages[0].content[0].type',
      () => chat({ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }),
      'PARAMETER_UNSUPPORTED',
    ],
    ['messages[0].content[0].text', () => chat({ role: 'user', content: [{ type: 'text' }] }), 'PARAMETER_INVALID'],
    [
      'messages[0].content[0].cache_control',
      () => chat({ role: 'user', content: [{ type: 'text', text: 'a', cache_control: {} }] }),
      'PARAMETER_UNSUPPORTED',
    ],
    [
      'messages[1].name',
      () => chat({ role: 'user', content: 'x' }, { role: 'user', content: 'x', name: 'bob' }),
      'PARAMETER_UNSUPPORTED',
    ],
    [
      'messages[0].tool_calls',
      () => chat({ role: 'assistant', content: 'x', tool_calls: [{}] }),
      'PARAMETER_UNSUPPORTED',
    ],
  ])('refuses %s', (parameter, run, code) => {
    expect(failure(run)).toEqual([code, parameter]);
  });
});

describe('promptOfRequest: text', () => {
  it('reads a string, one string in an array, ids, one array of ids', () => {
    expect(text('once')).toEqual({ kind: 'text', text: 'once' });
    expect(text(['once'])).toEqual({ kind: 'text', text: 'once' });
    expect(text([1, 2])).toEqual({ kind: 'tokens', ids: [1, 2] });
    expect(text([[1, 2]])).toEqual({ kind: 'tokens', ids: [1, 2] });
  });

  it.each([
    ['nothing', undefined, 'PARAMETER_INVALID'],
    ['an empty array', [], 'PARAMETER_INVALID'],
    ['an empty array of ids', [[]], 'PARAMETER_INVALID'],
    ['two prompts', ['a', 'b'], 'PARAMETER_UNSUPPORTED'],
    ['two arrays of ids', [[1], [2]], 'PARAMETER_UNSUPPORTED'],
    ['a mixture', [1, 'a'], 'PARAMETER_INVALID'],
    ['a fraction', [1.5], 'PARAMETER_INVALID'],
    ['a negative id', [-1], 'PARAMETER_INVALID'],
    ['an id that needs 33 bits', [2 ** 32], 'PARAMETER_INVALID'],
  ])('refuses %s', (_name, prompt, code) => {
    expect(failure(() => text(prompt))).toEqual([code, 'prompt']);
  });
});

it('throws nothing but RunproofError, whatever the request', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom('chat.completion' as const, 'text.completion' as const),
      (value, operation) => {
        for (const request of [
          { messages: value },
          { prompt: value },
          { messages: [value] },
          { messages: [{ role: 'user', content: value }] },
        ]) {
          try {
            promptOfRequest(operation, request);
          } catch (error) {
            expect(RunproofError.isInstance(error)).toBe(true);
          }
        }
      },
    ),
  );
});
