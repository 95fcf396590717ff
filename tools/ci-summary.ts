// Adds up what the lanes of .ci/run left in a folder and prints the closing line. A lane that left nothing has failed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a runner writes: vitest's JSON report, or an exit status. */
interface LaneReport {
  readonly numPassedTests?: number;
  readonly numFailedTests?: number;
  readonly numFailedTestSuites?: number;
  readonly numPendingTests?: number;
  readonly status?: number;
}

const LANES = ['unit', 'types', 'lint', 'vectors', 'kernels', 'interop'];

function count(folder: string, lane: string): { passed: number; failed: number } {
  const path = join(folder, `${lane}.json`);
  if (!existsSync(path)) return { passed: 0, failed: 1 };
  const report = JSON.parse(readFileSync(path, 'utf8')) as LaneReport;
  if (report.status !== undefined) return { passed: report.status === 0 ? 1 : 0, failed: report.status === 0 ? 0 : 1 };
  const passed = report.numPassedTests ?? 0;
  // A peer that did not judge has not agreed: in the interop lane a skipped test is a failed one.
  const skipped = lane === 'interop' ? (report.numPendingTests ?? 0) : 0;
  const tests = (report.numFailedTests ?? 0) + skipped;
  // A suite that could not be loaded has no failed test; one with a failed test is not counted twice.
  // A runner may also end badly by an error that no test has caught.
  const ended = passed > 0 && !existsSync(join(folder, `${lane}.failed`));
  const failed = tests > 0 ? tests : Math.max(report.numFailedTestSuites ?? 0, ended ? 0 : 1);
  return { passed, failed };
}

const folder = process.argv[2] ?? '.';
let passed = 0;
let failed = 0;
for (const lane of LANES) {
  const result = count(folder, lane);
  console.log(`${lane}: ${result.passed} passed, ${result.failed} failed`);
  passed += result.passed;
  failed += result.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
