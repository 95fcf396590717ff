// Type checks every package with its own tsconfig (the pure ones see no Node types), then the whole tree with its tests.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const projects = readdirSync('packages')
  .map((name) => `packages/${name}/tsconfig.json`)
  .filter((path) => existsSync(path));

let failed = 0;
for (const project of [...projects, 'tsconfig.json']) {
  const result = spawnSync('node_modules/.bin/tsc', ['--noEmit', '-p', project], { stdio: 'inherit' });
  if (result.status !== 0) {
    failed += 1;
    console.error(`typecheck: ${project} failed`);
  }
}
process.exit(failed === 0 ? 0 : 1);
