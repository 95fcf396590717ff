// Whatever the bytes of a request: a JSON answer in OpenAI's shape, never a failure of the server, never a hang.
import { ERROR_CODES } from '@runproof/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BASE, CHAT, chatBody, createKit, eventsOf, TEXT, textBody } from '../test/kit.ts';

const kit = createKit({ bodyBytesMax: 64 * 1024 });

async function checkAnswer(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<void> {
  const request = new Request(BASE + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  });
  const response = await kit.node.fetch(request);
  if (response.status === 200) {
    const events = response.headers.get('content-type') === 'application/json' ? null : await eventsOf(response);
    if (events === null) expect(await response.json()).toHaveProperty('choices');
    else expect(events.at(-1)).toBe('[DONE]');
    return;
  }
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  expect(error.type).toBe('invalid_request_error');
  expect(Object.keys(ERROR_CODES)).toContain(error.code);
  expect(String(error.message).length).toBeLessThan(2_000);
}

const path = fc.constantFrom(CHAT, TEXT);
const base = (route: string): Record<string, unknown> => (route === CHAT ? chatBody() : textBody());
const NAMES = [
  ...[
    'model',
    'messages',
    'prompt',
    'stream',
    'stream_options',
    'logprobs',
    'top_logprobs',
    'max_tokens',
    'max_completion_tokens',
    'seed',
    'stop',
  ],
  ...[
    'temperature',
    'top_p',
    'top_k',
    'min_p',
    'logit_bias',
    'n',
    'tools',
    'response_format',
    'metadata',
    'user',
    'store',
    '__proto__',
    'toString',
  ],
];
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(0, 1, -1, 0.5, 1e300, 2 ** 53 - 1, '', 'x', true, false, null, [], {}, [''], [1], [[1]], {
    type: 'text',
  }),
);

it('arbitrary bytes', async () => {
  await fc.assert(
    fc.asyncProperty(path, fc.uint8Array({ maxLength: 400 }), (route, bytes) =>
      checkAnswer(route, new Uint8Array(bytes)),
    ),
    { numRuns: 80 },
  );
});

it('arbitrary JSON', async () => {
  await fc.assert(
    fc.asyncProperty(path, fc.json(), (route, body) => checkAnswer(route, body)),
    { numRuns: 80 },
  );
});

it('a good request with some parameters replaced by anything', async () => {
  const changes = fc.dictionary(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: fc.string() }),
    value,
    { maxKeys: 3 },
  );
  await fc.assert(
    fc.asyncProperty(path, changes, (route, more) => checkAnswer(route, JSON.stringify({ ...base(route), ...more }))),
    { numRuns: 200 },
  );
});

it('a good request with any text as its prompt', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 100 });
  const property = fc.asyncProperty(text, fc.boolean(), async (content, stream) => {
    await checkAnswer(CHAT, JSON.stringify(chatBody({ messages: [{ role: 'user', content }], stream })));
    await checkAnswer(TEXT, JSON.stringify(textBody({ prompt: content, stream })));
  });
  await fc.assert(property, { numRuns: 40 });
});

it('a good request with one byte changed', async () => {
  const bytes = new TextEncoder().encode(JSON.stringify(chatBody()));
  const property = fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (index, byte) => {
    const changed = bytes.slice();
    changed[index] = byte;
    return checkAnswer(CHAT, changed);
  });
  await fc.assert(property, { numRuns: 120 });
});

it('arbitrary nonces', async () => {
  const nonce = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEFxyz -'), maxLength: 140 });
  const property = fc.asyncProperty(nonce, (header) =>
    checkAnswer(CHAT, JSON.stringify(chatBody()), { 'Runproof-Nonce': header }),
  );
  await fc.assert(property, { numRuns: 80 });
});
