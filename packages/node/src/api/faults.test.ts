import { RunproofError } from '@runproof/protocol';
import { describe, expect, it } from 'vitest';
import { checkBundle } from '../test/checks.ts';
import { CHAT, chatBody, createGate, createKit, type Kit, until } from '../test/kit.ts';

interface Failure {
  error: { message: string; type: string; param: string | null; code: string };
}

const failureOf = async (response: Response): Promise<Failure['error']> => ((await response.json()) as Failure).error;
const ENDLESS = { max_tokens: 400, logit_bias: { 0: -100 } };

/** Waits until `count` requests stand in the queue, as the node itself says. */
async function untilWaiting(kit: Kit, count: number): Promise<void> {
  for (;;) {
    const { waiting } = (await (await kit.get('/readyz')).json()) as { waiting: number };
    if (waiting === count) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('an engine that fails', () => {
  it.each([
    ['error', 'ENGINE_NONFINITE'],
    ['throw', 'INTERNAL'],
    ['vanish', 'INTERNAL'],
    ['abort', 'INTERNAL'],
  ] as const)('by "%s" answers %s with a receipt of what there was, and no answer', async (kind, code) => {
    const kit = createKit();
    kit.engine.fault = { at: 3, kind };
    const request = JSON.stringify(chatBody());
    const response = await kit.post(CHAT, request);
    expect(response.status).toBe(500);
    const bundle = kit.bundleOf(response);
    // Without it, who let the node draw the nonce could never open this receipt.
    expect(response.headers.get('runproof-nonce')).toBe(bundle.body.nonce);
    expect(bundle.body).toMatchObject({ finish_reason: 'error', usage: { completion_tokens: 3 } });
    const replayed = await kit.engine.replay(
      bundle.disclosure ?? { prompt: [], completion: [] },
      bundle.body.sampling,
      bundle.body.trace,
    );
    await checkBundle(bundle, kit, { request, content: replayed.equal ? replayed.text : '' });
    const error = await failureOf(response);
    expect(error).toMatchObject({ code, type: 'server_error', param: null });
    expect(error.message).not.toContain('secret');
  });

  it('says why in the log of the node, with neither prompt nor nonce', async () => {
    const kit = createKit();
    kit.engine.fault = { at: 3, kind: 'throw' };
    await kit.post(CHAT, chatBody({ user: 'somebody' }), { 'Runproof-Nonce': 'ab'.repeat(16) });
    const lines = JSON.stringify(kit.lines);
    expect(
      kit.lines.some((line) => line.event === 'run.failed' && String(line.detail).includes('the engine broke')),
    ).toBe(true);
    for (const secret of ['Tell me of a fox', 'ab'.repeat(16), 'somebody']) expect(lines).not.toContain(secret);
  });
});

describe('a receipt that cannot be made', () => {
  it('because the log fails, withholds the answer and says not ready, until sealing works again', async () => {
    const kit = createKit();
    kit.log.before = () => Promise.reject(new Error('EIO'));
    const refused = await kit.post(CHAT, chatBody());
    expect(refused.status).toBe(500);
    expect(refused.headers.get('runproof-receipt')).toBeNull();
    expect((await kit.get('/readyz')).status).toBe(503);
    kit.log.before = async () => {};
    expect((await kit.post(CHAT, chatBody())).status).toBe(200);
    expect((await kit.get('/readyz')).status).toBe(200);
  });

  it('says nothing of the machine to the client, only to the log of the node', async () => {
    const kit = createKit();
    kit.log.before = () => Promise.reject(new RunproofError('LOG_UNWRITABLE', 'cannot write /home/someone/log'));
    const error = await failureOf(await kit.post(CHAT, chatBody()));
    expect(error.code).toBe('LOG_UNWRITABLE');
    expect(error.message).not.toContain('/home');
    expect(JSON.stringify(kit.lines)).toContain('cannot write /home/someone/log');
  });

  it('because the store fails, withholds the answer', async () => {
    const kit = createKit();
    kit.store.fails = true;
    const refused = await kit.post(CHAT, chatBody());
    expect(refused.status).toBe(500);
    const error = await failureOf(refused);
    expect(error.code).toBe('STORE_UNWRITABLE');
    expect(error.message).not.toContain('/home');
  });

  it('is stored before the answer leaves', async () => {
    const kit = createKit();
    const gate = createGate();
    kit.log.before = () => gate.opened;
    let answered = false;
    const answer = kit.post(CHAT, chatBody()).then((response) => {
      answered = true;
      return response;
    });
    await until(() => kit.engine.requests.length === 1 && kit.engine.running === 0);
    expect(answered).toBe(false);
    gate.open();
    const response = await answer;
    expect(kit.store.bundles.has(response.headers.get('runproof-receipt') ?? '')).toBe(true);
  });
});

describe('deadlines', () => {
  it('for the first token', async () => {
    const kit = createKit({ firstTokenMsMax: 20 });
    kit.engine.fault = { at: 0, kind: 'hang' };
    const response = await kit.post(CHAT, chatBody({ stream: true }));
    expect(response.status).toBe(504);
    expect(await failureOf(response)).toMatchObject({ code: 'DEADLINE_EXCEEDED', type: 'server_error' });
    expect(kit.bundleOf(response).body.finish_reason).toBe('error');
  });

  it('for the next token', async () => {
    const kit = createKit({ tokenGapMsMax: 20 });
    kit.engine.fault = { at: 4, kind: 'hang' };
    const response = await kit.post(CHAT, chatBody());
    expect(response.status).toBe(504);
    expect(kit.bundleOf(response).body).toMatchObject({ finish_reason: 'error', usage: { completion_tokens: 4 } });
  });

  it('for the whole run', async () => {
    const kit = createKit({ runMsMax: 40 });
    kit.engine.pace = () => new Promise((resolve) => setTimeout(resolve, 3));
    const response = await kit.post(CHAT, chatBody(ENDLESS));
    expect(response.status).toBe(504);
    expect(kit.bundleOf(response).body.usage.completion_tokens).toBeGreaterThan(0);
  });

  it('for the tokenizer, before there is a run', async () => {
    const kit = createKit({ firstTokenMsMax: 20, abortMsMax: 20 });
    kit.engine.encodeDelay = new Promise(() => {});
    const response = await kit.post(CHAT, chatBody());
    expect(response.status).toBe(504);
    expect(kit.log.entries).toHaveLength(0);
  });

  it('for an engine that does not obey: the run is sealed without it, and its place is free again', async () => {
    const kit = createKit({ tokenGapMsMax: 20, abortMsMax: 20, concurrencyMax: 1, waitingMax: 0 });
    kit.engine.fault = { at: 2, kind: 'stuck' };
    const response = await kit.post(CHAT, chatBody());
    expect(response.status).toBe(500);
    expect(kit.bundleOf(response).body.usage.completion_tokens).toBe(2);
    kit.engine.fault = { at: 0, kind: null };
    expect((await kit.post(CHAT, chatBody())).status).toBe(200);
  });
});

describe('a queue that is full', () => {
  it('refuses with 503 and Retry-After, without reading the body, and lets the others go on in their order', async () => {
    const kit = createKit({ concurrencyMax: 1, waitingMax: 1 });
    const gate = createGate();
    kit.engine.pace = () => gate.opened;
    const first = kit.post(CHAT, chatBody());
    await until(() => kit.engine.running === 1);
    const second = kit.post(CHAT, chatBody({ seed: 8 }));
    await untilWaiting(kit, 1);
    const refused = await kit.post(CHAT, 'not even JSON');
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await failureOf(refused)).toMatchObject({ code: 'OVERLOADED', type: 'server_error' });
    gate.open();
    expect((await first).status).toBe(200);
    expect((await second).status).toBe(200);
    expect((await (await kit.get('/metrics')).text()).includes('runproof_refused_total{code="OVERLOADED"} 1')).toBe(
      true,
    );
  });

  it('does not make a request wait that will be refused', async () => {
    const kit = createKit({ concurrencyMax: 1, waitingMax: 1 });
    const gate = createGate();
    kit.engine.pace = () => gate.opened;
    const first = kit.post(CHAT, chatBody());
    await until(() => kit.engine.running === 1);
    expect((await kit.post(CHAT, chatBody({ temperature: 9 }))).status).toBe(400);
    gate.open();
    expect((await first).status).toBe(200);
  });

  it('has a free place as soon as the engine is free, while the receipt is still being sealed', async () => {
    const kit = createKit({ concurrencyMax: 1, waitingMax: 0 });
    const gate = createGate();
    kit.log.before = () => gate.opened;
    const first = kit.post(CHAT, chatBody());
    await until(() => kit.lines.length === 0 && kit.engine.requests.length === 1 && kit.engine.running === 0);
    const second = kit.post(CHAT, chatBody());
    await until(() => kit.engine.requests.length === 2 && kit.engine.running === 0);
    gate.open();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  it('forgets those who went away while they waited: nothing runs for them', async () => {
    const kit = createKit({ concurrencyMax: 1, waitingMax: 4 });
    const gate = createGate();
    kit.engine.pace = () => gate.opened;
    const first = kit.post(CHAT, chatBody());
    await until(() => kit.engine.running === 1);
    const leaving = new AbortController();
    const second = kit.post(CHAT, chatBody(), {}, leaving.signal);
    await untilWaiting(kit, 1);
    leaving.abort();
    expect((await second).status).toBe(499);
    gate.open();
    expect((await first).status).toBe(200);
    expect(kit.engine.requests).toHaveLength(1);
    expect(kit.log.entries).toHaveLength(1);
  });

  it('does not let anybody wait longer than allowed', async () => {
    const kit = createKit({ concurrencyMax: 1, waitingMax: 4, queueMsMax: 20 });
    const gate = createGate();
    kit.engine.pace = () => gate.opened;
    const first = kit.post(CHAT, chatBody());
    await until(() => kit.engine.running === 1);
    const refused = await kit.post(CHAT, chatBody());
    expect(refused.status).toBe(503);
    gate.open();
    expect((await first).status).toBe(200);
  });
});

describe('a client that goes away', () => {
  it.each([true, false])('before its run has begun leaves no run and no receipt (stream: %s)', async (stream) => {
    const kit = createKit();
    const gate = createGate();
    kit.engine.encodeDelay = gate.opened;
    const leaving = new AbortController();
    const answer = kit.post(CHAT, chatBody({ stream }), {}, leaving.signal);
    await new Promise((resolve) => setTimeout(resolve, 5));
    leaving.abort();
    gate.open();
    expect((await answer).status).toBe(499);
    expect(kit.engine.requests).toHaveLength(0);
    expect(kit.log.entries).toHaveLength(0);
  });
});

describe('a client that goes away during a plain run', () => {
  it('stops the engine; what was emitted is sealed', async () => {
    const kit = createKit();
    kit.engine.pace = () => new Promise((resolve) => setTimeout(resolve, 1));
    const leaving = new AbortController();
    const answer = kit.post(CHAT, chatBody(ENDLESS), {}, leaving.signal);
    await until(() => kit.engine.running === 1);
    leaving.abort();
    const response = await answer;
    expect(response.status).toBe(499);
    expect(kit.engine.running).toBe(0);
    expect(kit.onlyBundle().body.finish_reason).toBe('abort');
  });
});

describe('draining', () => {
  it('refuses new runs, lets the running ones end, and resolves when they are sealed', async () => {
    const kit = createKit();
    const gate = createGate();
    kit.engine.pace = () => gate.opened;
    const running = kit.post(CHAT, chatBody());
    await until(() => kit.engine.running === 1);
    let drained = false;
    const drain = kit.node.drain(60_000).then(() => {
      drained = true;
    });
    expect(kit.node.ready).toBe(false);
    expect((await kit.get('/readyz')).status).toBe(503);
    expect((await kit.get('/livez')).status).toBe(200);
    const refused = await kit.post(CHAT, chatBody());
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect((await failureOf(refused)).code).toBe('SHUTTING_DOWN');
    expect(drained).toBe(false);
    gate.open();
    expect((await running).status).toBe(200);
    await drain;
    expect(kit.store.bundles.size).toBe(1);
  });

  it('stops and seals what does not end in time, and refuses those who wait', async () => {
    const kit = createKit({ concurrencyMax: 1 });
    kit.engine.pace = () => new Promise((resolve) => setTimeout(resolve, 1));
    const running = kit.post(CHAT, chatBody({ ...ENDLESS, stream: true }));
    await until(() => kit.engine.running === 1);
    const waiting = kit.post(CHAT, chatBody());
    const stream = await running;
    await kit.node.drain(20);
    expect((await failureOf(await waiting)).code).toBe('SHUTTING_DOWN');
    const text = await stream.text();
    expect(text).toContain('SHUTTING_DOWN');
    expect(text).not.toContain('[DONE]');
    expect(kit.onlyBundle().body.finish_reason).toBe('error');
    await kit.node.close();
  });
});
