// The client in a real browser: bundled, in a page of another origin than the node's, over a real network stack.
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleClient, bundlePage } from '../browser/build.ts';
import type { PageAnswer, PageQuestion } from '../browser/page.ts';
import { type Lies, type RunningServer, serveBetween, servePage } from '../browser/servers.ts';
import { type LiveNode, startNode } from '../receipts/live-node.ts';

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];
const CHAT = {
  model: 'runproof-tiny',
  messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
  max_tokens: 12,
};

let node: LiveNode;
let pages: RunningServer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  node = await startNode();
  pages = await servePage((await bundlePage()).code);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(pages.url);
  await page.waitForFunction('"askInPage" in globalThis');
});

afterAll(async () => {
  await browser.close();
  await pages.close();
  await node.close();
});

function ask(url: string, request: object, more: Partial<PageQuestion> = {}): Promise<PageAnswer> {
  const question: PageQuestion = {
    ...{ url, policy: node.policy, path: '/v1/chat/completions', request, strict: false },
    ...more,
  };
  return page.evaluate(
    (given) => (globalThis as unknown as { askInPage(given: PageQuestion): Promise<PageAnswer> }).askInPage(given),
    question,
  );
}

async function askLiar(lies: Lies, request: object, more: Partial<PageQuestion> = {}): Promise<PageAnswer> {
  const between = await serveBetween(node.url, lies);
  try {
    return await ask(between.url, request, more);
  } finally {
    await between.close();
  }
}

/** Changes answers and leaves receipts as they are. */
function answerEdited(edit: (body: string) => string): Lies {
  return { response: (body, path) => (path.includes('/receipts/') ? body : edit(body)) };
}

describe('the client in Chromium, with a node on another port', () => {
  it('a plain answer holds', async () => {
    const { report, error, pieces } = await ask(node.url, CHAT);
    expect(error).toBeNull();
    expect(report).toMatchObject({ verdict: 'valid', level: 'sealed', failed: [], missing: [] });
    expect(JSON.parse(pieces.join('')).choices[0].message.content).toMatch(/\w/);
  });

  it('a text completion holds', async () => {
    const request = { model: 'runproof-tiny', prompt: 'Once upon a time', max_tokens: 5 };
    const { report, error } = await ask(node.url, request, { path: '/v1/completions' });
    expect(error).toBeNull();
    expect(report).toMatchObject({ verdict: 'valid', level: 'sealed' });
  });

  it.each([false, true])('a stream holds (strict: %s)', async (strict) => {
    const { report, error, pieces } = await ask(node.url, { ...CHAT, stream: true }, { strict });
    expect(error).toBeNull();
    expect(report).toMatchObject({ verdict: 'valid', level: 'sealed', failed: [], missing: [] });
    expect(pieces.join('')).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('all that a web page must carry for it', async () => {
    const { minified, compressed } = await bundleClient();
    console.log(`@runproof/client for browsers: ${minified} bytes minified, ${compressed} bytes with gzip`);
    expect(compressed).toBeLessThan(64 * 1024);
    expect(complaints).toEqual([]);
  });
});

describe('somebody in between', () => {
  it('who changes nothing is not noticed', async () => {
    expect(await askLiar({}, CHAT)).toMatchObject({ error: null, report: { verdict: 'valid', level: 'sealed' } });
  });

  const another = { ...CHAT, temperature: 0.5 };
  const lies: [string, Lies, string[]][] = [
    [
      'one character of the answer',
      answerEdited((body) => body.replace(/("content":")(.)/, '$1X$2')),
      ['response.match'],
    ],
    ['usage', answerEdited((body) => body.replace(/("completion_tokens":)\d+/, '$1999')), ['response.match']],
    [
      'a tool call',
      answerEdited((body) => body.replace('"refusal":null', '"tool_calls":[{"id":"x"}]')),
      ['response.match'],
    ],
    ['the request', { request: (body) => body.replace('0.5', '0.6') }, ['request.match']],
    ['the nonce', { nonce: () => 'ab'.repeat(32) }, ['nonce.match']],
    [
      'the signature of the log',
      {
        response: (body, path) =>
          path.includes('/receipts/')
            ? body.replace(/(.)(.{8}\\n","salt)/, (_, a, b) => (a === 'A' ? 'B' : 'A') + b)
            : body,
      },
      ['log.signature'],
    ],
    [
      'the salt',
      {
        response: (body, path) =>
          path.includes('/receipts/') ? body.replace(/"salt":"[0-9a-f]{64}"/, `"salt":"${'0'.repeat(64)}"`) : body,
      },
      ['log.inclusion', 'request.match', 'response.match', 'disclosure.prompt', 'disclosure.tokens'],
    ],
  ];
  it.each(lies)('plain: %s', async (_, lie, failed) => {
    const { error, pieces } = await askLiar(lie, another);
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', failed });
    expect(pieces).toEqual([]);
  });

  const streamed: [string, Lies][] = [
    ['one character of the answer', answerEdited((body) => body.replace(/("content":")(.)/, '$1X$2'))],
    ['a chunk less', answerEdited((body) => body.replace(/data: [^\n]*\n\n/, ''))],
    ['a chunk twice', answerEdited((body) => body.replace(/(data: [^\n]*\n\n)/, '$1$1'))],
    [
      'the finish reason',
      answerEdited((body) => body.replace(/"finish_reason":"\w+"/, '"finish_reason":"content_filter"')),
    ],
  ];
  it.each(streamed)('streamed: %s', async (_, lie) => {
    const passed = await askLiar(lie, { ...another, stream: true });
    expect(passed.error).toMatchObject({ code: 'VERIFY_FAILED', failed: ['response.match'] });
    expect(passed.pieces.join('')).not.toContain('[DONE]');
    const held = await askLiar(lie, { ...another, stream: true }, { strict: true });
    expect(held).toMatchObject({ error: { code: 'VERIFY_FAILED', failed: ['response.match'] }, pieces: [] });
  });

  it('a stream that is cut is incomplete, never whole', async () => {
    const cut = answerEdited((body) => body.slice(0, body.lastIndexOf('data: {')));
    const { error, pieces } = await askLiar(cut, { ...another, stream: true });
    expect(error?.code).toBe('VERIFY_INCOMPLETE');
    expect(pieces.join('')).not.toContain('[DONE]');
  });

  it('a node that the policy does not know', async () => {
    const policy = node.policy.replace(
      /^log (\S+)/m,
      'log log.example/receipts+324dac23+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c',
    );
    const { error } = await ask(node.url, CHAT, { policy });
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', failed: ['policy.log'] });
  });
});
