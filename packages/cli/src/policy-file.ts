// The policy in the data directory: the reader's root of trust.
import { extendPolicy, type PolicyChange, type TrustInfo } from '@runproof/client';
import { readTextIfThere, writeTextDurably } from './data-directory.ts';

const HEADER =
  '# What this machine trusts (specs/policy.md). Written by runproof; lines are added when you agree to them.\n';

/** Policy text with the lines that trust `info`; a new file begins with a line that says what it is. */
export async function extendPolicyFile(
  path: string,
  info: TrustInfo,
): Promise<{ policy: string; changes: readonly PolicyChange[] }> {
  const before = await readTextIfThere(path);
  const { policy, changes } = extendPolicy(before, info);
  return { policy: before === null ? HEADER + policy : policy, changes };
}

/** Writes what a person, or the owner of the node by starting it, has agreed to. */
export async function writePolicyFile(path: string, policy: string): Promise<void> {
  await writeTextDurably(path, policy);
}
