// npm run interop: installs this package when needed, runs every lane, and prints how many checks passed and failed.
//
// A lane is a test file in lanes/. One that cannot be loaded, or holds no test, counts as failed. --results FILE keeps vitest's report.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of vitest's JSON report that is counted. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

function install(): boolean {
  const installed = join(FOLDER, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(FOLDER, 'package-lock.json')).mtimeMs)
    return true;
  // Not `npm ci`: it refuses a lockfile without the optional builds for other platforms, and a registry need not hold all of them.
  // The versions are those of the lockfile all the same, and `--no-save` leaves it as it is.
  const command = ['install', '--no-save', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  return spawnSync('npm', command, { cwd: FOLDER, stdio: 'inherit', shell: process.platform === 'win32' }).status === 0;
}

function count(report: Report, lanes: readonly string[]): { passed: number; failed: number } {
  const ran = new Set(
    report.testResults.filter(({ assertionResults }) => assertionResults.length > 0).map(({ name }) => resolve(name)),
  );
  const missing = lanes.filter((name) => !ran.has(resolve(FOLDER, 'lanes', name)));
  for (const name of missing) console.log(`lane ${name} did not run`);
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numPendingTests + missing.length };
}

function main(): number {
  const flag = process.argv.indexOf('--results');
  const scratch = mkdtempSync(join(tmpdir(), 'runproof-interop-'));
  const path = flag < 0 ? join(scratch, 'report.json') : resolve(process.argv[flag + 1] ?? 'interop.json');
  try {
    if (!install()) {
      console.log('interop: its packages could not be installed\n0 passed, 1 failed');
      return 1;
    }
    const lanes = readdirSync(join(FOLDER, 'lanes')).filter((name) => name.endsWith('.test.ts'));
    const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
    const command = [
      vitest,
      'run',
      '--root',
      FOLDER,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${path}`,
    ];
    const { status } = spawnSync(process.execPath, command, { cwd: FOLDER, stdio: 'inherit' });
    if (!existsSync(path)) {
      console.log('interop: no report\n0 passed, 1 failed');
      return 1;
    }
    const { passed, failed } = count(JSON.parse(readFileSync(path, 'utf8')) as Report, lanes);
    console.log(`${passed} passed, ${failed} failed`);
    return status === 0 && failed === 0 ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exit(main());
