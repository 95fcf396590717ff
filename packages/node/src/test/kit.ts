// A node with a test engine and a log in memory, and the few things that tests ask of it.
import { type Bundle, encodeHex, parseBundle, sha256, utf8 } from '@runproof/protocol';
import type { NodeInfoInput, NodeLimitsInput } from '../config.ts';
import type { LogLine } from '../logger.ts';
import { createNode, type RunproofNode } from '../node.ts';
import type { Random, ReceiptStore } from '../ports.ts';
import { systemClock } from '../system.ts';
import { TestEngine } from './engine.ts';
import { MemoryLog } from './log.ts';

export class MemoryStore implements ReceiptStore {
  readonly bundles = new Map<string, string>();
  fails = false;

  async put(id: string, bundle: string): Promise<void> {
    if (this.fails) throw new Error('ENOSPC: no space left on /home/someone/disk');
    this.bundles.set(id, bundle);
  }

  async get(id: string): Promise<string | null> {
    return this.bundles.get(id) ?? null;
  }
}

/** The same bytes in every test run, none of them twice. */
export function countingRandom(): Random {
  let counter = 0;
  return {
    bytes(length) {
      counter += 1;
      return sha256(utf8(`random ${counter}`)).slice(0, length);
    },
  };
}

export interface Kit {
  readonly node: RunproofNode;
  readonly engine: TestEngine;
  readonly log: MemoryLog;
  readonly store: MemoryStore;
  readonly lines: LogLine[];
  post(path: string, body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** bundle of the receipt that a plain response names */
  bundleOf(response: Response): Bundle;
  onlyBundle(): Bundle;
}

export const BASE = 'http://node.test';
export const CHAT = '/v1/chat/completions';
export const TEXT = '/v1/completions';

export function createKit(limits: NodeLimitsInput = {}, info: NodeInfoInput = {}): Kit {
  const engine = new TestEngine();
  const log = new MemoryLog();
  const store = new MemoryStore();
  const lines: LogLine[] = [];
  const node = createNode({
    engine,
    log,
    store,
    clock: systemClock,
    random: countingRandom(),
    limits,
    info,
    logger: (line) => lines.push(line),
  });
  const find = (id: string | null): Bundle => parseBundle(store.bundles.get(id ?? '') ?? '');
  return {
    node,
    engine,
    log,
    store,
    lines,
    post: (path, body, headers = {}, signal) =>
      node.fetch(
        new Request(BASE + path, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    get: (path, headers = {}) => node.fetch(new Request(BASE + path, { headers })),
    bundleOf: (response) => find(response.headers.get('runproof-receipt')),
    onlyBundle: () => {
      const ids = [...store.bundles.keys()];
      if (ids.length !== 1) throw new Error(`${ids.length} receipts`);
      return find(ids[0] ?? null);
    },
  };
}

export function chatBody(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    model: 'test/markov',
    messages: [{ role: 'user', content: 'Tell me of a fox.' }],
    seed: 7,
    max_tokens: 24,
    ...more,
  };
}

export function textBody(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'test/markov', prompt: 'Once upon a time', seed: 7, max_tokens: 24, ...more };
}

export function nonceOf(label: string): string {
  return encodeHex(sha256(utf8(label)));
}

/** A promise that is resolved from outside. */
export function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Data of the events of a whole stream. */
export async function eventsOf(response: Response): Promise<string[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
}

/** Waits until `holds` does; the test's own timeout ends a wait in vain. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
