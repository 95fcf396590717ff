// Whether a signed checkpoint satisfies a policy (specs/policy.md).
import { RunproofError } from '@runproof/protocol';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { type Ed25519Verify, ed25519Verify } from './ed25519.ts';
import { parseNote, verifyNote } from './note.ts';
import type { Policy } from './policy.ts';

export interface PolicyEvaluation {
  readonly log: { readonly origin: string };
  readonly checkpoint: Checkpoint;
  /** names of the policy's witnesses whose cosignature holds, in the policy's order */
  readonly witnesses: readonly string[];
  /** true when `witnesses` satisfy the quorum; always true for `quorum none` */
  readonly quorumMet: boolean;
}

/**
 * Verifies the checkpoint `signed` under `policy`. `NOTE_SYNTAX`; `UNTRUSTED` when its origin is no log of the policy;
 * `SIGNATURE_INVALID` when that log's signature is missing, or a signature of a log or a witness of the policy does not hold.
 * A quorum that is not met is a result, not an error. `verify` may be the platform's own, faster Ed25519.
 */
export function evaluatePolicy(
  policy: Policy,
  signed: string,
  verify: Ed25519Verify = ed25519Verify,
): PolicyEvaluation {
  const note = parseNote(signed);
  const checkpoint = parseCheckpoint(note.text);
  const { origin } = checkpoint;
  const logKeys = policy.logs.map((log) => log.key).filter((key) => key.name === origin);
  if (logKeys.length === 0) {
    const origins = policy.logs.map((log) => log.key.name);
    throw new RunproofError('UNTRUSTED', `the policy has no log with the origin ${origin}`, { origin, origins });
  }
  const verified = verifyNote(note, [...logKeys, ...policy.witnesses.map((witness) => witness.key)], verify);
  const signers = new Set(verified.signatures.map((signature) => signature.key));
  if (!logKeys.some((key) => signers.has(key))) {
    throw new RunproofError('SIGNATURE_INVALID', `the checkpoint is not signed by its log ${origin}`, {
      origin,
      note: signed,
    });
  }
  const witnesses = policy.witnesses.filter((witness) => signers.has(witness.key)).map((witness) => witness.name);
  return { log: { origin }, checkpoint, witnesses, quorumMet: isQuorumMet(policy, witnesses) };
}

/** Groups stand after their members, so that one pass decides them all. */
function isQuorumMet(policy: Policy, witnesses: readonly string[]): boolean {
  if (policy.quorum === null) return true;
  const satisfied = new Set(witnesses);
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => satisfied.has(member)).length >= threshold) satisfied.add(name);
  }
  return satisfied.has(policy.quorum);
}
