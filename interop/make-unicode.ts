// Writes packages/exact/src/tokenizer/generated/unicode-15-1.ts from the Unicode Character Database 15.1.0, or with --check compares.
// The contract pins this version (specs/exact-1.md §12.2): the tables of a runtime change with its version, token ids must not.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import whitespace from '@unicode/unicode-15.1.0/Binary_Property/White_Space/code-points.mjs';
import letters from '@unicode/unicode-15.1.0/General_Category/Letter/code-points.mjs';
import numbers from '@unicode/unicode-15.1.0/General_Category/Number/code-points.mjs';
import punctuation from '@unicode/unicode-15.1.0/General_Category/Punctuation/code-points.mjs';

const CODE_POINTS = 0x110000;
const TARGET = fileURLToPath(new URL('../packages/exact/src/tokenizer/generated/unicode-15-1.ts', import.meta.url));

/** Class of every code point as runs: a digit for the class, then the run's length in base 36 with upper-case letters. */
function encodeRuns(): string {
  const classes = new Uint8Array(CODE_POINTS);
  [letters, numbers, punctuation, whitespace].forEach((points, index) => {
    for (const point of points) classes[point] = index + 1;
  });
  let text = '';
  let start = 0;
  for (let point = 1; point <= CODE_POINTS; point += 1) {
    if (point < CODE_POINTS && classes[point] === classes[start]) continue;
    text += `${'olnpw'.charAt(classes[start] ?? 0)}${(point - start).toString(36).toUpperCase()}`;
    start = point;
  }
  return text;
}

const lines = encodeRuns().match(/.{1,110}/g) ?? [];
const source = `// Written by interop/make-unicode.ts from the Unicode Character Database 15.1.0; do not edit.

/**
 * Classes of the code points from U+0000 up as runs: o other, l letter (L), n number (N), p punctuation (P), w White_Space; then the
 * length of the run in base 36, upper case.
 */
export const CLASS_RUNS =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;

if (process.argv.includes('--check')) {
  const same = readFileSync(TARGET, 'utf8') === source;
  console.log(same ? 'unicode table: as generated' : 'unicode table: differs from its generator');
  process.exit(same ? 0 : 1);
}
writeFileSync(TARGET, source);
