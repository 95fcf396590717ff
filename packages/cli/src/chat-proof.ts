// What stands under each answer of a chat: replayed or sealed, in one line; and the files that prove it later.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Exchange, VerificationError } from '@runproof/client';
import type { Engine } from '@runproof/node';
import { parseBundle } from '@runproof/protocol';
import { type VerificationReport, verify } from '@runproof/verify';
import { modelPath, openModel, replayerOf } from './model.ts';
import { platformEd25519 } from './platform-ed25519.ts';
import { count, duration, type Terminal } from './terminal.ts';

interface ChatProofOptions {
  readonly policy: string;
  /** digest of the node's model */
  readonly digest: string;
  readonly replay: boolean;
  readonly model?: string;
  readonly threads?: number;
  readonly save?: string;
}

export class ChatProof {
  readonly #options: ChatProofOptions;
  readonly #terminal: Terminal;
  #engine: Promise<Engine> | null = null;

  constructor(options: ChatProofOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
  }

  /** Replays the answer where this machine holds its model, says what was shown, saves. Throws `VerificationError` when it is not equal. */
  async show(report: VerificationReport, exchange: Exchange): Promise<void> {
    if (this.#options.save !== undefined) await this.#save(this.#options.save, report, exchange);
    const tokens = count(report.facts?.completion_tokens ?? 0);
    const generated = parseBundle(exchange.receipt).body;
    const made = duration(generated.ended_ms - generated.started_ms);
    const { err } = this.#terminal;
    const engine = this.#options.replay ? await this.#ownEngine() : null;
    if (engine === null) {
      this.#terminal.note(
        `${err.good('sealed:')} ${tokens} tokens, receipt ${report.receipt ?? ''} (generated in ${made})`,
      );
      return;
    }
    if (engine.model.digest !== this.#options.digest) {
      this.#terminal.note(
        `${err.warn('sealed:')} ${tokens} tokens (generated in ${made}); not replayed: the node's model is ${this.#options.digest}, name its file with --model`,
      );
      return;
    }
    const started = performance.now();
    await this.#replay(engine, exchange);
    this.#terminal.note(
      `${err.good('replayed:')} ${tokens} tokens equal, bit for bit (${duration(performance.now() - started)}; generated in ${made})`,
    );
  }

  async #replay(engine: Engine, exchange: Exchange): Promise<void> {
    const progress = this.#terminal.progress('replaying');
    const { request, response, nonce } = exchange;
    const replay = replayerOf(engine);
    const report = await verify(exchange.receipt, {
      ...{ policy: this.#options.policy, request, response, nonce, replay, ed25519: platformEd25519 },
      level: 'replayed',
      onProgress: progress.update,
    }).finally(() => progress.end());
    if (report.verdict !== 'valid' || report.level !== 'replayed') throw VerificationError.fromReport(report);
  }

  #ownEngine(): Promise<Engine> {
    this.#engine ??= openModel(modelPath(this.#options.model), this.#terminal, this.#options.threads);
    return this.#engine;
  }

  /** request, response, receipt and nonce: what `runproof verify` takes. */
  async #save(folder: string, report: VerificationReport, exchange: Exchange): Promise<void> {
    await mkdir(folder, { recursive: true });
    const name = join(folder, (report.receipt ?? exchange.nonce).slice(0, 16));
    await writeFile(`${name}.request.json`, exchange.request);
    await writeFile(`${name}.response.txt`, exchange.response);
    await writeFile(`${name}.receipt.json`, exchange.receipt);
    this.#terminal.note(
      `saved: npx runproof verify ${name}.receipt.json --request ${name}.request.json --response ${name}.response.txt --nonce ${exchange.nonce} --replay`,
    );
  }

  async close(): Promise<void> {
    await (await this.#engine?.catch(() => null))?.close();
  }
}
