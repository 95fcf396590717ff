// What the main thread and the engine's worker say to each other.
import type { KernelSetup, KernelVariant } from '@runproof/exact';
import type { ReplayOutcome, RunEvent } from '@runproof/node';
import {
  type Disclosure,
  type ErrorCode,
  type Evidence,
  RunproofError,
  type SamplingParameters,
} from '@runproof/protocol';

/** Words of the control buffer through which the worker starts its helper threads. */
export const CONTROL = { epoch: 0, from: 1, to: 2, stop: 3, words: 16 } as const;

export interface LeadData {
  readonly path: string;
  readonly name: string | null;
  readonly variant: KernelVariant | null;
  readonly threads: number;
  readonly kvPositions: number | null;
  readonly batchRows: number | null;
  readonly control: SharedArrayBuffer;
}

export interface HelperData {
  readonly setup: KernelSetup;
  readonly control: SharedArrayBuffer;
  readonly part: number;
  readonly parts: number;
}

export interface LoadedModel {
  readonly name: string;
  readonly digest: string;
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly createdSeconds: number;
  readonly variant: KernelVariant;
}

interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly evidence: Evidence;
}

export interface WireRun {
  readonly prompt: readonly number[];
  readonly sampling: SamplingParameters;
  readonly logprobs: number | null;
}

export type Request =
  | { readonly type: 'run'; readonly id: number; readonly run: WireRun; readonly credit: number }
  | { readonly type: 'credit'; readonly id: number; readonly count: number }
  | { readonly type: 'abort'; readonly id: number }
  | {
      readonly type: 'replay';
      readonly id: number;
      readonly disclosure: Disclosure;
      readonly sampling: SamplingParameters;
      readonly trace: string;
    }
  | { readonly type: 'chat'; readonly id: number; readonly messages: readonly { role: string; content: string }[] }
  | { readonly type: 'text'; readonly id: number; readonly text: string };

/** `RunEvent` without what a message cannot carry. */
export type WireEvent =
  | Extract<RunEvent, { type: 'token' }>
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length' | 'abort' | 'error';
      readonly text: string;
      readonly error?: WireError;
    };

export type Reply =
  | { readonly type: 'loading'; readonly done: number; readonly total: number }
  | { readonly type: 'loaded'; readonly model: LoadedModel; readonly setup: KernelSetup }
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'event'; readonly id: number; readonly event: WireEvent }
  | { readonly type: 'progress'; readonly id: number; readonly done: number; readonly total: number }
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: ReplayOutcome }
  | { readonly type: 'ids'; readonly id: number; readonly ids: readonly number[] }
  | { readonly type: 'rejected'; readonly id: number; readonly error: WireError };

/** Errors cross threads as their facts: structured clone would drop their code. */
export function packError(error: unknown): WireError {
  if (RunproofError.isInstance(error)) return { code: error.code, message: error.message, evidence: error.evidence };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message: `the engine failed: ${message}`, evidence: {} };
}

export function unpackError({ code, message, evidence }: WireError): RunproofError {
  return new RunproofError(code, message, evidence);
}
