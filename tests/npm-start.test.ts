// `npm start` as a supervisor sees it: what stops npm stops the server, after its answers were finished and sealed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startByNpm } from './support/programs.ts';

it('drains and leaves no server behind when npm gets SIGTERM', async () => {
  const data = await mkdtemp(join(tmpdir(), 'runproof-npm-start-'));
  const server = await startByNpm(data);
  try {
    const body = JSON.stringify({
      model: 'runproof-tiny',
      messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
      stream: true,
    });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body });
    const [code, text] = await Promise.all([server.stop('SIGTERM'), answer.text()]);
    expect([code, text.endsWith('data: [DONE]\n\n')]).toEqual([0, true]);
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow();
  } finally {
    await rm(data, { recursive: true, force: true });
  }
});
