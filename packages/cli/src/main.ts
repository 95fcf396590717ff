// The runproof program: a shell around runProgram.
import { runProgram } from './program.ts';
import { createTerminal } from './terminal.ts';

// A reader that leaves (`| head`) ends the program in silence, as it does others.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const terminal = createTerminal({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
});
process.exitCode = await runProgram(process.argv.slice(2), terminal);
