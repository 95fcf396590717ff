// Type checks every package with its own tsconfig (the pure ones see no Node types), then the whole tree with its tests.
// --results FILE writes the counts for .ci/run.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';

const projects = [
  ...readdirSync('packages')
    .map((name) => `packages/${name}/tsconfig.json`)
    .filter((path) => existsSync(path)),
  'tsconfig.json',
];

let numFailedTests = 0;
for (const project of projects) {
  const result = spawnSync('node_modules/.bin/tsc', ['--noEmit', '-p', project], { stdio: 'inherit' });
  if (result.status !== 0) {
    numFailedTests += 1;
    console.error(`typecheck: ${project} failed`);
  }
}
const flag = process.argv.indexOf('--results');
const path = flag < 0 ? undefined : process.argv[flag + 1];
const numPassedTests = projects.length - numFailedTests;
if (path !== undefined) writeFileSync(path, JSON.stringify({ numPassedTests, numFailedTests }));
console.log(`typecheck: ${numPassedTests} projects passed, ${numFailedTests} failed`);
process.exit(numFailedTests === 0 ? 0 : 1);
