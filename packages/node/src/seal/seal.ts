// The receipt of a run: commitments, body, leaf, inclusion, bundle, store. In this order, before the answer leaves.
import {
  type Bundle,
  encodeBase64,
  encodeCanonicalJson,
  encodeHex,
  encodeTokenIds,
  outputCommitmentData,
  type ReceiptBody,
  RunproofError,
  type SamplingParameters,
  tokensCommitmentData,
} from '@runproof/protocol';
import type { RunPlan } from '../api/request.ts';
import type { NodeMetrics } from '../metrics.ts';
import type { Clock, Engine, Random, ReceiptLog, ReceiptStore } from '../ports.ts';
import type { RunOutcome } from '../run/execute.ts';
import { createCommitter, entryId, type ReceiptCommitter } from './commitments.ts';

export interface Sealed {
  /** hex32 */
  readonly id: string;
  /** canonical bytes of the bundle, as text */
  readonly bundle: string;
}

interface SealInput {
  readonly plan: RunPlan;
  readonly prompt: readonly number[];
  readonly sampling: SamplingParameters;
  readonly outcome: RunOutcome;
}

export interface SealPorts {
  readonly engine: Engine;
  readonly log: ReceiptLog;
  readonly store: ReceiptStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: NodeMetrics;
}

const SALT_BYTES = 32;
const NO_TRACE = '0'.repeat(64);

function receiptBody(ports: SealPorts, input: SealInput, committer: ReceiptCommitter): ReceiptBody {
  const { plan, prompt, sampling, outcome } = input;
  const { engine, log } = ports;
  return {
    ended_ms: outcome.endedMs,
    engine: { build: engine.build, contract: engine.contract },
    evidence: {},
    finish_reason: outcome.reason,
    levels: outcome.root === null ? ['sealed'] : ['sealed', 'replayed'],
    model: { digest: engine.model.digest, name: engine.model.name },
    nonce: plan.nonce,
    operation: plan.operation,
    origin: log.origin,
    output: committer.commit('output', outputCommitmentData(outcome.text, outcome.reason)),
    prompt: committer.commit('prompt', encodeTokenIds(prompt)),
    request: committer.commit('request', plan.bytes),
    sampling,
    schema: 'runproof/receipt/1',
    segments: [],
    started_ms: outcome.startedMs,
    tokens: committer.commit('tokens', tokensCommitmentData(outcome.ids, outcome.trace)),
    trace: outcome.root === null ? NO_TRACE : encodeHex(outcome.root),
    usage: { completion_tokens: outcome.ids.length, prompt_tokens: prompt.length },
  };
}

/**
 * The canonical bytes of a bundle around a body that is canonical already: names in RFC 8785 order, ids are integers, and strings of
 * base64 and of proofs are escaped as RFC 8785 asks. Saves encoding the body twice; a test holds it to `encodeBundle`.
 */
export function assembleBundle(
  bodyText: string,
  disclosure: NonNullable<Bundle['disclosure']>,
  proof: string,
  salt: string,
): string {
  const { completion, prompt, trace } = disclosure;
  const disclosed = `{"completion":[${completion.join(',')}],"prompt":[${prompt.join(',')}],"trace":"${trace}"}`;
  return `{"body":${bodyText},"disclosure":${disclosed},"proof":${JSON.stringify(proof)},"salt":"${salt}","schema":"runproof/bundle/1"}`;
}

async function putBundle(store: ReceiptStore, id: string, bundle: string): Promise<void> {
  try {
    await store.put(id, bundle);
  } catch (error) {
    if (RunproofError.isInstance(error)) throw error;
    throw new RunproofError('STORE_UNWRITABLE', 'The receipt could not be stored.', {}, { cause: error });
  }
}

/**
 * Seals one run (specs/receipt.md): resolves when its leaf is covered by a durable signed checkpoint and its bundle is durably
 * stored. Rejects when either fails: then no answer may leave as if it had a receipt.
 */
export async function sealRun(ports: SealPorts, input: SealInput): Promise<Sealed> {
  const { clock, metrics } = ports;
  const started = clock.now();
  const saltBytes = ports.random.bytes(SALT_BYTES);
  const committer = createCommitter(saltBytes);
  const bodyText = encodeCanonicalJson(receiptBody(ports, input, committer));
  const entry = committer.entry(bodyText);
  const appending = clock.now();
  const appended = ports.log.append(entry);
  // The log is waiting for its disk: what the bundle needs besides the proof is made meanwhile.
  const { outcome, prompt } = input;
  const disclosure = { completion: outcome.ids, prompt, trace: encodeBase64(outcome.trace) };
  const id = entryId(entry);
  const { proof } = await appended;
  metrics.logAppendSeconds.observeMs(clock.now() - appending);
  const bundle = assembleBundle(bodyText, disclosure, proof, encodeHex(saltBytes));
  await putBundle(ports.store, id, bundle);
  metrics.sealSeconds.observeMs(clock.now() - started);
  metrics.receipts.add(1);
  return { id, bundle };
}
