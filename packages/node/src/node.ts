// A node: one engine, one log, one store of receipts, behind one HTTP interface.
import { RunproofError } from '@runproof/protocol';
import { createApp } from './app.ts';
import { type NodeInfoInput, type NodeLimits, type NodeLimitsInput, parseInfo, parseLimits } from './config.ts';
import { Health, type NodeContext } from './context.ts';
import { createBodyBudget } from './http/body.ts';
import { type Logger, silentLogger } from './logger.ts';
import { createMetrics, Gauge } from './metrics.ts';
import type { Clock, Engine, Random, ReceiptLog, ReceiptStore } from './ports.ts';
import { Admission } from './run/admission.ts';
import { RunRegistry } from './run/registry.ts';

export interface NodeOptions {
  readonly engine: Engine;
  readonly log: ReceiptLog;
  readonly store: ReceiptStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: NodeLimitsInput;
  readonly info?: NodeInfoInput;
  readonly logger?: Logger;
}

export interface RunproofNode {
  /** Answers one HTTP request. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** Whether new runs are taken and receipts can be sealed; what `/readyz` says. */
  readonly ready: boolean;
  readonly limits: NodeLimits;
  /**
   * Takes no new run (503 with `Retry-After`), refuses those that wait, and gives the running ones `milliseconds` to end; what runs
   * still is stopped then. Resolves when every run is sealed. May be called again with less patience.
   */
  drain(milliseconds: number): Promise<void>;
  /** `drain(0)`. Engine, log and store belong to the caller, who closes them afterwards. */
  close(): Promise<void>;
}

function createContext(options: NodeOptions, accepting: () => boolean): NodeContext {
  const limits = parseLimits(options.limits);
  const { clock } = options;
  const admission = new Admission({ ...limits, clock });
  const health = new Health(clock);
  const metrics = createMetrics([
    new Gauge('runproof_running', 'Runs at work.', () => admission.running),
    new Gauge('runproof_waiting', 'Runs that wait for their turn.', () => admission.waiting),
    new Gauge('runproof_ready', 'Whether new runs are taken.', () => (accepting() && health.ok ? 1 : 0)),
  ]);
  const { engine, log, store, random } = options;
  return {
    ...{ engine, log, store, clock, random, limits, admission, health, metrics, accepting },
    info: parseInfo(options.info),
    logger: options.logger ?? silentLogger,
    bodies: createBodyBudget(limits.bodyBytesTotalMax),
    runs: new RunRegistry(),
  };
}

function shuttingDown(): RunproofError {
  return new RunproofError('SHUTTING_DOWN', 'This node shut down before the run had ended.', {
    retry_after_seconds: 5,
  });
}

/** Makes a node. Throws `CONFIG_INVALID` when a limit or a fact is out of its range. */
export function createNode(options: NodeOptions): RunproofNode {
  let accepting = true;
  const context = createContext(options, () => accepting);
  const app = createApp(context);
  const drain = async (milliseconds: number): Promise<void> => {
    accepting = false;
    context.admission.close();
    const timer = setTimeout(() => context.runs.stopAll({ reason: 'error', error: shuttingDown() }), milliseconds);
    await context.runs.idle();
    clearTimeout(timer);
  };
  return {
    fetch: async (request) => app.fetch(request),
    get ready() {
      return accepting && context.health.ok;
    },
    limits: context.limits,
    drain,
    close: () => drain(0),
  };
}
