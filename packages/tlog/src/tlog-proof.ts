// Offline proof that an entry is in a log (c2sp.org/tlog-proof):
//
//   c2sp.org/tlog-proof@v1
//   [extra <base64>]
//   index <decimal>
//   <base64 of a 32-byte hash>     zero or more, from the leaf's sibling up
//   <blank line>
//   <signed checkpoint, verbatim>
import { encodeBase64, parseBase64, RunproofError } from '@runproof/protocol';
import { parseCheckpoint, parseDecimal } from './checkpoint.ts';
import { HASH_BYTES } from './hash.ts';
import { NOTE_CHARACTERS_MAX, parseNote } from './note.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** An inclusion proof in a tree of up to 2^53 leaves has at most 53 hashes. */
const PROOF_HASHES_MAX = 53;
const PROOF_EXTRA_BYTES_MAX = 65_536;
const PROOF_CHARACTERS_MAX = NOTE_CHARACTERS_MAX + 2 * PROOF_EXTRA_BYTES_MAX;

export interface TlogProof {
  /** opaque and not authenticated; null when the line is absent, never empty */
  readonly extra: Uint8Array | null;
  readonly index: number;
  /** from the leaf's sibling up to a child of the root, 32 bytes each */
  readonly hashes: readonly Uint8Array[];
  /** signed note of the checkpoint, as text */
  readonly checkpoint: string;
}

function fail(message: string): RunproofError {
  return new RunproofError('PROOF_SYNTAX', `tlog-proof: ${message}`);
}

/** Strict: `encodeTlogProof(parseTlogProof(x)) === x`. `PROOF_SYNTAX` or, for the checkpoint in it, `NOTE_SYNTAX`. Verifies nothing. */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > PROOF_CHARACTERS_MAX) throw fail(`it has at most ${PROOF_CHARACTERS_MAX} characters`);
  const blank = text.indexOf('\n\n');
  if (blank < 0) throw fail('it has a blank line before the checkpoint');
  const lines = text.slice(0, blank).split('\n');
  if (lines.shift() !== HEADER) throw fail(`its first line is ${HEADER}`);
  let extra: Uint8Array | null = null;
  if (lines[0]?.startsWith('extra ')) {
    extra = parseBase64(lines[0].slice('extra '.length));
    if (extra === null || extra.length === 0) throw fail('extra is base64 of at least one byte');
    lines.shift();
  }
  const indexLine = lines.shift() ?? '';
  const index = indexLine.startsWith('index ') ? parseDecimal(indexLine.slice('index '.length)) : null;
  if (index === null) throw fail('the index is "index " and a decimal number without leading zeros');
  const hashes = lines.map((line) => {
    const hash = parseBase64(line);
    if (hash === null || hash.length !== HASH_BYTES) throw fail(`a hash is base64 of ${HASH_BYTES} bytes`);
    return hash;
  });
  const proof = { extra, index, hashes, checkpoint: text.slice(blank + 2) };
  assertProof(proof);
  return proof;
}

function assertProof({ extra, index, hashes, checkpoint }: TlogProof): void {
  if (hashes.length > PROOF_HASHES_MAX) throw fail(`it has at most ${PROOF_HASHES_MAX} hashes`);
  if (extra !== null && (extra.length === 0 || extra.length > PROOF_EXTRA_BYTES_MAX))
    throw fail(`extra has 1 to ${PROOF_EXTRA_BYTES_MAX} bytes`);
  if (!Number.isSafeInteger(index) || index < 0) throw fail('the index is an integer from 0 to 2^53 - 1');
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw fail(`a hash has ${HASH_BYTES} bytes`);
  parseCheckpoint(parseNote(checkpoint).text);
}

/** The proof as text. `PROOF_SYNTAX` or `NOTE_SYNTAX` for values that no parser would accept. */
export function encodeTlogProof(proof: TlogProof): string {
  assertProof(proof);
  const extra = proof.extra === null ? '' : `extra ${encodeBase64(proof.extra)}\n`;
  const hashes = proof.hashes.map((hash) => `${encodeBase64(hash)}\n`).join('');
  return `${HEADER}\n${extra}index ${proof.index}\n${hashes}\n${proof.checkpoint}`;
}
