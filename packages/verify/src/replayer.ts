// The port through which a verifier runs the model again. An engine with its model implements it (specs/exact-1.md §9).
import type {
  Disclosure,
  JsonObject,
  Operation,
  ReplayOutcome,
  ReplayProgress,
  SamplingParameters,
} from '@runproof/protocol';

export type { ReplayOutcome, ReplayProgress };

export interface Replayer {
  /** digest of the manifest of the verifier's own model */
  readonly modelDigest: string;
  /** contract of the verifier's own engine */
  readonly contract: string;
  /** positions that the verifier's engine can hold; what is longer is not replayed, and the report says so */
  readonly contextLength: number;
  /** Prompt ids of a request, by template and tokenizer of the verifier's model. */
  encodePrompt(operation: Operation, request: JsonObject): Promise<number[]>;
  /** Recomputes logits, trace and samples of `disclosure`; `trace` is the receipt's trace root, hex32. */
  replay(
    disclosure: Disclosure,
    sampling: SamplingParameters,
    trace: string,
    onProgress?: ReplayProgress,
  ): Promise<ReplayOutcome>;
}
