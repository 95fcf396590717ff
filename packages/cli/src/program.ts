// The commands of runproof, and what each takes.

import { explainError, RunproofError } from '@runproof/protocol';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { UsageError } from './files.ts';
import { printable, type Terminal } from './terminal.ts';

/** The program was called wrongly. */
const EXIT_USAGE = 3;
const EXIT_FAILED = 1;
const EXIT_INCOMPLETE = 2;
/** A defect of ours, as sysexits.h numbers it. */
const EXIT_DEFECT = 70;
/** Commands whose exit code is a verdict. */
const JUDGES: ReadonlySet<string> = new Set(['verify', 'replay']);
const DEFAULT_PORT = 8420;
/** Small models ramble at the API's default of 1. */
const CHAT_TEMPERATURE = 0.7;
const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;

function integerFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`An integer from ${least} to ${most}.`);
    return value;
  };
}

function number(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('A number.');
  return Number(text);
}

const port = integerFrom(0, 65_535);
const threads = integerFrom(1, 256);

/** An action whose exit code is kept. Commands are loaded when they are called: `--help` needs no engine. */
type Action = (run: () => Promise<number>) => Promise<void>;

function addServing(program: Command, terminal: Terminal, act: Action): void {
  program
    .command('up')
    .description('serve a model, with a receipt for every answer')
    .option('--port <port>', 'port, 0 for any free one', port, DEFAULT_PORT)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--model <file>', 'GGUF file (default: the built-in model)')
    .option('--threads <n>', 'threads of the engine', threads)
    .option('--data <dir>', 'data directory (default: RUNPROOF_DATA or ~/.runproof)')
    .action((options) => act(async () => (await import('./commands/up.ts')).up(options, terminal)));
  program
    .command('proxy')
    .description('local OpenAI endpoint that verifies every answer of a remote node')
    .requiredOption('--url <url>', 'the node')
    .option('--policy <file>', 'what is trusted (default: the policy in the data directory)')
    .option('--port <port>', 'port, 0 for any free one', port, DEFAULT_PORT + 1)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--strict', 'hold streams back until they are verified')
    .option('--replay', 'replay every answer, with your own copy of the model')
    .option('--model <file>', 'GGUF file for --replay (default: the built-in model)')
    .option('--threads <n>', 'threads of the engine', threads)
    .option('--data <dir>', 'data directory')
    .option('--json', 'one report per line on stdout')
    .action((options) => act(async () => (await import('./commands/proxy.ts')).proxyCommand(options, terminal)));
}

function addChat(program: Command, terminal: Terminal, act: Action): void {
  program
    .command('chat')
    .description('talk to a node, and see each answer proved')
    .argument('[message]', 'one message; without it a conversation, or a message from a pipe')
    .option('--url <url>', 'the node', DEFAULT_URL)
    .option('--policy <file>', 'what is trusted (default: the policy in the data directory)')
    .option('--system <text>', 'system message')
    .option('--temperature <t>', 'sampling temperature', number, CHAT_TEMPERATURE)
    .option('--top-p <p>', 'nucleus sampling', number)
    .option('--max-tokens <n>', 'longest answer', integerFrom(1, 2 ** 31))
    .option('--seed <n>', 'fixed sampling seed', integerFrom(0, Number.MAX_SAFE_INTEGER))
    .option('--no-replay', 'check the receipt only')
    .option('--model <file>', 'your own copy of the model, for the replay (default: the built-in model)')
    .option('--threads <n>', 'threads of the replay', threads)
    .option('--save <dir>', 'keep request, response and receipt of each answer')
    .option('--data <dir>', 'data directory')
    .action((message, options) =>
      act(async () => (await import('./commands/chat.ts')).chatCommand(message, options, terminal)),
    );
}

function addChecking(program: Command, terminal: Terminal, act: Action): void {
  program
    .command('verify')
    .description('check a receipt, offline; exit 0 valid, 1 invalid, 2 incomplete, 3 usage')
    .argument('<file>', 'receipt (*.receipt.json)')
    .option('--request <file>', 'exact bytes of the request body')
    .option('--response <file>', 'exact bytes of the response body, plain or streamed')
    .option('--policy <file>', 'what is trusted (default: the policy in the data directory)')
    .option('--nonce <hex>', 'the nonce that you sent')
    .option('--replay', 'run the model again and compare every bit')
    .option('--model <file>', 'GGUF file for --replay (default: the built-in model)')
    .option('--threads <n>', 'threads of the replay', threads)
    .option('--data <dir>', 'data directory')
    .option('--json', 'the report as JSON (specs/verify-report.md)')
    .action((file, options) =>
      act(async () => (await import('./commands/verify.ts')).verifyCommand(file, options, terminal)),
    );
  program
    .command('replay')
    .description('run a model again on the tokens that a receipt discloses')
    .argument('<file>', 'receipt')
    .option('--model <file>', 'GGUF file (default: the built-in model)')
    .option('--request <file>', 'also derive the prompt from this request')
    .option('--threads <n>', 'threads', threads)
    .option('--json', 'the outcome as JSON')
    .action((file, options) =>
      act(async () => (await import('./commands/verify.ts')).replayCommand(file, options, terminal)),
    );
  program
    .command('inspect')
    .description('show what a receipt says; checks nothing')
    .argument('<file>', 'receipt, or - for standard input')
    .option('--json', 'as JSON')
    .action((file, options) =>
      act(async () => (await import('./commands/inspect.ts')).inspectCommand(file, options, terminal)),
    );
}

function addTrust(program: Command, terminal: Terminal, act: Action): void {
  program
    .command('trust')
    .description('show what a node would have you trust, and write it to the policy if you agree')
    .argument('<url>', 'the node')
    .option('--policy <file>', 'policy to write or extend (default: the one in the data directory)')
    .option('--data <dir>', 'data directory')
    .option('--yes', 'agree without being asked')
    .option('--json', 'as JSON')
    .action((url, options) =>
      act(async () => (await import('./commands/trust.ts')).trustCommand(url, options, terminal)),
    );
  const log = program.command('log').description('look after a transparency log');
  log
    .command('fsck')
    .description('prove a whole log again from its bytes')
    .argument('<place>', 'directory of a log, or the URL of its static API (…/log)')
    .option('--vkey <file>', 'verifier key of the log (default: log.vkey beside a directory, the policy for a URL)')
    .option('--policy <file>', 'policy that names the key (default: the policy in the data directory)')
    .option('--data <dir>', 'data directory')
    .option('--json', 'as JSON')
    .action((place, options) =>
      act(async () => (await import('./commands/log-fsck.ts')).logFsckCommand(place, options, terminal)),
    );
  program
    .command('keys')
    .description("show this machine's log key and its fingerprint")
    .option('--data <dir>', 'data directory')
    .option('--json', 'as JSON')
    .action((options) => act(async () => (await import('./commands/keys.ts')).keysCommand(options, terminal)));
}

/** Exit codes 1 and 2 of a command that judges are verdicts: what kept it from judging is 3. */
function exitCodeOf(error: RunproofError, judges: boolean): number {
  if (error.code === 'POLICY_SYNTAX') return EXIT_USAGE;
  if (!judges) return EXIT_FAILED;
  if (error.code === 'VERIFY_INCOMPLETE') return EXIT_INCOMPLETE;
  return error.status === 502 ? EXIT_FAILED : EXIT_USAGE;
}

/** What went wrong in one sentence, and what to do. An unexpected error shows where it came from. */
function tell(error: unknown, judges: boolean, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.note(`runproof: ${printable(error.message)}`);
    return EXIT_USAGE;
  }
  if (RunproofError.isInstance(error)) {
    terminal.note(`runproof: ${printable(explainError(error))}`);
    return exitCodeOf(error, judges);
  }
  terminal.note(`runproof: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT_DEFECT;
}

/** Runs the program with `words` (without node and script). Resolves with the exit code; never rejects. */
export async function runProgram(words: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const act: Action = async (run) => {
    code = await run();
  };
  const program = new Command('runproof')
    .description('Runs AI models and makes every result verifiable.')
    .version('0.1.0');
  program
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.note(text.trimEnd()) });
  for (const add of [addServing, addChat, addChecking, addTrust]) add(program, terminal, act);
  try {
    await program.parseAsync([...words], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    return tell(error, JUDGES.has(words[0] ?? ''), terminal);
  }
}
