// Checkpoints (c2sp.org/tlog-checkpoint@v1.0.0): the text of a signed note.
//
//   <origin>
//   <size, decimal>
//   <base64 of the root hash>
//   [extension lines]
import { encodeBase64, parseBase64, RunproofError } from '@runproof/protocol';
import { HASH_BYTES } from './hash.ts';

const CHECKPOINT_EXTENSIONS_MAX = 16;

export interface Checkpoint {
  readonly origin: string;
  /** number of leaves */
  readonly size: number;
  /** 32 bytes */
  readonly root: Uint8Array;
  /** not empty lines; monitors cannot audit them, we write none */
  readonly extensions: readonly string[];
}

function fail(message: string): RunproofError {
  return new RunproofError('NOTE_SYNTAX', `checkpoint: ${message}`);
}

/** Canonical decimal of a safe integer, or null. */
export function parseDecimal(text: string): number | null {
  const value = Number(text);
  return /^(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(value) ? value : null;
}

/** Strict: `encodeCheckpoint(parseCheckpoint(x)) === x`. `NOTE_SYNTAX` otherwise; roots that are not 32 bytes are refused. */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw fail('it ends in LF');
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split('\n');
  if (origin === undefined || sizeText === undefined || rootText === undefined)
    throw fail('it has at least three lines');
  const size = parseDecimal(sizeText);
  if (size === null) throw fail('the size is a decimal number without leading zeros, up to 2^53 - 1');
  const root = parseBase64(rootText);
  if (root === null || root.length !== HASH_BYTES) throw fail(`the root is base64 of ${HASH_BYTES} bytes`);
  const checkpoint = { origin, size, root, extensions };
  assertLines(checkpoint);
  return checkpoint;
}

function assertLines({ origin, extensions }: Checkpoint): void {
  if (origin === '' || extensions.includes('')) throw fail('no line is empty');
  if (extensions.length > CHECKPOINT_EXTENSIONS_MAX)
    throw fail(`it has at most ${CHECKPOINT_EXTENSIONS_MAX} extension lines`);
  if ([origin, ...extensions].some((line) => line.includes('\n'))) throw fail('a line holds a line break');
}

/** Text of the checkpoint, ready to be signed. `NOTE_SYNTAX` for values that no parser would accept. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions } = checkpoint;
  assertLines(checkpoint);
  if (!Number.isSafeInteger(size) || size < 0) throw fail('the size is an integer from 0 to 2^53 - 1');
  if (root.length !== HASH_BYTES) throw fail(`the root has ${HASH_BYTES} bytes`);
  return `${[origin, String(size), encodeBase64(root), ...extensions].join('\n')}\n`;
}
