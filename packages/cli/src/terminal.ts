// What the program says, and where: facts to stdout, everything for a person's eyes to stderr.

interface TextStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

interface Progress {
  update(done: number, total: number): void;
  end(): void;
}

export interface Terminal {
  /** stdout: what a pipe wants */
  write(text: string): void;
  /** stderr: one line for a person */
  note(text: string): void;
  /** A line on stderr that is rewritten, only where stderr is a terminal. */
  progress(label: string): Progress;
  /** Whether a question can be asked. */
  readonly interactive: boolean;
  readonly out: Paint;
  readonly err: Paint;
}

/** Colours, or none. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

const PROGRESS_MS = 100;

function paint(enabled: boolean): Paint {
  const wrap =
    (code: number) =>
    (text: string): string =>
      enabled ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { good: wrap(32), bad: wrap(31), warn: wrap(33), dim: wrap(2), bold: wrap(1) };
}

/** Text from others without what a terminal would act on: control characters but tab and line feed become visible. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (char) =>
    char === '\n' || char === '\t' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** 1234567 → `1,234,567` */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Milliseconds as `0.3 s` or `12 ms`. */
export function duration(milliseconds: number): string {
  return milliseconds < 100 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** A terminal over the streams of a process. `environment` is read for NO_COLOR (https://no-color.org). */
export function createTerminal(streams: {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Terminal {
  const { stdout, stderr } = streams;
  const plain = (streams.environment.NO_COLOR ?? '') !== '';
  return {
    write: (text) => void stdout.write(text),
    note: (text) => void stderr.write(`${text}\n`),
    interactive: streams.stdin.isTTY === true && stderr.isTTY === true,
    out: paint(stdout.isTTY === true && !plain),
    err: paint(stderr.isTTY === true && !plain),
    progress(label) {
      if (stderr.isTTY !== true) return { update: () => {}, end: () => {} };
      let shownAt = 0;
      return {
        update(done, total) {
          const now = performance.now();
          if (done < total && now - shownAt < PROGRESS_MS) return;
          shownAt = now;
          const percent = total > 0 ? Math.floor((100 * done) / total) : 0;
          stderr.write(`\r\u001b[K${label} ${percent} %`);
        },
        end: () => void stderr.write('\r\u001b[K'),
      };
    },
  };
}
