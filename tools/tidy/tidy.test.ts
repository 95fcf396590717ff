// The rules of this repository, as tests. Each rule is run on the tree, and on a canary that it must catch.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkDeadExports, checkDeclared, checkLayers, checkPackagePages, checkPurity } from './rules-structure.ts';
import { checkAssertions, checkCitations, checkLengths, checkWords } from './rules-text.ts';
import { readTree, type SourceFile, type Violation } from './source.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const code = readTree(root, (path) => path.endsWith('.ts') && !path.startsWith('packages/exact/kernels/assembly/'));
/** AssemblyScript decorates functions, which TypeScript's grammar does not know: the decorator's line is read as empty. */
const kernels = readTree(
  root,
  (path) => path.startsWith('packages/exact/kernels/assembly/') && path.endsWith('.ts'),
).map(({ path, text }) => ({ path, text: text.replace(/^@inline$/gm, '') }));
const pages = readTree(root, (path) => path.endsWith('.md'));
const scripts = readTree(root, (path) => /\.(py|mjs|sh|yml|go)$/.test(path) || path === '.ci/run');
/** The rules themselves name what they forbid. */
const others = code.filter((file) => !file.path.startsWith('tools/tidy/'));
const specs = new Map(
  pages.filter((page) => /^specs\/[^/]+$/.test(page.path)).map((page) => [page.path.slice('specs/'.length), page.text]),
);

function dependencies(path: string): Set<string> {
  const manifest = JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  return new Set([...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.devDependencies ?? {})]);
}

const manifests = new Map(
  readTree(join(root, 'packages'), (path) => /^[^/]+\/package\.json$/.test(path)).map((file) => {
    const folder = file.path.split('/')[0] ?? '';
    return [folder, dependencies(`packages/${file.path}`)] as const;
  }),
);

const source = (path: string, text: string): SourceFile => ({ path, text });
const show = (found: readonly Violation[]): string[] =>
  found.map(({ path, line, message }) => `${path}:${line} ${message}`);

describe('tidy: structure', () => {
  it('imports point down', () => {
    expect(show(checkLayers(code))).toEqual([]);
    expect(checkLayers([source('packages/tlog/src/a.ts', "import { x } from '@runproof/verify';")])).toHaveLength(1);
    expect(checkLayers([source('packages/tlog/src/a.ts', "export { x } from '../../verify/src/a.ts';")])).toHaveLength(
      1,
    );
    expect(checkLayers([source('packages/unheard-of/src/a.ts', 'export {};')])).toHaveLength(1);
  });

  it('dependencies are declared', () => {
    expect(show(checkDeclared(code, manifests, dependencies('package.json')))).toEqual([]);
    const canary = source('packages/tlog/src/a.ts', "const x = await import('left-pad');");
    expect(checkDeclared([canary], manifests, new Set())).toHaveLength(1);
  });

  it('pure packages have no I/O, clock, randomness or platform arithmetic', () => {
    expect(show(checkPurity(code))).toEqual([]);
    for (const text of [
      'Date.now()',
      'Math.random()',
      'Math.exp(1)',
      'new Date()',
      'setTimeout(f)',
      "import 'node:fs'",
    ]) {
      expect(checkPurity([source('packages/verify/src/a.ts', text)]), text).toHaveLength(1);
    }
  });

  it('every export is used', () => {
    expect(show(checkDeadExports(code, pages.map((page) => page.text).join('\n')))).toEqual([]);
    expect(checkDeadExports([source('packages/verify/src/a.ts', 'export const nobody = 1;')], '')).toHaveLength(1);
  });

  it('every package has its page', () => {
    const readmes = new Map(pages.map((page) => [page.path, page.text]));
    expect(show(checkPackagePages(readmes))).toEqual([]);
    expect(checkPackagePages(new Map()).length).toBeGreaterThan(0);
  });
});

describe('tidy: text', () => {
  it('files, functions and lines are short', () => {
    expect(show(checkLengths([...code, ...kernels]))).toEqual([]);
    expect(checkLengths([source('a.ts', '1;\n'.repeat(401))])).toHaveLength(1);
    expect(checkLengths([source('a.ts', `function f() {${'\n'.repeat(80)}}`)])).toHaveLength(1);
    expect(checkLengths([source('a.ts', `// ${'x'.repeat(200)}`)])).toHaveLength(1);
  });

  it('no banned words', () => {
    expect(show(checkWords([...others, ...kernels, ...pages, ...scripts]))).toEqual([]);
    const canaries = [
      `// ${'TO'}${'DO'} later`,
      `it.${'skip'}('x')`,
      `cd /${'work'}/x`,
      `// @ts-${'ignore'}`,
      `a ${'seam'}less thing`,
    ];
    for (const text of canaries) expect(checkWords([source('a.ts', text)]), text).toHaveLength(1);
  });

  it('citations name specs that exist', () => {
    expect(show(checkCitations([...others, ...kernels, ...pages], specs))).toEqual([]);
    for (const text of [
      'RFC 99999',
      'c2sp.org/static-st-api',
      'specs/nothing.md',
      'specs/exact-1.md §77',
      'specs/exact-1.md §6.99',
    ]) {
      expect(checkCitations([source('a.ts', `// ${text}`)], specs), text).toHaveLength(1);
    }
  });

  it('every test asserts something', () => {
    expect(show(checkAssertions(code))).toEqual([]);
    expect(checkAssertions([source('a.test.ts', "it('x', () => { run(); });")])).toHaveLength(1);
    expect(
      checkAssertions([source('a.test.ts', "it('x', () => { expect(1).toBe(1); expect(run()); });")]),
    ).toHaveLength(1);
  });
});
