import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, createTerminal, duration, printable } from './terminal.ts';

function terminalOf(
  isTTY: boolean,
  environment: Record<string, string> = {},
): { terminal: ReturnType<typeof createTerminal>; said: () => string } {
  let said = '';
  const stream = { isTTY, write: (text: string) => (said += text) };
  return {
    terminal: createTerminal({ stdin: { isTTY }, stdout: stream, stderr: stream, environment }),
    said: () => said,
  };
}

describe('terminal', () => {
  it('colours and shows progress on a terminal only, and no colour with NO_COLOR', () => {
    const [tty, pipe, plain] = [terminalOf(true), terminalOf(false), terminalOf(true, { NO_COLOR: '1' })];
    expect(tty.terminal.out.bad('x')).toBe('\u001b[31mx\u001b[0m');
    expect(pipe.terminal.out.bad('x')).toBe('x');
    expect(plain.terminal.err.bad('x')).toBe('x');
    for (const { terminal } of [tty, pipe]) {
      const progress = terminal.progress('loading');
      progress.update(1, 1);
      progress.end();
    }
    expect(tty.said()).toContain('loading 100 %');
    expect(pipe.said()).toBe('');
    expect([tty.terminal.interactive, pipe.terminal.interactive]).toEqual([true, false]);
  });

  it('never passes on what a terminal would act on', () => {
    expect(printable('a\u001b[2Jb\u0007\r\u202e é狐\n\t')).toBe('a\\u001b[2Jb\\u0007\\u000d\\u202e é狐\n\t');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text).replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('writes numbers and times as people read them', () => {
    expect([0, 999, 1000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
    expect([0.2, 42, 340, 1_449].map(duration)).toEqual(['1 ms', '42 ms', '0.3 s', '1.4 s']);
  });
});
