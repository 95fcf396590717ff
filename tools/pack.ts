// Builds what would be published: dist/<package>/ with plain JavaScript, declarations and a package.json that points at them.
// npm run pack [-- --tarballs]   writes npm tarballs beside the folders, too.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.cwd();
/** The model that the program runs when none is named. */
const BUILT_IN = 'runproof-tiny-q8_0.gguf';

interface Manifest {
  name: string;
  exports?: Record<string, string>;
  bin?: Record<string, string>;
  files?: string[];
  [field: string]: unknown;
}

function compiled(path: string): { types: string; default: string } {
  const base = path.replace(/^\.\/src\//, './').replace(/\.ts$/, '');
  return { types: `${base}.d.ts`, default: `${base}.js` };
}

/** Compiles all packages in one program (they import one another's sources) to dist/.build/<package>/src. */
function compileAll(target: string): void {
  const config = join(target, 'tsconfig.json');
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    outDir: '.',
    rootDir: '../../packages',
    rewriteRelativeImportExtensions: true,
    types: ['node'],
  };
  const include = ['../../packages/*/src/**/*.ts'];
  const exclude = [
    '../../packages/*/src/**/*.test.ts',
    '../../packages/*/src/test/**',
    '../../packages/protocol/src/ambient.d.ts',
  ];
  writeFileSync(config, JSON.stringify({ extends: '../../tsconfig.base.json', compilerOptions, include, exclude }));
  const result = spawnSync('node_modules/.bin/tsc', ['-p', config], { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`tsc failed:\n${result.stdout}${result.stderr}`);
}

function writeManifest(folder: string, target: string): void {
  const manifest = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest;
  if (manifest.exports !== undefined) {
    const entries = Object.entries(manifest.exports);
    manifest.exports = Object.fromEntries(entries.map(([name, path]) => [name, compiled(path)])) as unknown as Record<
      string,
      string
    >;
  }
  delete manifest.files;
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function copyExtras(folder: string, target: string): void {
  for (const name of ['README.md', 'bin', 'wasm']) {
    const from = join(root, 'packages', folder, name);
    if (existsSync(from)) cpSync(from, join(target, name), { recursive: true });
  }
  cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
  if (folder === 'cli') cpSync(join(root, 'models', BUILT_IN), join(target, 'models', BUILT_IN));
  const program = join(target, 'bin', 'runproof.mjs');
  if (existsSync(program)) chmodSync(program, 0o755);
}

/** Makes dist/<folder>/ from what was compiled, and a tarball beside it when asked. */
function pack(folder: string, build: string, tarballs: boolean): void {
  const target = join(root, 'dist', folder);
  cpSync(join(build, folder, 'src'), target, { recursive: true });
  // Declarations that were written by hand are referred to, and the compiler does not copy them.
  const declarations = readdirSync(join(root, 'packages', folder, 'src'), { recursive: true, encoding: 'utf8' });
  for (const path of declarations.filter((name) => name.endsWith('.d.ts') && !name.endsWith('ambient.d.ts'))) {
    cpSync(join(root, 'packages', folder, 'src', path), join(target, path));
  }
  writeManifest(folder, target);
  copyExtras(folder, target);
  if (tarballs) {
    const result = spawnSync('npm', ['pack', '--pack-destination', '..', '--silent'], {
      cwd: target,
      encoding: 'utf8',
    });
    if (result.status !== 0) throw new Error(`npm pack of ${folder} failed: ${result.stderr}`);
  }
  console.log(`dist/${folder}`);
}

const build = join(root, 'dist', '.build');
rmSync(join(root, 'dist'), { recursive: true, force: true });
mkdirSync(build, { recursive: true });
compileAll(build);
for (const folder of readdirSync(join(root, 'packages'))) pack(folder, build, process.argv.includes('--tarballs'));
rmSync(build, { recursive: true });
