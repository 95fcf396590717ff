// A real node for the lanes: the built-in model, the exact engine, a log and a store in a folder of its own, on a free port.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openExactEngine } from '@runproof/engine-exact';
import { type Log, openLog } from '@runproof/log';
import { createNode, FileReceiptStore, serveNode, systemClock, systemRandom } from '@runproof/node';

const MODEL = fileURLToPath(new URL('../../models/runproof-tiny-q8_0.gguf', import.meta.url));

export interface LiveNode {
  readonly url: string;
  /** the policy that trusts this node, as it shows it */
  readonly policy: string;
  readonly log: Log;
  close(): Promise<void>;
}

export async function startNode(): Promise<LiveNode> {
  const directory = mkdtempSync(join(tmpdir(), 'runproof-live-'));
  const engine = await openExactEngine({ path: MODEL, threads: 1 });
  const parts = { clock: systemClock, random: systemRandom };
  const log = await openLog({
    ...parts,
    directory: join(directory, 'log'),
    onWarning: (warning) => console.warn(warning),
  });
  const store = await FileReceiptStore.open({ directory: join(directory, 'receipts') });
  const server = await serveNode(createNode({ ...parts, engine, log, store }), { host: '127.0.0.1', port: 0 });
  const shown = (await (await fetch(`${server.url}/.well-known/runproof.json`)).json()) as { policy: string };
  return {
    url: server.url,
    policy: shown.policy,
    log,
    close: async () => {
      await server.drain(10_000);
      await store.close();
      await log.close();
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
