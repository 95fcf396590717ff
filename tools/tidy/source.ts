// The tree as tidy sees it: files, their syntax trees, and the few questions that the rules ask of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

export interface SourceFile {
  /** path from the repository root, with forward slashes */
  readonly path: string;
  readonly text: string;
}

export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'generated', '.cache', 'results', '__pycache__']);

/** All files below `root` that satisfy `wanted`, generated and installed ones left out. */
export function readTree(root: string, wanted: (path: string) => boolean): SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const full = join(folder, entry.name);
      if (entry.isDirectory()) visit(full);
      else {
        const path = relative(root, full).replaceAll('\\', '/');
        if (wanted(path)) files.push({ path, text: readFileSync(full, 'utf8') });
      }
    }
  };
  visit(root);
  return files;
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('tests/') || /\/tests?\//.test(path);
}

const trees = new WeakMap<SourceFile, SyntaxNode>();

export function syntaxTree(file: SourceFile): SyntaxNode {
  let tree = trees.get(file);
  if (tree === undefined) {
    tree = parseAst(file.text, { lang: 'ts' }) as unknown as SyntaxNode;
    trees.set(file, tree);
  }
  return tree;
}

export function lineAt(file: SourceFile, offset: number): number {
  return file.text.slice(0, offset).split('\n').length;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** Calls `visit` for `node` and everything below it. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) for (const item of value) isNode(item) && walk(item, visit);
    else if (isNode(value)) walk(value, visit);
  }
}

/** `a.b.c` of a chain of identifiers, or null. */
export function dottedName(node: unknown): string | null {
  if (!isNode(node)) return null;
  if (node.type === 'Identifier') return node.name as string;
  if (node.type !== 'MemberExpression' || node.computed === true) return null;
  const object = dottedName(node.object);
  const property = dottedName(node.property);
  return object === null || property === null ? null : `${object}.${property}`;
}

export interface ImportSite {
  readonly specifier: string;
  /** imported names; `*` for a namespace or a dynamic import */
  readonly names: readonly string[];
  readonly offset: number;
}

function specifierName(item: SyntaxNode): string {
  const imported = (item.imported ?? item.local) as { name?: string; value?: string } | undefined;
  if (item.type === 'ImportSpecifier' || item.type === 'ExportSpecifier')
    return imported?.name ?? imported?.value ?? '*';
  return item.type === 'ImportDefaultSpecifier' ? 'default' : '*';
}

/** Every import, re-export and dynamic import of `file`. */
export function importsOf(file: SourceFile): ImportSite[] {
  const sites: ImportSite[] = [];
  walk(syntaxTree(file), (node) => {
    const source = node.source as { value?: unknown } | null | undefined;
    if (typeof source?.value !== 'string') return;
    const specifiers = (node.specifiers as SyntaxNode[] | undefined) ?? [];
    if (node.type === 'ImportDeclaration') {
      sites.push({ specifier: source.value, names: specifiers.map(specifierName), offset: node.start });
    } else if (node.type === 'ExportNamedDeclaration') {
      const names = specifiers.map((item) => (item.local as { name?: string }).name ?? '*');
      sites.push({ specifier: source.value, names, offset: node.start });
    } else if (node.type === 'ImportExpression' || node.type === 'ExportAllDeclaration') {
      sites.push({ specifier: source.value, names: ['*'], offset: node.start });
    }
  });
  return sites;
}
