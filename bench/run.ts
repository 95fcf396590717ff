// npm run bench: every number that the pages claim, in one run. Each program prints its table; the JSON goes to bench/results/.
// npm run bench -- receipts engine   runs only these.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const PROGRAMS = ['receipts', 'log', 'engine', 'llama'];
const wanted = process.argv.slice(2).filter((name) => !name.startsWith('-'));
const results = join(folder, 'results');
mkdirSync(results, { recursive: true });

let failed = 0;
for (const name of wanted.length === 0 ? PROGRAMS : wanted) {
  const program = join(folder, `${name}.ts`);
  if (!existsSync(program)) {
    console.error(`There is no bench named ${name}; there are: ${PROGRAMS.join(', ')}.`);
    process.exit(3);
  }
  const run = spawnSync(process.execPath, [program, '--json', join(results, `${name}.json`)], { stdio: 'inherit' });
  if (run.status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
