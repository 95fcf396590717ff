// The first page must stay true: what it shows of the built-in model is that of the file, and what it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openExactEngine } from '@runproof/engine-exact';
import { CHECK_IDS } from '@runproof/verify';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'README.md'), 'utf8');

describe('README.md', () => {
  it('shows the digest of the built-in model', async () => {
    const engine = await openExactEngine({ path: join(root, 'models', 'runproof-tiny-q8_0.gguf'), threads: 1 });
    await engine.close();
    const shown = new Set(page.match(/sha256:[0-9a-f]{64}/g));
    expect([...shown]).toEqual([engine.model.digest]);
  });

  it('names files and scripts that exist', () => {
    const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts as Record<string, string>;
    const paths = [...page.matchAll(/`((?:[a-z]+\/[\w./-]*|[A-Z]+\.md))`/g)].map((match) => match[1] ?? '');
    expect(paths.filter((path) => !existsSync(join(root, path)) && !path.startsWith('path/'))).toEqual([]);
    const named = [...page.matchAll(/npm run (\w+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
    expect(paths.length).toBeGreaterThan(5);
  });

  it('shows checks that verify runs, in their order', () => {
    const shown = [...page.matchAll(/^ {2}pass {2}(\S+)/gm)].map((match) => match[1] ?? '');
    expect(shown.length).toBeGreaterThan(15);
    expect(CHECK_IDS.filter((id) => shown.includes(id))).toEqual(shown);
  });
});
