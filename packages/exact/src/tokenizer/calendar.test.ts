import { RunproofError } from '@runproof/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatMoment } from './calendar.ts';

it.each([
  [0, '%A %a %d %B %b %Y %y %H:%M:%S %I %p', 'Thursday Thu 01 January Jan 1970 70 00:00:00 12 AM'],
  [951_782_399_999, '%d %m %Y %H:%M:%S', '28 02 2000 23:59:59'],
  [951_782_400_000, '%-d/%-m/%Y', '29/2/2000'],
  [1_000_000_000_000, '%Y-%m-%d %I:%M %p', '2001-09-09 01:46 AM'],
  [-1, '%Y-%m-%dT%H:%M:%S %A', '1969-12-31T23:59:59 Wednesday'],
  [0, '100%% %-H', '100% 0'],
])('%d as %s', (clockMs, format, expected) => {
  expect(formatMoment(clockMs, format)).toBe(expected);
});

it('agrees with Date on every day', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(-6e13), max: new Date(6e13), noInvalidDate: true }), (date) => {
      fc.pre(date.getUTCFullYear() >= 1000 && date.getUTCFullYear() <= 9999);
      const clockMs = date.getTime();
      expect(formatMoment(clockMs, '%Y-%m-%dT%H:%M:%S')).toBe(date.toISOString().slice(0, 19));
      expect(formatMoment(clockMs, '%a')).toBe(date.toUTCString().slice(0, 3));
    }),
    { numRuns: 1000 },
  );
});

it('refuses directives that it does not know', () => {
  for (const format of ['%Z', '%c', '%-Q', '%toString']) {
    expect(() => formatMoment(0, format)).toThrow(RunproofError);
  }
});
