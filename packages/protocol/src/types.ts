// The objects of specs/receipt.md, field by field.

/** Effective sampling parameters (specs/exact-1.md §7). */
export interface SamplingParameters {
  readonly frequency_penalty: number;
  /** decimal token id → bias */
  readonly logit_bias: Readonly<Record<string, number>>;
  readonly max_tokens: number;
  readonly min_p: number;
  readonly presence_penalty: number;
  readonly repetition_penalty: number;
  /** 32-byte sampling seed, hex32 */
  readonly seed: string;
  readonly stop: readonly string[];
  readonly temperature: number;
  readonly top_k: number;
  readonly top_p: number;
}

export type FinishReason = 'stop' | 'length' | 'abort' | 'error';
export type Operation = 'chat.completion' | 'text.completion';
export type Level = 'sealed' | 'replayed';

/** Body of a receipt, schema `runproof/receipt/1`. */
export interface ReceiptBody {
  readonly ended_ms: number;
  readonly engine: { readonly build: string; readonly contract: string };
  readonly evidence: Readonly<Record<string, string>>;
  readonly finish_reason: FinishReason;
  readonly levels: readonly Level[];
  readonly model: { readonly digest: string; readonly name: string };
  readonly nonce: string;
  readonly operation: Operation;
  readonly origin: string;
  readonly output: string;
  readonly prompt: string;
  readonly request: string;
  readonly sampling: SamplingParameters;
  readonly schema: 'runproof/receipt/1';
  readonly segments: readonly { readonly node: string; readonly tokens: number }[];
  readonly started_ms: number;
  readonly tokens: string;
  readonly trace: string;
  readonly usage: { readonly completion_tokens: number; readonly prompt_tokens: number };
}

/** What replay needs; checked against the commitments of the body. */
export interface Disclosure {
  readonly completion: readonly number[];
  readonly prompt: readonly number[];
  /** base64 of the first 8 bytes of every h_t (specs/exact-1.md §8) */
  readonly trace: string;
}

/** A receipt that verifies offline, schema `runproof/bundle/1`. */
export interface Bundle {
  readonly body: ReceiptBody;
  readonly disclosure: Disclosure | null;
  /** c2sp.org/tlog-proof@v1 text */
  readonly proof: string;
  /** hex32 */
  readonly salt: string;
  readonly schema: 'runproof/bundle/1';
}

/** Progress of a replay: tokens checked of tokens in all. */
export type ReplayProgress = (done: number, total: number) => void;

/** What a replay found (specs/exact-1.md §9). In a difference `expected` is what the model gives, `got` what the receipt says. */
export type ReplayOutcome =
  | {
      readonly equal: true;
      readonly tokens: number;
      readonly text: string;
      readonly finish: 'stop' | 'length' | 'unfinished';
    }
  | ReplayDifference;

export interface ReplayDifference {
  readonly equal: false;
  /** 0-based index of the first output token that differs */
  readonly position: number;
  readonly what: 'trace' | 'sampling';
  readonly expected: string;
  readonly got: string;
}
