// runproof proxy: verification for programs that know nothing of it.
import { decodeUtf8 } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';
import { dataDirectory } from '../data-directory.ts';
import { readInput } from '../files.ts';
import { modelPath, openModel, replayerOf } from '../model.ts';
import { startProxy } from '../proxy/server.ts';
import { verdictSentence } from '../render-report.ts';
import { printable, type Terminal } from '../terminal.ts';

export interface ProxyCommandOptions {
  readonly url: string;
  readonly policy?: string;
  readonly data?: string;
  readonly host: string;
  readonly port: number;
  readonly strict?: boolean;
  readonly replay?: boolean;
  readonly model?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Serves until SIGINT or SIGTERM. One line on stderr, or one JSON line on stdout with `json`, for each answer. */
export async function proxyCommand(options: ProxyCommandOptions, terminal: Terminal): Promise<number> {
  const policy = decodeUtf8(await readInput(options.policy ?? dataDirectory(options.data).policy));
  const engine = options.replay === true ? await openModel(modelPath(options.model), terminal, options.threads) : null;
  const replaying = engine === null ? {} : { level: 'replayed' as const, replay: replayerOf(engine) };
  const onReport = (report: VerificationReport): void => {
    if (options.json === true) terminal.write(`${JSON.stringify(report)}\n`);
    else terminal.note(printable(`${report.receipt ?? 'no receipt'} ${verdictSentence(report)}`));
  };
  const { url, host, port } = options;
  const proxy = await startProxy({ url, host, port, policy, onReport, ...replaying, strict: options.strict === true });
  terminal.note(`Answers of ${url} are verified at ${proxy.url}/v1`);
  terminal.note(`  OPENAI_BASE_URL=${proxy.url}/v1 your-program`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await proxy.close();
  await engine?.close();
  return 0;
}
