// runproof up: serve the built-in model, or any supported GGUF file, with receipts.
import { createServer } from 'node:net';
import { keyFingerprint, type TrustInfo } from '@runproof/client';
import { RunproofError } from '@runproof/protocol';
import { dataDirectory, prepareDataDirectory, writeTextDurably } from '../data-directory.ts';
import { type LocalNode, startLocalNode } from '../local-node.ts';
import { modelPath, replayerOf } from '../model.ts';
import { extendPolicyFile, writePolicyFile } from '../policy-file.ts';
import { type SelfCheck, selfCheck } from '../self-check.ts';
import { count, type Terminal } from '../terminal.ts';

export interface UpOptions {
  readonly host: string;
  readonly port: number;
  readonly model?: string;
  readonly threads?: number;
  readonly data?: string;
}

/** How long running answers may take to end after the first signal. */
const DRAIN_MS = 30_000;

/** A port that is taken is said before a model is loaded. The server's own listen stays the judge. */
function assertPortFree(host: string, port: number): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') resolve();
      else
        reject(
          new RunproofError(
            'CONFIG_INVALID',
            `Port ${port} of ${host} is in use by another program; choose one with --port.`,
            { setting: 'port' },
          ),
        );
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

/** Where this machine itself reaches the node: an address for all interfaces is none to call. */
function reachableUrl(node: LocalNode): string {
  const { host, port } = node.server;
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  return host === '::' ? `http://[::1]:${port}` : node.server.url;
}

function trustInfoOf(node: LocalNode, url: string): TrustInfo {
  const { engine, log } = node;
  return {
    url,
    logUrl: `${url}/log`,
    origin: log.origin,
    vkey: log.vkey,
    engine: { build: engine.build, contract: engine.contract },
    models: [{ digest: engine.model.digest, name: engine.model.name }],
  };
}

function announce(node: LocalNode, url: string, checked: SelfCheck, policyPath: string, terminal: Terminal): void {
  const { model } = node.engine;
  const body = JSON.stringify({
    model: model.name,
    messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
  });
  const bold = terminal.out.bold;
  const lines = [
    `${bold('Runproof')} serves ${bold(`${url}/v1`)}`,
    `  model       ${model.name}  ${model.digest}`,
    `  log origin  ${node.log.origin}`,
    `  log key     ${keyFingerprint(node.log.vkey)}`,
    `  policy      ${policyPath}`,
    `  ${terminal.out.good('self-check:')} ${count(checked.tokens)} tokens sealed and replayed bit for bit`,
    '',
    `  curl ${url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
    `  OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=none your-program`,
    `  npx runproof chat --url ${url}`,
    '',
  ];
  terminal.write(lines.join('\n'));
}

interface Signals {
  /** true once a signal came */
  readonly stopping: boolean;
  /** Resolves when a signal has ended the node. */
  readonly stopped: Promise<void>;
}

/** The first signal drains, the second one does not wait, the third ends the process as it is. */
function listenForSignals(node: LocalNode, terminal: Terminal): Signals {
  let signals = 0;
  const stopped = new Promise<void>((resolve, reject) => {
    const onSignal = (): void => {
      signals += 1;
      if (signals === 1)
        terminal.note('Stopping: running answers are finished and sealed first. Once more stops at once.');
      if (signals > 2) process.exit(1);
      node.stop(signals === 1 ? DRAIN_MS : 0).then(() => {
        process.off('SIGINT', onSignal);
        process.off('SIGTERM', onSignal);
        resolve();
      }, reject);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
  return {
    get stopping() {
      return signals > 0;
    },
    stopped,
  };
}

async function proveItself(node: LocalNode, data: ReturnType<typeof dataDirectory>, terminal: Terminal): Promise<void> {
  const url = reachableUrl(node);
  await writeTextDurably(data.vkey, `${node.log.vkey}\n`);
  const { policy } = await extendPolicyFile(data.policy, trustInfoOf(node, url));
  await writePolicyFile(data.policy, policy);
  const progress = terminal.progress('self-check');
  const checked = await selfCheck({
    url,
    model: node.engine.model.name,
    policy,
    replay: replayerOf(node.engine),
  }).finally(() => progress.end());
  announce(node, url, checked, data.policy, terminal);
}

/** Serves until a signal. Resolves with the exit code. */
export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const data = dataDirectory(options.data);
  const model = modelPath(options.model);
  await assertPortFree(options.host, options.port);
  await prepareDataDirectory(data);
  const { host, port, threads } = options;
  const node = await startLocalNode({
    data,
    model,
    host,
    port,
    terminal,
    ...(threads === undefined ? {} : { threads }),
  });
  const signals = listenForSignals(node, terminal);
  try {
    await proveItself(node, data, terminal);
  } catch (error) {
    // A self-check that a signal has cut is no failure.
    if (!signals.stopping) {
      await node.stop(0);
      throw error;
    }
  }
  await signals.stopped;
  return 0;
}
