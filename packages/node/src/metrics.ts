// Numbers for Prometheus. Labels come from closed lists of ours, never from a request.

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  lines(): string[];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** A number that only grows, one per combination of labels. */
export class Counter implements Family {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #values = new Map<string, number>();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  add(amount: number, labels: Labels = {}): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  lines(): string[] {
    if (this.#values.size === 0) return [`${this.name} 0`];
    return [...this.#values].map(([key, value]) => `${this.name}${key} ${value}`);
  }
}

/** A number that is read when it is asked for. */
export class Gauge implements Family {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly #read: () => number;
  readonly #labels: Labels;

  constructor(name: string, help: string, read: () => number, labels: Labels = {}) {
    this.name = name;
    this.help = help;
    this.#read = read;
    this.#labels = labels;
  }

  lines(): string[] {
    return [`${this.name}${labelText(this.#labels)} ${this.#read()}`];
  }
}

/** Durations in seconds, by fixed upper bounds. */
export class Histogram implements Family {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  /** A clock that was set back must not make a duration negative. */
  observeMs(milliseconds: number): void {
    const seconds = Math.max(0, milliseconds) / 1_000;
    this.#sum += seconds;
    this.#count += 1;
    const index = this.#bounds.findIndex((bound) => seconds <= bound);
    if (index >= 0) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  lines(): string[] {
    let running = 0;
    const buckets = this.#bounds.map((bound, index) => {
      running += this.#counts[index] ?? 0;
      return `${this.name}_bucket{le="${bound}"} ${running}`;
    });
    return [
      ...buckets,
      `${this.name}_bucket{le="+Inf"} ${this.#count}`,
      `${this.name}_sum ${this.#sum}`,
      `${this.name}_count ${this.#count}`,
    ];
  }
}

const LATENCY_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

export interface NodeMetrics {
  readonly requests: Counter;
  readonly runs: Counter;
  readonly refused: Counter;
  readonly promptTokens: Counter;
  readonly completionTokens: Counter;
  readonly receipts: Counter;
  readonly sealFailures: Counter;
  readonly queueSeconds: Histogram;
  readonly firstTokenSeconds: Histogram;
  readonly tokenGapSeconds: Histogram;
  readonly runSeconds: Histogram;
  readonly logAppendSeconds: Histogram;
  readonly sealSeconds: Histogram;
  /** Exposition format 0.0.4. */
  render(): string;
}

/** The families of one node. `gauges` are read at each scrape. */
export function createMetrics(gauges: readonly Gauge[]): NodeMetrics {
  const histogram = (name: string, help: string): Histogram => new Histogram(name, help, LATENCY_SECONDS);
  const families = {
    requests: new Counter('runproof_http_requests_total', 'Requests by route and status.'),
    runs: new Counter('runproof_runs_total', 'Runs by how they ended.'),
    refused: new Counter('runproof_refused_total', 'Runs refused for want of room, by code.'),
    promptTokens: new Counter('runproof_prompt_tokens_total', 'Prompt tokens of all runs.'),
    completionTokens: new Counter('runproof_completion_tokens_total', 'Output tokens of all runs.'),
    receipts: new Counter('runproof_receipts_total', 'Receipts sealed and stored.'),
    sealFailures: new Counter(
      'runproof_seal_failures_total',
      'Runs whose receipt could not be sealed or stored, by code.',
    ),
    queueSeconds: histogram('runproof_queue_seconds', 'Wait for a turn.'),
    firstTokenSeconds: histogram(
      'runproof_time_to_first_token_seconds',
      'From the arrival of a request to its first token.',
    ),
    tokenGapSeconds: histogram('runproof_inter_token_seconds', 'Between two tokens of a run.'),
    runSeconds: histogram('runproof_run_seconds', 'From the start of a run in the engine to its end.'),
    logAppendSeconds: histogram('runproof_log_append_seconds', 'Until a leaf was durable under a signed checkpoint.'),
    sealSeconds: histogram('runproof_seal_seconds', 'From the end of a run to its stored receipt.'),
  };
  const all: readonly Family[] = [...Object.values(families), ...gauges];
  return {
    ...families,
    render: () =>
      `${all.flatMap((family) => [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`, ...family.lines()]).join('\n')}\n`,
  };
}
