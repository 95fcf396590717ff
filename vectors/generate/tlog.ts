// Vectors of the transparency log's formats: vectors/tlog/{valid,invalid}/*.json.

import { checkpointVectors, noteVectors, vkeyVectors } from './tlog/note-vectors.ts';
import { cosignatureVectors, evaluationVectors, policyVectors } from './tlog/policy-vectors.ts';
import { bundleVectors, proofVectors, tileVectors } from './tlog/tile-vectors.ts';
import { consistencyVectors, inclusionVectors } from './tlog/tree-vectors.ts';

/** All files of vectors/tlog: path below vectors/ → content. */
export function generateTlogVectors(): Map<string, string> {
  const groups: readonly (readonly [string, string, readonly [object[], object[]]])[] = [
    [
      'inclusion',
      'RFC 9162 §2.1.3: a proof leads from the leaf hash to the root (valid) or is PROOF_INVALID',
      inclusionVectors(),
    ],
    [
      'consistency',
      'RFC 9162 §2.1.4: the smaller tree is a prefix of the larger one (valid) or PROOF_INVALID',
      consistencyVectors(),
    ],
    ['verifier-key', 'c2sp.org/signed-note verifier keys: fields (valid) or VKEY_SYNTAX', vkeyVectors()],
    [
      'signed-note',
      'c2sp.org/signed-note: verified with vkeys gives the signers in order (valid) or the code',
      noteVectors(),
    ],
    ['checkpoint', 'c2sp.org/tlog-checkpoint texts: fields (valid) or NOTE_SYNTAX', checkpointVectors()],
    ['tile-path', 'c2sp.org/tlog-tiles paths: level, index, width (valid) or no path at all', tileVectors()],
    ['entry-bundle', 'c2sp.org/tlog-tiles entry bundles in hex: entries (valid) or PROOF_SYNTAX', bundleVectors()],
    ['cosignature', 'c2sp.org/tlog-cosignature v1: its time (valid) or SIGNATURE_INVALID', cosignatureVectors()],
    [
      'tlog-proof',
      'c2sp.org/tlog-proof: the entry is in the log of vkey (valid) or the parser answers with the code',
      proofVectors(),
    ],
    [
      'policy',
      'specs/policy.md: the canonical spelling (valid) or POLICY_SYNTAX at the line; line 0 is the whole file',
      policyVectors(),
    ],
    [
      'policy-evaluation',
      'specs/policy.md: a signed checkpoint under a policy: witnesses and quorum (valid) or the code',
      evaluationVectors(),
    ],
  ];
  const files = new Map<string, string>();
  for (const [name, comment, [valid, invalid]] of groups) {
    files.set(`tlog/valid/${name}.json`, `${JSON.stringify({ comment, cases: valid }, null, 2)}\n`);
    files.set(`tlog/invalid/${name}.json`, `${JSON.stringify({ comment, cases: invalid }, null, 2)}\n`);
  }
  return files;
}
