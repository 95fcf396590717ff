import { evaluatePolicy, parseEntryBundle, parsePolicy } from '@runproof/tlog';
import { describe, expect, it } from 'vitest';
import { checkInclusion } from './test/checks.ts';
import { BASE, CHAT, chatBody, createKit, nonceOf, TEXT } from './test/kit.ts';

interface Failure {
  error: { message: string; type: string; param: string | null; code: string };
}

const codeOf = async (response: Response): Promise<string> => ((await response.json()) as Failure).error.code;

describe('paths and methods', () => {
  it.each([
    ['GET', '/nothing', 404, 'NOT_FOUND'],
    ['POST', '/', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', CHAT, 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', TEXT, 405, 'METHOD_NOT_ALLOWED'],
    ['POST', '/v1/models', 405, 'METHOD_NOT_ALLOWED'],
    ['PUT', `/v1/receipts/${'0'.repeat(64)}`, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/v1/models/gpt-4o', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/v1/models/%E0%A4%A', 404, 'NOT_FOUND'],
    ['GET', `/v1/receipts/${'0'.repeat(64)}`, 404, 'RECEIPT_NOT_FOUND'],
    ['GET', '/v1/receipts/../../etc/passwd', 404, 'NOT_FOUND'],
    ['GET', '/v1/receipts/%2e%2e%2fetc', 404, 'RECEIPT_NOT_FOUND'],
    ['GET', '/log/tile/0/000', 404, 'TILE_NOT_FOUND'],
    ['GET', '/log/tile/0/../../key', 404, 'NOT_FOUND'],
    ['GET', '/log/tile/entries/000.p/999', 404, 'TILE_NOT_FOUND'],
  ])('%s %s is %i', async (method, path, status, code) => {
    const kit = createKit();
    const response = await kit.node.fetch(new Request(BASE + path, { method }));
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await codeOf(response)).toBe(code);
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/);
  });

  it('HEAD has the headers of GET and no body', async () => {
    const response = await createKit().node.fetch(new Request(`${BASE}/v1/models`, { method: 'HEAD' }));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('bodies', () => {
  const send = (
    body: string | ReadableStream<Uint8Array> | null,
    headers: Record<string, string>,
    limit = 4_096,
  ): Promise<Response> =>
    createKit({ bodyBytesMax: limit }).node.fetch(
      new Request(BASE + CHAT, { method: 'POST', headers, body, duplex: 'half' } as RequestInit),
    );
  const JSON_TYPE = { 'Content-Type': 'application/json' };

  it.each([
    { 'Content-Type': 'text/plain' },
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    { 'Content-Type': 'application/json; charset=latin1' },
  ])('of another type are refused: %j', async (headers) => {
    const response = await send(JSON.stringify(chatBody()), headers);
    expect([response.status, await codeOf(response)]).toEqual([415, 'CONTENT_TYPE_UNSUPPORTED']);
  });

  it('that are compressed are refused', async () => {
    const response = await send('x', { ...JSON_TYPE, 'Content-Encoding': 'gzip' });
    expect([response.status, await codeOf(response)]).toEqual([415, 'CONTENT_TYPE_UNSUPPORTED']);
  });

  it.each([
    ['', 'JSON_SYNTAX'],
    ['{', 'JSON_SYNTAX'],
    ['[]', 'JSON_SYNTAX'],
    ['null', 'JSON_SYNTAX'],
    ['{"model":"a","model":"b"}', 'JSON_DUPLICATE_NAME'],
    ['{"model":"\\ud800"}', 'JSON_UNICODE'],
    ['{"seed":9007199254740993}', 'JSON_NUMBER'],
    ['{"temperature":1e999}', 'JSON_NUMBER'],
    [`${'['.repeat(100)}${']'.repeat(100)}`, 'JSON_DEPTH'],
  ])('that are not strict JSON are refused: %s', async (body, code) => {
    const response = await send(body, JSON_TYPE);
    expect([response.status, await codeOf(response)]).toEqual([400, code]);
  });

  it('with charset, spaces and upper case in their type are read', async () => {
    const response = await send(JSON.stringify(chatBody()), { 'Content-Type': 'Application/JSON ; Charset="UTF-8"' });
    expect(response.status).toBe(200);
  });

  it('larger than allowed are refused, announced or not', async () => {
    const large = JSON.stringify(chatBody({ user: 'x'.repeat(200) }));
    const announced = await send(large, { ...JSON_TYPE, 'Content-Length': String(large.length) }, 100);
    expect([announced.status, await codeOf(announced)]).toEqual([413, 'JSON_SIZE']);
    const chunks = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(64).fill(32)),
    });
    const endless = await send(chunks, JSON_TYPE, 100);
    expect([endless.status, await codeOf(endless)]).toEqual([413, 'JSON_SIZE']);
  });

  it('that announce too much are refused before they are read', async () => {
    const silent = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    const response = await send(silent, { ...JSON_TYPE, 'Content-Length': '1000000' });
    expect([response.status, await codeOf(response)]).toEqual([413, 'JSON_SIZE']);
  });

  it('in chunks are read whole', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(chatBody()));
    let sent = 0;
    const chunks = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent >= bytes.length) controller.close();
        else controller.enqueue(bytes.slice(sent, sent + 13));
        sent += 13;
      },
    });
    expect((await send(chunks, JSON_TYPE)).status).toBe(200);
  });

  it('that are too many together are refused for a while', async () => {
    const kit = createKit({ bodyBytesMax: 1_000, bodyBytesTotalMax: 1_500, concurrencyMax: 1 });
    kit.engine.pace = () => new Promise((resolve) => setTimeout(resolve, 5));
    const [first, second] = await Promise.all([kit.post(CHAT, chatBody()), kit.post(CHAT, chatBody())]);
    expect([first.status, second.status]).toEqual([200, 503]);
    expect((await kit.post(CHAT, chatBody())).status).toBe(200);
  });
});

describe('models', () => {
  it('are listed with their digest, and found by name or digest', async () => {
    const kit = createKit();
    const { name, digest } = kit.engine.model;
    expect(await (await kit.get('/v1/models')).json()).toMatchObject({
      object: 'list',
      data: [{ id: name, object: 'model', digest, context_length: 512 }],
    });
    for (const id of [name, encodeURIComponent(name), digest]) {
      expect(await (await kit.get(`/v1/models/${id}`)).json()).toMatchObject({ id: name, created: 1_790_000_000 });
    }
  });
});

describe('receipts', () => {
  it('are given as the stored bytes, for ever, to who holds the nonce', async () => {
    const kit = createKit();
    const nonce = nonceOf('mine');
    const id = (await kit.post(CHAT, chatBody(), { 'Runproof-Nonce': nonce })).headers.get('runproof-receipt') ?? '';
    const response = await kit.get(`/v1/receipts/${id}`, { 'Runproof-Nonce': nonce });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    expect(await response.text()).toBe(kit.store.bundles.get(id));
    const again = await kit.get(`/v1/receipts/${id}`, {
      'Runproof-Nonce': nonce,
      'If-None-Match': response.headers.get('etag') ?? '',
    });
    expect(again.status).toBe(304);
  });

  it.each([undefined, nonceOf('other'), '', '"', '.*'])(
    'are not shown to who has read the id in the public log (nonce %s)',
    async (nonce) => {
      const kit = createKit();
      const id = (await kit.post(CHAT, chatBody())).headers.get('runproof-receipt') ?? '';
      const response = await kit.get(`/v1/receipts/${id}`, nonce === undefined ? {} : { 'Runproof-Nonce': nonce });
      expect([response.status, await codeOf(response)]).toEqual([404, 'RECEIPT_NOT_FOUND']);
    },
  );

  it('are open to anyone where the operator says so', async () => {
    const kit = createKit({}, { receiptAccess: 'anyone' });
    const id = (await kit.post(CHAT, chatBody())).headers.get('runproof-receipt') ?? '';
    const response = await kit.get(`/v1/receipts/${id}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('are even then not open to a page from elsewhere, which a browser on the same machine may have loaded', async () => {
    const kit = createKit({}, { receiptAccess: 'anyone' });
    const nonce = nonceOf('mine');
    const id = (await kit.post(CHAT, chatBody(), { 'Runproof-Nonce': nonce })).headers.get('runproof-receipt') ?? '';
    expect((await kit.get(`/v1/receipts/${id}`, { Origin: 'https://evil.example' })).status).toBe(404);
    expect(
      (await kit.get(`/v1/receipts/${id}`, { Origin: 'https://app.example', 'Runproof-Nonce': nonce })).status,
    ).toBe(200);
  });
});

describe('the log', () => {
  it('is served as static files, and a receipt is found in it', async () => {
    const kit = createKit();
    const bundle = kit.bundleOf(await kit.post(CHAT, chatBody()));
    const checkpoint = await kit.get('/log/checkpoint');
    expect(checkpoint.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(checkpoint.headers.get('cache-control')).toBe('no-cache');
    const tile = await kit.get('/log/tile/0/000.p/1');
    expect(tile.headers.get('content-type')).toBe('application/octet-stream');
    expect(tile.headers.get('cache-control')).toContain('immutable');
    expect((await tile.arrayBuffer()).byteLength).toBe(32);
    const entries = parseEntryBundle(new Uint8Array(await (await kit.get('/log/tile/entries/000.p/1')).arrayBuffer()));
    expect(entries[0]).toEqual(kit.log.entries[0]);
    checkInclusion(bundle, kit);
  });
});

describe('what the node says about itself', () => {
  it('is a hint for trust, whose policy accepts its log, model and engine', async () => {
    const kit = createKit();
    const about = (await (await kit.get('/.well-known/runproof.json')).json()) as Record<string, unknown> & {
      policy: string;
    };
    expect(Object.keys(about).sort()).toEqual(['engine', 'log', 'models', 'origin', 'policy', 'schema', 'vkey']);
    const policy = parsePolicy(about.policy);
    expect(policy.models).toEqual([{ digest: kit.engine.model.digest, name: kit.engine.model.name }]);
    expect(policy.engines).toEqual(['exact-1']);
    expect(evaluatePolicy(policy, await kit.log.checkpoint()).log.origin).toBe(kit.log.origin);
  });

  it('is a page without script and without anything from elsewhere', async () => {
    const kit = createKit();
    const response = await kit.get('/');
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).toContain(kit.engine.model.digest);
    expect(page).toContain(kit.log.origin);
    expect(page).toContain(`${BASE}/v1/chat/completions`);
    expect(page).not.toMatch(/<script|<link|<img|src=|https:/);
  });

  it('are numbers whose labels come from lists of ours', async () => {
    const kit = createKit();
    await kit.post(CHAT, chatBody());
    await kit.post(CHAT, chatBody({ model: 'evil"} 1' }));
    await kit.get('/evil"path');
    const response = await kit.get('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    expect(text).toContain('runproof_http_requests_total{route="/v1/chat/completions",status="200"} 1');
    expect(text).toContain('runproof_http_requests_total{route="/v1/chat/completions",status="404"} 1');
    expect(text).toContain('runproof_http_requests_total{route="other",status="404"} 1');
    expect(text).toContain('runproof_receipts_total 1');
    expect(text).toMatch(/runproof_time_to_first_token_seconds_count 1\n/);
    expect(text).not.toContain('evil');
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"\\]*",?)+\})? [-+.e\d]+)$/);
  });
});

describe('browsers', () => {
  it('of any origin may read answers and receipts, without credentials', async () => {
    const response = await createKit().get('/v1/models', { Origin: 'https://app.example' });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-expose-headers')).toContain('Runproof-Receipt');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('ask before they send a nonce, and are allowed to', async () => {
    const kit = createKit();
    const headers = {
      Origin: 'https://app.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,runproof-nonce',
    };
    const response = await kit.node.fetch(new Request(BASE + CHAT, { method: 'OPTIONS', headers }));
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization,runproof-nonce');
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
  });

  it('of other origins than the configured ones may not', async () => {
    const kit = createKit({}, { corsOrigins: ['https://app.example'] });
    expect(
      (await kit.get('/v1/models', { Origin: 'https://app.example' })).headers.get('access-control-allow-origin'),
    ).toBe('https://app.example');
    const other = await kit.get('/v1/models', { Origin: 'https://evil.example' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    expect(other.headers.get('vary')).toBe('Origin');
  });
});

it('every answer has a request id of its own, which the log line names', async () => {
  const kit = createKit();
  const ids = [
    (await kit.get('/livez')).headers.get('x-request-id'),
    (await kit.get('/nothing')).headers.get('x-request-id'),
  ];
  expect(new Set(ids).size).toBe(2);
  expect(kit.lines.map((line) => line.request)).toEqual(ids);
  expect(kit.lines.map((line) => line.route)).toEqual(['/livez', 'other']);
});

it('limits and facts out of their range are refused when the node is made', () => {
  expect(() => createKit({ concurrencyMax: 0 })).toThrow('limits.concurrencyMax');
  expect(() => createKit({}, { corsOrigins: ['not a url'] })).toThrow('info.corsOrigins');
});
