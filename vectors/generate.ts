// Writes the vectors: node vectors/generate.ts. With --check it compares instead, and exits with 1 where a file
// differs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateBundleVectors } from './generate/bundle.ts';
import { generateExactVectors } from './generate/exact.ts';
import { generateProtocolVectors } from './generate/protocol.ts';
import { generateTlogVectors } from './generate/tlog.ts';

const ROOT = dirname(fileURLToPath(import.meta.url));

/** All generated files: path below vectors/ → content. Their first folders hold nothing else. */
export async function generateVectors(): Promise<Map<string, string>> {
  const parts = [
    generateProtocolVectors(),
    await generateBundleVectors(),
    generateTlogVectors(),
    await generateExactVectors(),
  ];
  return new Map(parts.flatMap((part) => [...part]));
}

/** Paths of all files that lie in the folders of generated vectors. */
function filesOnDisk(folders: ReadonlySet<string>): string[] {
  return readdirSync(ROOT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => folders.has(path.split('/')[0] ?? ''));
}

/** What is on disk and is not what would be generated: one line per file. */
export function differences(vectors: ReadonlyMap<string, string>): string[] {
  const onDisk = new Set(filesOnDisk(new Set([...vectors.keys()].map((path) => path.split('/')[0] ?? ''))));
  const wrong = [...vectors].flatMap(([path, content]) => {
    if (!onDisk.has(path)) return [`missing: ${path}`];
    return readFileSync(join(ROOT, path), 'utf8') === content ? [] : [`differs: ${path}`];
  });
  return [...wrong, ...[...onDisk].filter((path) => !vectors.has(path)).map((path) => `nobody generates: ${path}`)];
}

function write(vectors: ReadonlyMap<string, string>): void {
  for (const line of differences(vectors)) {
    if (line.startsWith('nobody')) rmSync(join(ROOT, line.slice('nobody generates: '.length)));
  }
  for (const [path, content] of vectors) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vectors = await generateVectors();
  if (process.argv.includes('--check')) {
    const wrong = differences(vectors);
    for (const line of wrong) console.error(line);
    process.exitCode = wrong.length > 0 ? 1 : 0;
  } else {
    write(vectors);
    console.log(`${vectors.size} files`);
  }
}
