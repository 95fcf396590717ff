import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '@runproof/log';
import { systemClock, systemRandom } from '@runproof/node';
import { ed25519NoteSigner } from '@runproof/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyHint } from '../../node/src/routes/about.ts';
import { chatBody, createKit, type Kit } from '../../node/src/test/kit.ts';
import { chatCommand } from './commands/chat.ts';
import { createTerminal } from './terminal.ts';
import { type Middleman, startMiddleman } from './test/middleman.ts';
import { run } from './test/run.ts';

const NONCE = 'ab'.repeat(32);
let folder = '';
let kit: Kit;
let files: { receipt: string; request: string; response: string; policy: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runproof-cli-'));
  kit = createKit();
  const request = JSON.stringify(chatBody());
  const response = await kit.post('/v1/chat/completions', request, { 'runproof-nonce': NONCE });
  files = {
    receipt: join(folder, 'a.receipt.json'),
    request: join(folder, 'a.request'),
    response: join(folder, 'a.response'),
    policy: join(folder, 'policy.txt'),
  };
  await writeFile(files.request, request);
  await writeFile(files.response, await response.text());
  await writeFile(files.receipt, [...kit.store.bundles.values()][0] ?? '');
  await writeFile(files.policy, policyHint(kit));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const verifyWords = (): string[] => [
  'verify',
  files.receipt,
  '--request',
  files.request,
  '--response',
  files.response,
  '--policy',
  files.policy,
  '--nonce',
  NONCE,
];

describe('runproof verify', () => {
  it('exits 0 and lists every check of a valid receipt', async () => {
    const { code, stdout, stderr } = await run(verifyWords());
    expect([code, stderr]).toEqual([0, '']);
    for (const id of [
      'bundle.parse',
      'log.signature',
      'log.inclusion',
      'nonce.match',
      'request.match',
      'response.match',
    ])
      expect(stdout).toMatch(new RegExp(`pass {2}${id}`));
    expect(stdout).toContain('valid: sealed.');
    expect(stdout).not.toContain('\u001b');
  });

  it('exits 1 and names the failed check, its code and what was expected', async () => {
    const { code, stdout } = await run([...verifyWords().slice(0, -1), 'cd'.repeat(32)]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL {2}nonce\.match/);
    expect(stdout).toContain('expected: cdcdcd');
    expect(stdout).toContain('NONCE_MISMATCH: ');
    expect(stdout).toContain('invalid: nonce.match failed.');
  });

  it('exits 2 and says how to give what is missing', async () => {
    const { code, stdout } = await run(['verify', files.receipt, '--policy', files.policy]);
    expect(code).toBe(2);
    for (const option of ['--request', '--response']) expect(stdout).toContain(option);
  });

  it('exits 3 when it was called wrongly, with one sentence', async () => {
    await writeFile(join(folder, 'broken-policy.txt'), 'log nonsense\n');
    const wrong = [
      ['verify'],
      ['verify', join(folder, 'nothing')],
      ['verify', files.receipt, '--policy', join(folder, 'broken-policy.txt')],
      ['verify', files.receipt, '--policy', files.policy, '--model', 'x.gguf'],
      ['verify', files.receipt, '--policy', files.policy, '--replay', '--model', files.policy],
      ['replay', files.receipt, '--model', files.policy],
      ['verify', files.receipt, '--policy', files.policy, '--nonce', NONCE.toUpperCase()],
      ['replay', files.receipt],
      ['verify', files.receipt, '--nope'],
      ['nope'],
      ['up', '--port', '70000'],
      ['verify', files.receipt, '--policy', files.policy, '--replay', '--model', join(folder, 'nothing.gguf')],
    ];
    for (const words of wrong) {
      const { code, stdout, stderr } = await run(words);
      expect([words.join(' '), code, stdout]).toEqual([words.join(' '), 3, '']);
      expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    }
  });

  it('wants a model that is a file', async () => {
    const { code, stderr } = await run(['replay', files.receipt, '--model', folder]);
    expect([code, stderr]).toEqual([3, `runproof: There is no file ${folder}.\n`]);
  });

  it('prints the report as JSON', async () => {
    const { stdout } = await run([...verifyWords(), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'valid', level: 'sealed', failed: [], missing: [] });
  });

  it('colours on a terminal', async () => {
    expect((await run(verifyWords(), { tty: true })).stdout).toContain('\u001b[32mpass');
    expect((await run(verifyWords(), { tty: true, environment: { NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
  });
});

describe('runproof inspect', () => {
  it('shows a receipt and claims nothing', async () => {
    const { code, stdout } = await run(['inspect', files.receipt]);
    expect(code).toBe(0);
    expect(stdout).toContain(NONCE);
    expect(stdout).toContain('Nothing was checked');
    expect(stdout).not.toMatch(/verified|valid\b/);
    const json = JSON.parse((await run(['inspect', files.receipt, '--json'])).stdout) as {
      bundle: unknown;
      checked: unknown[];
    };
    expect([json.checked, json.bundle]).toEqual([[], JSON.parse(await readFile(files.receipt, 'utf8'))]);
  });

  it('refuses what is no receipt', async () => {
    expect((await run(['inspect', files.request])).code).toBe(1);
  });
});

describe('runproof trust', () => {
  let middleman: Middleman;
  beforeAll(async () => {
    middleman = await startMiddleman();
  });
  afterAll(() => middleman.close());

  it('asks first, remembers, and refuses a key that changed', async () => {
    const policy = join(folder, 'trust', 'policy.txt');
    await mkdir(join(folder, 'trust'));
    const asked = await run(['trust', middleman.url, '--policy', policy]);
    expect([asked.code, asked.stdout]).toEqual([1, '']);
    expect(asked.stderr).toContain(middleman.kit.log.origin);
    await expect(readFile(policy, 'utf8')).rejects.toThrow();

    expect((await run(['trust', middleman.url, '--policy', policy, '--yes'])).code).toBe(0);
    const written = await readFile(policy, 'utf8');
    expect(written).toContain(`log ${middleman.kit.log.vkey} ${middleman.url}/log\n`);
    expect((await run(['trust', `${middleman.url}/v1`, '--policy', policy])).stderr).toContain('already');

    const otherKey = written.replace(
      /^log \S+/m,
      `log ${ed25519NoteSigner('runproof.local/ffffffffffffffff', new Uint8Array(32).fill(3)).vkey}`,
    );
    await writeFile(policy, otherKey);
    const changed = await run(['trust', middleman.url, '--policy', policy, '--yes']);
    expect([changed.code, await readFile(policy, 'utf8')]).toEqual([1, otherKey]);
    expect(changed.stderr).toContain('another log key');
  });

  it('chat does not talk to a node that is not trusted', async () => {
    const seen = middleman.seen.length;
    const { code, stderr } = await run(['chat', 'hello', '--url', middleman.url, '--policy', join(folder, 'none.txt')]);
    expect(code).toBe(1);
    expect(stderr).toContain(`runproof trust ${middleman.url}`);
    expect(middleman.seen.slice(seen).map(({ url }) => url)).toEqual(['/.well-known/runproof.json']);
  });

  it('chat refuses a node that shows a person another key than it had shown before', async () => {
    const honest = await (await kit.get('/.well-known/runproof.json')).text();
    const hidden = ed25519NoteSigner('runproof.local/eeeeeeeeeeeeeeee', new Uint8Array(32).fill(4));
    const info = JSON.parse(honest) as Record<string, unknown>;
    const first = JSON.stringify({ ...info, log: '/elsewhere', origin: hidden.name, vkey: hidden.vkey });
    const asked: (string | undefined)[] = [];
    const server = createHttpServer(({ url }, response) => response.end(asked.push(url) === 1 ? first : honest));
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, () => resolve()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { url, policy: join(folder, 'two-faced.txt'), temperature: 1, replay: false, yes: true };
    const quiet = { write: () => {} };
    const terminal = createTerminal({ stdin: {}, stdout: quiet, stderr: quiet, environment: {} });
    const talk = chatCommand('hello', options, { ...terminal, interactive: true });
    await expect(talk).rejects.toMatchObject({ code: 'UNTRUSTED' });
    expect(asked).toEqual(['/.well-known/runproof.json', '/.well-known/runproof.json']);
    await new Promise((resolve) => server.close(resolve));
  });

  it('chat shows an answer that holds, saves it, and refuses one that does not', async () => {
    const [policy, saved] = [join(folder, 'chat-policy.txt'), join(folder, 'saved')];
    await run(['trust', middleman.url, '--policy', policy, '--yes']);
    const words = [
      'chat',
      'Tell me of a fox.',
      '--url',
      middleman.url,
      '--policy',
      policy,
      '--max-tokens',
      '12',
      '--seed',
      '5',
      '--temperature',
      '0.8',
    ];
    const shown = await run([...words, '--no-replay', '--save', saved]);
    expect([shown.code, shown.stdout.length > 5]).toEqual([0, true]);
    expect(shown.stderr).toMatch(/sealed: \d+ tokens, receipt [0-9a-f]{64}/);
    const command =
      /saved: npx runproof (.*)/
        .exec(shown.stderr)?.[1]
        ?.split(' ')
        .filter((word) => word !== '--replay') ?? [];
    expect((await run([...command, '--policy', policy])).code).toBe(0);
    middleman.tamper = (answer) => ({ ...answer, body: answer.body.replace('"content":" ', '"content":" not ') });
    const refused = await run([...words, '--no-replay']);
    expect([refused.code, refused.stderr.includes('response.match')]).toEqual([1, true]);
    middleman.tamper = null;
  });
});

describe('runproof keys and log fsck', () => {
  it('prove a log, and name what does not fit', async () => {
    const data = join(folder, 'data');
    const directory = join(data, 'log');
    await mkdir(data);
    const log = await openLog({ directory, clock: systemClock, random: systemRandom, onWarning: () => {} });
    for (let index = 0; index < 5; index += 1) await log.append(new Uint8Array(33).fill(index));
    await log.close();
    const missing = await run(['keys', '--data', data]);
    expect([missing.code, missing.stderr.includes('no log key')]).toEqual([1, true]);
    await writeFile(join(data, 'log.vkey'), `${log.vkey}\n`);
    expect(JSON.parse((await run(['keys', '--data', data, '--json'])).stdout)).toMatchObject({
      origin: log.origin,
      vkey: log.vkey,
    });

    const proved = await run(['log', 'fsck', directory, '--json']);
    expect([proved.code, JSON.parse(proved.stdout)]).toMatchObject([0, { origin: log.origin, size: 5 }]);
    const bytes = await readFile(join(directory, 'entries'));
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(join(directory, 'entries'), bytes);
    const damaged = await run(['log', 'fsck', directory]);
    expect([damaged.code, damaged.stderr.startsWith('runproof: ')]).toEqual([1, true]);
    expect((await run(['log', 'fsck', folder])).code).toBe(3);
  });

  it('up says that a port is in use before it does anything else', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen({ host: '127.0.0.1', port: 0 }, () => resolve()));
    const { port } = holder.address() as AddressInfo;
    const { code, stderr } = await run(['up', '--port', String(port), '--data', join(folder, 'unused')]);
    expect([code, stderr]).toEqual([
      1,
      `runproof: Port ${port} of 127.0.0.1 is in use by another program; choose one with --port. Correct the named setting.\n`,
    ]);
    await expect(readFile(join(folder, 'unused', 'log.vkey'))).rejects.toThrow();
    await new Promise((resolve) => holder.close(resolve));
  });
});
