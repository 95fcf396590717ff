import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, explainError, RunproofError } from './errors.ts';

describe('error codes', () => {
  it('are those of specs/errors.md, in its order, with status and action', () => {
    const page = readFileSync(new URL('../../../specs/errors.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (.+) \| (.+) \|$/gm)].map(
      ([, code, status, meaning, action]) => ({ code, status: Number(status), meaning, action }),
    );
    const codes = Object.entries(ERROR_CODES).map(([code, [status, action]]) => ({
      code,
      status,
      meaning: expect.stringMatching(/^[A-Z].*\.$/) as string,
      action,
    }));
    expect(rows).toEqual(codes);
  });

  it('stand in alphabetical order', () => {
    const words = Object.keys(ERROR_CODES).map((code) => code.replaceAll('_', ' '));
    expect(words).toEqual([...words].sort());
  });
});

describe('RunproofError', () => {
  it('knows status and action of its code', () => {
    const error = new RunproofError('JSON_SIZE', 'too large', { bytes: 7 }, { cause: 'x' });
    expect(error).toMatchObject({
      name: 'RunproofError',
      code: 'JSON_SIZE',
      status: 413,
      action: 'Send less.',
      evidence: { bytes: 7 },
      message: 'too large',
      cause: 'x',
    });
  });

  it('is explained in whole sentences', () => {
    expect(explainError(new RunproofError('JSON_SIZE', 'too large'))).toBe('too large. Send less.');
    expect(explainError(new RunproofError('JSON_SIZE', 'Too large.'))).toBe('Too large. Send less.');
  });

  it('is recognised across copies of the package, and nothing else is', () => {
    const mark = Symbol.for('runproof.error');
    const foreign = Object.assign(new Error('x'), { [mark]: true, code: 'INTERNAL' satisfies ErrorCode });
    expect(RunproofError.isInstance(new RunproofError('INTERNAL', 'x'))).toBe(true);
    expect(RunproofError.isInstance(foreign)).toBe(true);
    for (const other of [new Error('x'), null, undefined, 'x', { code: 'INTERNAL' }])
      expect(RunproofError.isInstance(other)).toBe(false);
  });
});
