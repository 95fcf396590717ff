// The program as people run it: a server as a child process, commands as child processes, and commands in this process where many are needed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../packages/cli/src/program.ts';
import { createTerminal } from '../../packages/cli/src/terminal.ts';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const MODEL = join(ROOT, 'models', 'runproof-tiny-q8_0.gguf');
const NODE = join(ROOT, 'node_modules', '.bin', 'node');
const MAIN = join(ROOT, 'packages', 'cli', 'src', 'main.ts');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `runproof …words` in a process of its own, to its end. */
export async function runProcess(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = spawn(NODE, [MAIN, ...words], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** The same command in this process. */
export async function runHere(words: readonly string[]): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  const terminal = createTerminal({
    stdin: { isTTY: false },
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    environment: {},
  });
  return { code: await runProgram(words, terminal), stdout, stderr };
}

export interface ServerProcess {
  readonly url: string;
  /** everything on stdout until it said ready */
  readonly greeting: string;
  readonly child: ChildProcess;
  /** Signals, waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const LAST_LINE = 'npx runproof chat';

/** `runproof up` on a free port; resolves when it has said that it is ready. */
export async function startServer(data: string, more: readonly string[] = []): Promise<ServerProcess> {
  const child = spawn(NODE, [MAIN, 'up', '--port', '0', '--threads', '1', ...more], {
    env: { ...process.env, RUNPROOF_DATA: data },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [greeting, errors] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      greeting += text;
      if (greeting.includes(LAST_LINE)) resolve();
    });
    child.once('close', (code) => reject(new Error(`runproof up ended with ${code}: ${errors}`)));
  });
  const url = /serves (http:\/\/[^\s/]+)\/v1/.exec(greeting)?.[1] ?? '';
  return {
    url,
    greeting,
    child,
    async stop(signal = 'SIGTERM') {
      const closed = once(child, 'close') as Promise<[number | null]>;
      child.kill(signal);
      return (await closed)[0];
    },
  };
}
