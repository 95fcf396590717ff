// Builds what would be published: dist/<package>/ with plain JavaScript, declarations and a package.json that points at them.
// npm run pack [-- --tarballs]   writes npm tarballs beside the folders, too.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.cwd();

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

function compile(folder: string, target: string): void {
  const config = join(target, 'tsconfig.json');
  const base = JSON.parse(readFileSync(join(root, 'packages', folder, 'tsconfig.json'), 'utf8')) as { compilerOptions?: object };
  const options = {
    ...base.compilerOptions,
    noEmit: false,
    declaration: true,
    outDir: '.',
    rootDir: `../../packages/${folder}/src`,
    rewriteRelativeImportExtensions: true,
    typeRoots: ['../../node_modules/@types'],
  };
  const include = [`../../packages/${folder}/src/**/*.ts`, '../../packages/protocol/src/ambient.d.ts'];
  const exclude = [`../../packages/${folder}/src/**/*.test.ts`];
  if (folder !== 'protocol') delete (options as { rootDir?: string }).rootDir;
  writeFileSync(config, JSON.stringify({ extends: '../../tsconfig.base.json', compilerOptions: options, include, exclude }));
  const result = spawnSync('node_modules/.bin/tsc', ['-p', config, '--rootDir', `packages/${folder}/src`], { cwd: root, encoding: 'utf8' });
  rmSync(config);
  if (result.status !== 0) throw new Error(`tsc of ${folder} failed:\n${result.stdout}${result.stderr}`);
}

function writeManifest(folder: string, target: string): void {
  const manifest = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest;
  if (manifest.exports !== undefined) {
    const entries = Object.entries(manifest.exports);
    manifest['exports'] = Object.fromEntries(entries.map(([name, path]) => [name, compiled(path)])) as unknown as Record<string, string>;
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
  const program = join(target, 'bin', 'runproof.mjs');
  if (existsSync(program)) chmodSync(program, 0o755);
}

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const folder of readdirSync(join(root, 'packages'))) {
  const target = join(root, 'dist', folder);
  mkdirSync(target, { recursive: true });
  compile(folder, target);
  writeManifest(folder, target);
  copyExtras(folder, target);
  if (process.argv.includes('--tarballs')) {
    const result = spawnSync('npm', ['pack', '--pack-destination', '..', '--silent'], { cwd: target, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`npm pack of ${folder} failed: ${result.stderr}`);
  }
  console.log(`dist/${folder}`);
}
