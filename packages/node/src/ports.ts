// What the node asks of others: an engine, a log, a store of receipts, a clock and randomness.
import type { Bundle, Disclosure, ReplayOutcome, ReplayProgress, SamplingParameters } from '@runproof/protocol';

export interface EngineModel {
  readonly name: string;
  /** digest of the model manifest, `sha256:<hex>` */
  readonly digest: string;
  readonly contextLength: number;
  readonly vocabSize: number;
  /** default sampling of this model, where its file or its publisher says one */
  readonly createdSeconds: number;
}

export interface TokenLogprob {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly logprob: number;
}

export type RunEvent =
  /** One token. `text` is what became final with it: stop strings and incomplete UTF-8 are held back. */
  | {
      readonly type: 'token';
      readonly id: number;
      readonly text: string;
      /** h_t of specs/exact-1.md §8 */
      readonly trace: Uint8Array;
      readonly logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] };
    }
  /** The last event of every run, also of an aborted or failed one. `text` is what was held back and is final now. */
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length' | 'abort' | 'error';
      readonly text: string;
      readonly error?: unknown;
    };

export interface RunRequest {
  readonly prompt: readonly number[];
  readonly sampling: SamplingParameters;
  /** number of alternatives per token; null: no logprobs */
  readonly logprobs: number | null;
  /** Aborting ends the run with reason `abort`; it never throws. */
  readonly signal: AbortSignal;
}

/** An engine with one loaded model. Implemented by `engine-*` packages. */
export interface Engine {
  /** contract id, such as `exact-1` */
  readonly contract: string;
  /** digest of the engine's code, `sha256:<hex>` */
  readonly build: string;
  readonly model: EngineModel;
  /** Prompt ids of a conversation by the model's template. Rejects with `MODEL_TEMPLATE`. */
  encodeChat(messages: readonly { role: string; content: string }[]): Promise<number[]>;
  /** Prompt ids of plain text. */
  encodeText(text: string): Promise<number[]>;
  run(request: RunRequest): AsyncIterable<RunEvent>;
  /** Replays a disclosure (specs/exact-1.md §9). `trace` is the receipt's trace root, hex32. */
  replay(
    disclosure: Disclosure,
    sampling: SamplingParameters,
    trace: string,
    onProgress?: ReplayProgress,
  ): Promise<ReplayOutcome>;
  close(): Promise<void>;
}

/** What the log answers once an entry is durable and covered by a signed, durable checkpoint. */
export interface Inclusion {
  readonly index: number;
  readonly treeSize: number;
  /** c2sp.org/tlog-proof@v1 text */
  readonly proof: string;
}

export interface ReceiptLog {
  readonly origin: string;
  /** C2SP verifier key */
  readonly vkey: string;
  append(entry: Uint8Array): Promise<Inclusion>;
  /** Signed note of the newest checkpoint. */
  checkpoint(): Promise<string>;
  /** Body of a path below the log's prefix (`tile/0/x001/234.p/7`), or null when the tree does not have it. */
  read(path: string): Promise<Uint8Array | null>;
}

/** Keeps bundles by receipt id. Durable before `put` resolves. */
export interface ReceiptStore {
  put(id: string, bundle: string): Promise<void>;
  get(id: string): Promise<string | null>;
}

export interface Clock {
  /** Unix time in milliseconds */
  now(): number;
}

export interface Random {
  bytes(length: number): Uint8Array;
}

export type { Bundle, ReplayOutcome, ReplayProgress };
