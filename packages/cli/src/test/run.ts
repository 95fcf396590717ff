// Runs a command in this process and keeps what it said.
import { runProgram } from '../program.ts';
import { createTerminal } from '../terminal.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `tty`: both streams are a terminal's; `environment` is what the terminal sees of it. */
export async function run(
  words: readonly string[],
  options: { tty?: boolean; environment?: Record<string, string> } = {},
): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  const isTTY = options.tty === true;
  const terminal = createTerminal({
    stdin: { isTTY: false },
    stdout: { isTTY, write: (text) => (stdout += text) },
    stderr: { isTTY, write: (text) => (stderr += text) },
    environment: options.environment ?? {},
  });
  return { code: await runProgram(words, terminal), stdout, stderr };
}
