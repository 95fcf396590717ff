// Checks of a receipt against the transparency log: who signed the checkpoint, who witnessed it, and that the receipt
// is under its root.
import {
  type Bundle,
  encodeCanonicalJson,
  encodeHex,
  parseHex,
  RunproofError,
  receiptEntry,
  utf8,
} from '@runproof/protocol';
import {
  type Checkpoint,
  type Ed25519Verify,
  evaluatePolicy,
  leafHash,
  type Policy,
  type PolicyLog,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  type TlogProof,
  verifyInclusion,
  verifyNote,
} from '@runproof/tlog';
import { mismatch } from './report.ts';

/** The proof of a bundle, read but not verified. */
export interface LogClaim {
  readonly proof: TlogProof;
  readonly checkpoint: Checkpoint;
}

/** Part of `bundle.parse`: the proof's text. An `extra` line is refused, because nothing authenticates it. */
export function parseLogClaim(bundle: Bundle): LogClaim {
  const proof = parseTlogProof(bundle.proof);
  if (proof.extra !== null)
    throw new RunproofError('RECEIPT_SYNTAX', 'The proof of a bundle has no extra line.', { field: 'proof' });
  return { proof, checkpoint: parseCheckpoint(parseNote(proof.checkpoint).text) };
}

/**
 * `policy.log`: the logs of the policy whose origin the checkpoint claims; more than one while a log changes its key.
 */
export function checkLog(policy: Policy, { checkpoint }: LogClaim): { detail: string; value: readonly PolicyLog[] } {
  const { origin } = checkpoint;
  const logs = policy.logs.filter((log) => log.key.name === origin);
  if (logs.length === 0) {
    const origins = policy.logs.map((log) => log.key.name);
    throw mismatch('UNTRUSTED', 'The policy has no log with the origin of the checkpoint.', {
      expected: origins,
      got: origin,
    });
  }
  return { detail: origin, value: logs };
}

/** `log.signature`: one of `logs` has signed the checkpoint. */
export function checkSignature(
  { proof, checkpoint }: LogClaim,
  logs: readonly PolicyLog[],
  ed25519: Ed25519Verify | undefined,
): { detail: string; value: true } {
  verifyNote(
    proof.checkpoint,
    logs.map((log) => log.key),
    ed25519,
  );
  return { detail: `${checkpoint.origin} signed size ${checkpoint.size}`, value: true };
}

/** `log.witnesses`: names of the witnesses whose cosignatures satisfy the quorum. */
export function checkWitnesses(
  policy: Policy,
  { proof }: LogClaim,
  ed25519: Ed25519Verify | undefined,
): { detail: string; value: readonly string[] } {
  const { witnesses, quorumMet } = evaluatePolicy(policy, proof.checkpoint, ed25519);
  if (!quorumMet) {
    throw mismatch('QUORUM_NOT_MET', 'Too few witnesses have cosigned the checkpoint.', {
      expected: policy.quorum ?? 'none',
      got: witnesses,
    });
  }
  return { detail: witnesses.join(', '), value: witnesses };
}

/** `log.inclusion`: the leaf made from body and salt is at the proof's index under the checkpoint's root. */
export function checkInclusion(bundle: Bundle, { proof, checkpoint }: LogClaim): { detail: string; value: true } {
  const entry = receiptEntry(utf8(encodeCanonicalJson(bundle.body)), parseHex(bundle.salt));
  const { size, root } = checkpoint;
  verifyInclusion({ index: proof.index, size, leafHash: leafHash(entry), root, proof: proof.hashes });
  return { detail: `leaf ${proof.index} of ${size} under root ${encodeHex(root).slice(0, 16)}…`, value: true };
}

/** `body.origin`: the receipt was made for the log that it is shown under. */
export function checkOrigin(bundle: Bundle, { checkpoint }: LogClaim): { detail: string; value: true } {
  const { origin } = bundle.body;
  if (origin !== checkpoint.origin) {
    throw mismatch('ORIGIN_MISMATCH', 'The receipt names another log than the checkpoint.', {
      expected: checkpoint.origin,
      got: origin,
    });
  }
  return { detail: origin, value: true };
}

/** `model.trusted`. */
export function checkModelTrusted(policy: Policy, bundle: Bundle): { detail: string; value: true } {
  const { digest } = bundle.body.model;
  if (!policy.models.some((model) => model.digest === digest)) {
    throw mismatch('UNTRUSTED', 'The policy does not list the model of the receipt.', {
      expected: policy.models.map((model) => model.digest),
      got: digest,
    });
  }
  return { detail: digest, value: true };
}

/** `engine.trusted`. */
export function checkEngineTrusted(policy: Policy, bundle: Bundle): { detail: string; value: true } {
  const { contract } = bundle.body.engine;
  if (!policy.engines.includes(contract)) {
    throw mismatch('UNTRUSTED', 'The policy does not list the contract of the receipt.', {
      expected: policy.engines,
      got: contract,
    });
  }
  return { detail: contract, value: true };
}
