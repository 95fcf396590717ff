export { type Checkpoint, encodeCheckpoint, parseCheckpoint } from './checkpoint.ts';
export { type Cosigner, ed25519Cosigner, verifyCosignature } from './cosignature.ts';
export { type Ed25519Verify, ed25519Verify } from './ed25519.ts';
export { EMPTY_ROOT, HASH_BYTES, leafHash, nodeHash } from './hash.ts';
export {
  ed25519NoteSigner,
  encodeNote,
  encodeSignatureLine,
  type Note,
  type NoteSignature,
  type NoteSigner,
  parseNote,
  signNote,
  type VerifiedNote,
  type VerifiedSignature,
  verifyNote,
} from './note.ts';
export {
  encodePolicy,
  type Policy,
  type PolicyGroup,
  type PolicyLog,
  type PolicyModel,
  type PolicyWitness,
  parsePolicy,
} from './policy.ts';
export { evaluatePolicy, type PolicyEvaluation } from './policy-evaluate.ts';
export {
  ENTRY_BYTES_MAX,
  encodeEntryBundle,
  parseEntryBundle,
  parseTilePath,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileAddress,
  type TileLevel,
  tileLevelSize,
  tilePath,
} from './tile.ts';
export { encodeTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.ts';
export {
  CompactRange,
  consistencyProof,
  edgeNodes,
  type HashSource,
  inclusionProof,
  rootFrom,
  rootOfHashes,
} from './tree.ts';
export { type ConsistencyClaim, type InclusionClaim, verifyConsistency, verifyInclusion } from './tree-verify.ts';
export {
  COSIGNATURE_V1,
  ED25519,
  encodeVerifierKey,
  parseVerifierKey,
  type SignatureType,
  type VerifierKey,
  verifierKey,
} from './verifier-key.ts';
