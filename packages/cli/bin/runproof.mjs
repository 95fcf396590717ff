#!/usr/bin/env node
// Starts the program. Plain JavaScript, so that an old Node can read it and say what is wrong.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '..', 'src', 'main.ts');
/** The published package holds plain JavaScript, the repository its source. */
const compiled = join(here, '..', 'main.js');
const main = existsSync(source) ? source : compiled;
const [major, minor] = process.versions.node.split('.').map(Number);

/** The Node that `npm ci` installed beside the packages, in the nearest folder above that has one. */
function installedNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return null;
  }
}

function runWith(node) {
  const child = spawn(node, [main, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, RUNPROOF_NODE: node },
  });
  // The terminal signals the whole group; a supervisor signals this process only.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {});
  child.on('error', (error) => {
    console.error(`runproof: ${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal !== null) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

// Node strips types without a flag from 22.18 and 23.6 on.
const strips = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
const suffices = strips || (main === compiled && (major > 22 || (major === 22 && minor >= 13)));
if (suffices) {
  await import(main);
} else {
  const node = process.env.RUNPROOF_NODE === undefined ? installedNode() : null;
  if (node !== null) runWith(node);
  else {
    console.error(`runproof: this is Node ${process.versions.node}; Node 22.18 or newer is needed.`);
    process.exit(1);
  }
}
