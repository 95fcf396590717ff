// Rules on structure: layers, declared dependencies, purity, dead exports, package pages.
import { folderOfPackage, PACKAGES, packageOf, packageOfSpecifier } from './layers.ts';
import { dottedName, importsOf, isTest, lineAt, type SourceFile, syntaxTree, type Violation, walk } from './source.ts';

/** An import between packages points to a lower layer; relative imports stay inside their package. */
export function checkLayers(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    const folder = packageOf(file.path);
    if (folder === null || isTest(file.path)) continue;
    const rule = PACKAGES[folder];
    if (rule === undefined) {
      found.push({ path: file.path, line: 1, message: `package ${folder} has no layer in tools/tidy/layers.ts` });
      continue;
    }
    for (const site of importsOf(file)) {
      const line = lineAt(file, site.offset);
      if (site.specifier.startsWith('.')) {
        const depth = file.path.split('/').length - 3;
        const climbs = site.specifier.split('/').filter((part) => part === '..').length;
        if (climbs > depth) found.push({ path: file.path, line, message: `${site.specifier} leaves the package` });
        continue;
      }
      const target = folderOfPackage(packageOfSpecifier(site.specifier));
      const targetRule = target === null ? undefined : PACKAGES[target];
      if (target === folder || targetRule === undefined) continue;
      if (targetRule.layer >= rule.layer) {
        found.push({
          path: file.path,
          line,
          message: `${folder} (layer ${rule.layer}) must not import ${target} (layer ${targetRule.layer})`,
        });
      }
    }
  }
  return found;
}

/** What a package imports stands in its package.json; tests may also use the root's devDependencies. */
export function checkDeclared(
  files: readonly SourceFile[],
  manifests: ReadonlyMap<string, ReadonlySet<string>>,
  root: ReadonlySet<string>,
): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    const folder = packageOf(file.path);
    if (folder === null) continue;
    const declared = manifests.get(folder) ?? new Set();
    for (const site of importsOf(file)) {
      if (site.specifier.startsWith('.') || site.specifier.startsWith('node:')) continue;
      const name = packageOfSpecifier(site.specifier);
      if (declared.has(name) || folderOfPackage(name) === folder) continue;
      if (isTest(file.path) && (root.has(name) || folderOfPackage(name) !== null)) continue;
      found.push({
        path: file.path,
        line: lineAt(file, site.offset),
        message: `${name} is not a dependency of ${folder}`,
      });
    }
  }
  return found;
}

const IMPURE_IMPORTS_ALLOWED = /^(@noble\/|@huggingface\/jinja$|@runproof\/)/;
const IMPURE_NAMES = new Set([
  'process',
  'Buffer',
  'fetch',
  'console',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'crypto',
  'globalThis',
  'require',
]);
const IMPURE_MEMBERS = new Set([
  'Date.now',
  'Math.random',
  'Math.exp',
  'Math.expm1',
  'Math.log',
  'Math.log2',
  'Math.log10',
  'Math.log1p',
  'Math.pow',
  'Math.sin',
  'Math.cos',
  'Math.tan',
  'Math.tanh',
  'Math.sinh',
  'Math.cosh',
  'Math.cbrt',
  'Math.hypot',
  'Math.atan',
  'Math.atan2',
  'Atomics.wait',
]);

/** Pure packages: no I/O, clock, randomness, or function of Math whose bits depend on the platform. */
export function checkPurity(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    const folder = packageOf(file.path);
    if (folder === null || PACKAGES[folder]?.pure !== true || isTest(file.path) || !file.path.includes('/src/'))
      continue;
    const complain = (offset: number, what: string): void => {
      found.push({ path: file.path, line: lineAt(file, offset), message: `${what} in a pure package` });
    };
    for (const site of importsOf(file)) {
      if (!site.specifier.startsWith('.') && !IMPURE_IMPORTS_ALLOWED.test(site.specifier))
        complain(site.offset, `import of ${site.specifier}`);
    }
    if (file.path.endsWith('.d.ts')) continue;
    walk(syntaxTree(file), (node) => {
      const name = dottedName(node);
      if (node.type === 'MemberExpression' && name !== null && IMPURE_MEMBERS.has(name)) complain(node.start, name);
      if (node.type === 'NewExpression' && dottedName(node.callee) === 'Date') complain(node.start, 'new Date');
      if (node.type === 'CallExpression' && IMPURE_NAMES.has(dottedName(node.callee)?.split('.')[0] ?? '')) {
        complain(node.start, dottedName(node.callee) ?? 'call');
      }
      if (node.type === 'ThrowStatement' && (node.argument as { type?: string } | null)?.type === 'Literal')
        complain(node.start, 'thrown literal');
    });
  }
  return found;
}

function exportedNames(file: SourceFile): { name: string; offset: number }[] {
  const names: { name: string; offset: number }[] = [];
  for (const node of syntaxTree(file).body as import('./source.ts').SyntaxNode[]) {
    if (node.type !== 'ExportNamedDeclaration' || node.source !== null) continue;
    const declaration = node.declaration as Record<string, unknown> | null;
    const declared = declaration?.id as { name?: string } | undefined;
    if (declared?.name !== undefined) names.push({ name: declared.name, offset: node.start });
    for (const variable of (declaration?.declarations as { id: { name?: string } }[] | undefined) ?? []) {
      if (variable.id.name !== undefined) names.push({ name: variable.id.name, offset: node.start });
    }
    for (const item of (node.specifiers as { exported: { name?: string } }[] | undefined) ?? []) {
      if (item.exported.name !== undefined) names.push({ name: item.exported.name, offset: node.start });
    }
  }
  return names;
}

/** Every export is imported somewhere, or shown in a page of documentation. `documents` is the text of all Markdown files. */
export function checkDeadExports(files: readonly SourceFile[], documents: string): Violation[] {
  const used = new Set<string>();
  for (const file of files) for (const site of importsOf(file)) for (const name of site.names) used.add(name);
  const namespaces = files.flatMap((file) =>
    importsOf(file)
      .filter((site) => site.names.includes('*'))
      .map((site) => site.specifier.split('/').at(-1) ?? ''),
  );
  const found: Violation[] = [];
  for (const file of files) {
    if (packageOf(file.path) === null || isTest(file.path) || file.path.endsWith('.d.ts')) continue;
    if (namespaces.includes(file.path.split('/').at(-1) ?? '')) continue;
    for (const { name, offset } of exportedNames(file)) {
      if (used.has(name) || new RegExp(`\\b${name}\\b`).test(documents)) continue;
      found.push({ path: file.path, line: lineAt(file, offset), message: `export ${name} is used by nobody` });
    }
  }
  return found;
}

/** Each package has a README with purpose, example, limits and what is trusted. */
export function checkPackagePages(readmes: ReadonlyMap<string, string>): Violation[] {
  const found: Violation[] = [];
  for (const folder of Object.keys(PACKAGES)) {
    const path = `packages/${folder}/README.md`;
    const text = readmes.get(path);
    if (text === undefined) found.push({ path, line: 1, message: 'missing' });
    else {
      for (const heading of ['Example', 'Limits', 'Trust']) {
        if (!new RegExp(`^## .*${heading}`, 'im').test(text))
          found.push({ path, line: 1, message: `no section "${heading}"` });
      }
    }
  }
  return found;
}
