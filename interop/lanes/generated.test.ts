// What is committed is what its generators write, and this package type checks.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

function run(...command: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: FOLDER, encoding: 'utf8' });
  return { status, output: status === 0 ? '' : stdout + stderr };
}

it.each(['make-unicode.ts', 'make-vocab.ts', 'record.ts'])('%s --check', (script) => {
  expect(run(script, '--check')).toEqual({ status: 0, output: '' });
});

it('type checks', () => {
  expect(run('../node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json')).toEqual({
    status: 0,
    output: '',
  });
});
