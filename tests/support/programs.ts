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

/** Runs `runproof …words` in a process of its own, to its end; `script` is what Node starts. */
export async function runProcess(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  script: string = MAIN,
): Promise<Outcome> {
  const child = spawn(NODE, [script, ...words], {
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
  /** everything that it said until it was ready */
  readonly greeting: string;
  readonly child: ChildProcess;
  /** Signals, waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a serving program; resolves when it has said `last`. */
async function startServing(
  [program, ...words]: readonly [string, ...string[]],
  data: string,
  last: string,
  address: RegExp,
): Promise<ServerProcess> {
  const environment = { ...process.env, RUNPROOF_DATA: data };
  const child = spawn(program, words, { cwd: ROOT, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let greeting = '';
  await new Promise<void>((resolve, reject) => {
    const listen = (text: string): void => {
      greeting += text;
      if (greeting.includes(last)) resolve();
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('close', (code) => reject(new Error(`${program} ${words.join(' ')} ended with ${code}: ${greeting}`)));
  });
  return {
    url: address.exec(greeting)?.[1] ?? '',
    greeting,
    child,
    async stop(signal = 'SIGTERM') {
      const closed = once(child, 'close') as Promise<[number | null]>;
      child.kill(signal);
      return (await closed)[0];
    },
  };
}

const SERVER_READY = 'npx runproof chat';
const SERVER_ADDRESS = /serves (http:\/\/[^\s/]+)\/v1/;

/** `runproof up` on a free port. */
export function startServer(data: string): Promise<ServerProcess> {
  return startServing([NODE, MAIN, 'up', '--port', '0', '--threads', '1'], data, SERVER_READY, SERVER_ADDRESS);
}

/** The README's command, on a free port. */
export function startByNpm(data: string): Promise<ServerProcess> {
  return startServing(['npm', 'start', '--', '--port', '0', '--threads', '1'], data, SERVER_READY, SERVER_ADDRESS);
}

/** `runproof proxy` on a free port, in front of the node at `url`, replaying every answer. */
export function startProxyServer(url: string, policy: string): Promise<ServerProcess> {
  const words = ['proxy', '--url', url, '--policy', policy, '--port', '0', '--replay', '--threads', '1'];
  return startServing([NODE, MAIN, ...words], policy, 'OPENAI_BASE_URL', /verified at (http:\/\/[^\s/]+)\/v1/);
}
