// `strftime_now` of chat templates, with the clock as an argument and in UTC: a prompt must not depend on the machine that renders it.
import { RunproofError } from '@runproof/protocol';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY_MS = 86_400_000;

interface Moment {
  readonly year: number;
  /** 1 … 12 */
  readonly month: number;
  readonly day: number;
  /** 0 = Sunday */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Proleptic Gregorian date in UTC; days are counted from 1 March 0000, so that a leap day is the last of its year. */
function momentOf(clockMs: number): Moment {
  const days = Math.floor(clockMs / DAY_MS);
  const seconds = Math.floor((clockMs - days * DAY_MS) / 1000);
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
    weekday: (((days + 4) % 7) + 7) % 7,
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
  };
}

const two = (value: number): string => String(value).padStart(2, '0');

const FIELDS: Readonly<Record<string, (moment: Moment) => string>> = {
  '%': () => '%',
  A: ({ weekday }) => DAYS[weekday] ?? '',
  a: ({ weekday }) => (DAYS[weekday] ?? '').slice(0, 3),
  B: ({ month }) => MONTHS[month - 1] ?? '',
  b: ({ month }) => (MONTHS[month - 1] ?? '').slice(0, 3),
  d: ({ day }) => two(day),
  H: ({ hour }) => two(hour),
  I: ({ hour }) => two(hour % 12 === 0 ? 12 : hour % 12),
  M: ({ minute }) => two(minute),
  m: ({ month }) => two(month),
  p: ({ hour }) => (hour < 12 ? 'AM' : 'PM'),
  S: ({ second }) => two(second),
  Y: ({ year }) => String(year).padStart(4, '0'),
  y: ({ year }) => two(year % 100),
};

/** Python's `strftime` in English and UTC. A directive that this list lacks is `MODEL_TEMPLATE`. */
export function formatMoment(clockMs: number, format: string): string {
  const moment = momentOf(clockMs);
  return format.replaceAll(/%(-?)(.)/gsu, (whole, bare: string, name: string) => {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined)
      throw new RunproofError('MODEL_TEMPLATE', `the chat template asks for the unknown date directive ${whole}`);
    const text = field(moment);
    return bare === '' ? text : text.replace(/^0+(?=\d)/, '');
  });
}
