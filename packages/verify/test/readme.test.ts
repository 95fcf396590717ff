// The examples of the package pages run, and print what the pages say.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

it.each(['protocol', 'verify'])('the example of %s', (name) => {
  const page = readFileSync(`${root}packages/${name}/README.md`, 'utf8');
  const [, code = '', output = ''] = /```ts\n([^`]+)```\n\n```\n([^`]+)```/.exec(page) ?? [];
  expect(code).toContain(`@runproof/${name}`);
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, encoding: 'utf8' })).toBe(
    output,
  );
});
