// A node on this machine: log, engine, receipts and server in one process.

import { type Log, openLog } from '@runproof/log';
import {
  createNode,
  type Engine,
  FileReceiptStore,
  type LogLine,
  type NodeServer,
  type RunproofNode,
  serveNode,
  systemClock,
  systemRandom,
} from '@runproof/node';
import type { DataDirectory } from './data-directory.ts';
import { openModel } from './model.ts';
import type { Terminal } from './terminal.ts';

export interface LocalNode {
  readonly engine: Engine;
  readonly log: Log;
  readonly server: NodeServer;
  /** Ends within `milliseconds` for what runs now; may be called again with less patience. */
  stop(milliseconds: number): Promise<void>;
}

interface LocalNodeOptions {
  readonly data: DataDirectory;
  readonly model: string;
  readonly host: string;
  readonly port: number;
  readonly threads?: number;
  readonly terminal: Terminal;
}

function describe(line: LogLine): string {
  const { level, event, ...fields } = line;
  return [level, event, ...Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(' ');
}

/** Opens everything in order, and closes what is open when a later step fails. */
export async function startLocalNode(options: LocalNodeOptions): Promise<LocalNode> {
  const { data, terminal } = options;
  const opened: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.reverse()) await close();
  };
  try {
    const log = await openLog({
      directory: data.log,
      clock: systemClock,
      random: systemRandom,
      onWarning: (warning: string) => terminal.note(`log: ${warning}`),
    });
    opened.push(() => log.close());
    const engine = await openModel(options.model, terminal, options.threads);
    opened.push(() => engine.close());
    const store = await FileReceiptStore.open({ directory: data.receipts });
    opened.push(() => store.close());
    const node: RunproofNode = createNode({
      engine,
      log,
      store,
      clock: systemClock,
      random: systemRandom,
      logger: (line) => {
        if (line.level !== 'info') terminal.note(describe(line));
      },
    });
    const server = await serveNode(node, { host: options.host, port: options.port });
    let closing: Promise<void> | null = null;
    return {
      engine,
      log,
      server,
      async stop(milliseconds) {
        await server.drain(milliseconds);
        closing ??= closeAll();
        await closing;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
