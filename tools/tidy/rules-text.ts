// Rules on single files: length, words, citations, tests that can fail.
import { dottedName, lineAt, type SourceFile, type SyntaxNode, syntaxTree, type Violation, walk } from './source.ts';

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const LINE_LENGTH_MAX = 160;

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Files up to 400 lines, functions up to 70 (callbacks of describe are suites, not functions), lines up to 160 characters. */
export function checkLengths(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    const lines = file.text.split('\n');
    if (lines.length - 1 > FILE_LINES_MAX)
      found.push({ path: file.path, line: 1, message: `${lines.length - 1} lines, at most ${FILE_LINES_MAX}` });
    lines.forEach((line, index) => {
      if (line.length > LINE_LENGTH_MAX)
        found.push({ path: file.path, line: index + 1, message: `${line.length} characters in a line` });
    });
    const suites = new Set<unknown>();
    walk(syntaxTree(file), (node) => {
      if (node.type === 'CallExpression' && isSuite(node))
        for (const argument of node.arguments as unknown[]) suites.add(argument);
      if (!FUNCTIONS.has(node.type) || suites.has(node)) return;
      const length = lineAt(file, node.end) - lineAt(file, node.start) + 1;
      if (length > FUNCTION_LINES_MAX) {
        found.push({
          path: file.path,
          line: lineAt(file, node.start),
          message: `function of ${length} lines, at most ${FUNCTION_LINES_MAX}`,
        });
      }
    });
  }
  return found;
}

function isSuite(call: SyntaxNode): boolean {
  return rootName(call.callee) === 'describe';
}

function rootName(callee: unknown): string {
  let node = callee as SyntaxNode | undefined;
  while (node?.type === 'CallExpression' || node?.type === 'MemberExpression')
    node = (node.callee ?? node.object) as SyntaxNode;
  return dottedName(node) ?? '';
}

/** Built from pieces, so that this file does not contain what it forbids. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(`\\b(${['TO', 'FIX'].map((word) => `${word}${word === 'TO' ? 'DO' : 'ME'}`).join('|')}|X{3})\\b`),
    'an unfinished note',
  ],
  [/\b(it|test|describe)\.(only|todo|skip)\b/, 'a test that is not run'],
  [/\/(work|farm)\//, 'a path of some machine'],
  [
    /registry\.n[a-z]+\.org|proxy\.g[a-z]+\.org|(index|static)\.c[a-z]+\.io|files\.py[a-z]+\.org|deb\.d[a-z]+\.org/,
    'a registry host',
  ],
  [/@ts-(ignore|nocheck|expect-error)/, 'a silenced type error'],
  [/biome-ignore(?! lint\/[a-zA-Z]+\/[a-zA-Z]+: \S)/, 'a silenced lint without its reason'],
  [/\b(blazing|seamless|robust|leverage|utilize|state-of-the-art)\b/i, 'a word that says nothing'],
];

export function checkWords(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    file.text.split('\n').forEach((line, index) => {
      for (const [pattern, what] of BANNED)
        if (pattern.test(line)) found.push({ path: file.path, line: index + 1, message: what });
    });
  }
  return found;
}

const KNOWN_RFCS = new Set([
  2104, 3339, 3986, 4231, 4648, 5869, 6234, 6962, 7493, 8032, 8259, 8410, 8615, 8785, 9110, 9111, 9112, 9162, 9457,
]);
const KNOWN_C2SP = new Set([
  'signed-note',
  'tlog-checkpoint',
  'tlog-cosignature',
  'tlog-tiles',
  'tlog-witness',
  'tlog-proof',
  'tlog-policy',
]);

/** Citations name specs that exist: RFCs we know, C2SP pages, and our own pages with their sections. */
export function checkCitations(files: readonly SourceFile[], specs: ReadonlyMap<string, string>): Violation[] {
  const found: Violation[] = [];
  const complain = (file: SourceFile, offset: number, message: string): void => {
    found.push({ path: file.path, line: lineAt(file, offset), message });
  };
  for (const file of files) {
    for (const match of file.text.matchAll(/\bRFC ?(\d{3,5})\b/g)) {
      if (!KNOWN_RFCS.has(Number(match[1])))
        complain(file, match.index, `RFC ${match[1]} is not in the list of known specs`);
    }
    for (const match of file.text.matchAll(/c2sp\.org\/([a-z0-9-]+)/g)) {
      if (!KNOWN_C2SP.has(match[1] ?? ''))
        complain(file, match.index, `c2sp.org/${match[1]} is not in the list of known specs`);
    }
    for (const match of file.text.matchAll(/specs\/([a-z0-9-]+\.md)(?:[ ,]+§(\d+(?:\.\d+)?))?/g)) {
      const page = specs.get(match[1] ?? '');
      if (page === undefined) complain(file, match.index, `specs/${match[1]} does not exist`);
      else if (match[2] !== undefined && !hasSection(page, match[2]))
        complain(file, match.index, `specs/${match[1]} has no §${match[2]}`);
    }
  }
  return found;
}

/** `## 6. …` and `**6.1 …` or a numbered item `6.` of §… count as sections. */
function hasSection(page: string, section: string): boolean {
  const escaped = section.replace('.', '\\.');
  if (new RegExp(`^(#+ |\\*\\*)${escaped}[. ]`, 'm').test(page)) return true;
  const [chapter, item] = section.split('.');
  if (item === undefined) return false;
  const start = page.search(new RegExp(`^## ${chapter}\\.`, 'm'));
  const rest = start < 0 ? '' : page.slice(start + 4);
  return new RegExp(`^${item}\\. `, 'm').test(rest.split(/^## /m)[0] ?? '');
}

const ASSERTING = /^(expect|assert|fc\.assert|check|must)/;

/** Every test asserts: it calls expect, an assert, or a helper whose name begins with expect, assert, check or must. */
export function checkAssertions(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    if (!file.path.endsWith('.test.ts')) continue;
    walk(syntaxTree(file), (node) => {
      if (node.type === 'ExpressionStatement' && isBareExpect(node.expression as SyntaxNode)) {
        found.push({ path: file.path, line: lineAt(file, node.start), message: 'expect(…) without a matcher' });
      }
      if (node.type !== 'CallExpression' || !['it', 'test'].includes(rootName(node.callee))) return;
      const body = (node.arguments as SyntaxNode[]).find((argument) => FUNCTIONS.has(argument.type));
      if (body === undefined) return;
      let asserts = false;
      walk(body, (inner) => {
        if (inner.type === 'CallExpression') {
          const name = dottedName(inner.callee) ?? rootName(inner.callee);
          if (ASSERTING.test(name)) asserts = true;
        }
      });
      if (!asserts)
        found.push({ path: file.path, line: lineAt(file, node.start), message: 'a test without an assertion' });
    });
  }
  return found;
}

function isBareExpect(node: SyntaxNode): boolean {
  return node.type === 'CallExpression' && dottedName(node.callee) === 'expect';
}
