// A real node with a real log whose engine may lie: it runs other weights, other parameters or another prompt than it says.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openExactEngine } from '@runproof/engine-exact';
import {
  createChatTemplate,
  createTokenizer,
  type ExactModel,
  generate,
  loadExactModel,
  readGguf,
  type TemplateTokenizer,
} from '@runproof/exact';
import { decodeTensor, encodeTensor, memorySource } from '@runproof/exact/testing';
import { type Log, openLog } from '@runproof/log';
import { createNode, type Engine, type RunEvent, type RunRequest, systemClock, systemRandom } from '@runproof/node';
import {
  type Bundle,
  encodeBundle,
  encodeCanonicalJson,
  parseBundle,
  parseHex,
  type ReceiptBody,
  receiptEntry,
  type SamplingParameters,
  utf8,
} from '@runproof/protocol';
import type { CheckId, VerificationReport } from '@runproof/verify';
import { MODEL, runHere } from './programs.ts';

export interface Exchange {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nonce: string;
  readonly bundle: Bundle;
}

/** How the node's engine differs from what it says. */
export interface Lie {
  /** bytes of the GGUF file that really runs */
  readonly weights?: Uint8Array;
  /** what is sampled with, in the place of what the receipt says */
  readonly sampling?: Partial<SamplingParameters>;
  /** put before the conversation */
  readonly system?: string;
}

export const CHAT = {
  model: 'runproof-tiny',
  messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
  max_tokens: 24,
};

/** The weights of `gguf` with one code of one matrix moved by one. */
export async function withOneWeightChanged(gguf: Uint8Array): Promise<Uint8Array> {
  const { tensors } = await readGguf(memorySource(gguf));
  const matrix = [...tensors.values()].find((tensor) => tensor.type === 'Q8_0' && tensor.name.includes('ffn_down'));
  if (matrix === undefined) throw new Error('no such matrix');
  const changed = gguf.slice();
  const place = matrix.offset + 2 + 5;
  const code = ((changed[place] ?? 0) << 24) >> 24;
  changed[place] = code > 0 ? code - 1 : code + 1;
  return changed;
}

/** The weights of `gguf` as a four-bit quantisation leaves them. */
export async function requantised(gguf: Uint8Array): Promise<Uint8Array> {
  const { tensors } = await readGguf(memorySource(gguf));
  const changed = gguf.slice();
  for (const { type, offset, byteLength } of tensors.values()) {
    if (type !== 'Q8_0') continue;
    const values = decodeTensor('Q8_0', gguf.subarray(offset, offset + byteLength));
    changed.set(encodeTensor('Q8_0', decodeTensor('Q4_0', encodeTensor('Q4_0', values))), offset);
  }
  return changed;
}

/** An engine that says that it is `honest` and does what `lie` says. Its trace is made for the digest that it claims. */
class LyingEngine implements Engine {
  readonly #honest: Engine;
  readonly #lie: Lie;
  readonly #model: ExactModel;
  readonly #tokenizer: TemplateTokenizer;
  readonly #template: ReturnType<typeof createChatTemplate>;

  private constructor(
    honest: Engine,
    lie: Lie,
    model: ExactModel,
    tokenizer: TemplateTokenizer,
    template: ReturnType<typeof createChatTemplate>,
  ) {
    this.#honest = honest;
    this.#lie = lie;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  static async open(honest: Engine, lie: Lie): Promise<LyingEngine> {
    const source = memorySource(lie.weights ?? (await readFile(MODEL)));
    const { metadata } = await readGguf(source);
    const tokenizer = createTokenizer(metadata);
    return new LyingEngine(
      honest,
      lie,
      await loadExactModel(source),
      tokenizer,
      createChatTemplate(metadata, tokenizer, { clockMs: 0 }),
    );
  }

  get contract(): string {
    return this.#honest.contract;
  }

  get build(): string {
    return this.#honest.build;
  }

  get model(): Engine['model'] {
    return this.#honest.model;
  }

  async encodeChat(messages: readonly { role: string; content: string }[]): Promise<number[]> {
    const system = this.#lie.system === undefined ? [] : [{ role: 'system', content: this.#lie.system }];
    return this.#template.encode([...system, ...messages], { addGenerationPrompt: true });
  }

  encodeText(text: string): Promise<number[]> {
    return this.#honest.encodeText(text);
  }

  async *run(request: RunRequest): AsyncGenerator<RunEvent> {
    const sampling = { ...request.sampling, ...this.#lie.sampling };
    const steps = generate(this.#model, {
      prompt: request.prompt,
      sampling,
      tokenizer: this.#tokenizer,
      modelDigest: this.model.digest,
    });
    for (;;) {
      const step = steps.next();
      if (step.done) {
        yield { type: 'end', reason: step.value.finish, text: step.value.text };
        return;
      }
      const { id, text, trace } = step.value;
      yield { type: 'token', id, text, trace };
    }
  }

  replay(...parameters: Parameters<Engine['replay']>): ReturnType<Engine['replay']> {
    return this.#honest.replay(...parameters);
  }

  async close(): Promise<void> {}
}

export class Scene {
  readonly folder: string;
  readonly engine: Engine;
  readonly log: Log;
  readonly policy: string;
  #files = 0;

  private constructor(folder: string, engine: Engine, log: Log) {
    this.folder = folder;
    this.engine = engine;
    this.log = log;
    this.policy = `log ${log.vkey}\nmodel ${engine.model.digest}\nengine exact-1\nquorum none\n`;
  }

  static async open(): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), 'runproof-tamper-'));
    const log = await openLog({
      directory: join(folder, 'log'),
      clock: systemClock,
      random: systemRandom,
      onWarning: () => {},
    });
    const engine = await openExactEngine({ path: MODEL, threads: 1 });
    return new Scene(folder, engine, log);
  }

  async close(): Promise<void> {
    await this.engine.close();
    await this.log.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** One answer of a node over this log, with its receipt; `lie` is what its engine does in secret. */
  async ask(body: object = CHAT, lie?: Lie, nonce: string = 'c0'.repeat(32)): Promise<Exchange> {
    const engine = lie === undefined ? this.engine : await LyingEngine.open(this.engine, lie);
    let bundle = '';
    const store = {
      put: async (_id: string, text: string) => {
        bundle = text;
      },
      get: async () => bundle,
    };
    const node = createNode({ engine, log: this.log, store, clock: systemClock, random: systemRandom });
    const request = JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'runproof-nonce': nonce };
    const response = await node.fetch(
      new Request('http://node.test/v1/chat/completions', { method: 'POST', headers, body: request }),
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    await node.close();
    return { request: utf8(request), response: bytes, nonce, bundle: parseBundle(bundle) };
  }

  /** The exchange with a body that says something else, sealed by the node's own log like an honest one. */
  async reseal(
    exchange: Exchange,
    edit: (body: ReceiptBody) => ReceiptBody,
    disclosure = exchange.bundle.disclosure,
  ): Promise<Exchange> {
    const { salt } = exchange.bundle;
    const body = edit(exchange.bundle.body);
    const { proof } = await this.log.append(receiptEntry(utf8(encodeCanonicalJson(body)), parseHex(salt)));
    return { ...exchange, bundle: { ...exchange.bundle, body, proof, disclosure } };
  }

  /** `runproof verify` on the files of an exchange, with `--replay` where the table asks for it. */
  async verify(
    exchange: Omit<Exchange, 'bundle'> & { readonly bundle: Bundle | string },
    how: 'sealed' | 'replayed',
  ): Promise<{ code: number | null; failed: readonly CheckId[]; report: VerificationReport }> {
    this.#files += 1;
    const name = join(this.folder, String(this.#files));
    const bundle = typeof exchange.bundle === 'string' ? exchange.bundle : encodeBundle(exchange.bundle);
    await writeFile(`${name}.receipt.json`, bundle);
    await writeFile(`${name}.request`, exchange.request);
    await writeFile(`${name}.response`, exchange.response);
    await writeFile(`${name}.policy`, this.policy);
    const files = ['--request', `${name}.request`, '--response', `${name}.response`, '--policy', `${name}.policy`];
    const replaying = how === 'replayed' ? ['--replay', '--threads', '1'] : [];
    const words = ['verify', `${name}.receipt.json`, ...files, '--nonce', exchange.nonce, ...replaying, '--json'];
    const outcome = await runHere(words);
    const report = JSON.parse(outcome.stdout) as VerificationReport;
    return { code: outcome.code, failed: report.failed, report };
  }
}
