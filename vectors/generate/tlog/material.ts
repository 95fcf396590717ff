// Trees, keys and notes that the vectors are made of. The seeds are published: these keys sign test data only.
import { utf8 } from '@runproof/protocol';
import {
  CompactRange,
  ed25519Cosigner,
  ed25519NoteSigner,
  encodeCheckpoint,
  encodeSignatureLine,
  type HashSource,
  leafHash,
  parseNote,
  rootFrom,
  signNote,
} from '@runproof/tlog';

/** Sizes around the powers of two, where the shape of a tree changes. */
export const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 255, 256, 257, 300];

export const log = ed25519NoteSigner('log.example/receipts', new Uint8Array(32).fill(1));
export const otherLog = ed25519NoteSigner('other.example/receipts', new Uint8Array(32).fill(2));
export const sameNameLog = ed25519NoteSigner('log.example/receipts', new Uint8Array(32).fill(3));
export const witness1 = ed25519Cosigner('witness.example/1', new Uint8Array(32).fill(11));
export const witness2 = ed25519Cosigner('witness.example/2', new Uint8Array(32).fill(12));
export const witness3 = ed25519Cosigner('witness.example/3', new Uint8Array(32).fill(13));
export const TIME_SECONDS = 1_790_000_000;

export const entry = (index: number): Uint8Array => utf8(`entry ${index}`);

function hashSource(size: number): HashSource {
  const nodes = new Map<string, Uint8Array>();
  const edge = new CompactRange();
  for (let index = 0; index < size; index += 1) {
    edge.append(leafHash(entry(index)), (level, position, hash) => nodes.set(`${level} ${position}`, hash));
  }
  return (level, index) => nodes.get(`${level} ${index}`) as Uint8Array;
}

export const tree = hashSource(300);
export const root = (size: number): Uint8Array => rootFrom(size, tree);

export const checkpointText = (size: number, origin = log.name): string =>
  encodeCheckpoint({ origin, size, root: root(size), extensions: [] });

export const signedCheckpoint = (size: number): string => signNote(checkpointText(size), log);

export function cosigned(note: string, ...witnesses: readonly (typeof witness1)[]): string {
  const { text } = parseNote(note);
  return note + witnesses.map((witness) => encodeSignatureLine(witness.cosign(text, TIME_SECONDS))).join('');
}

/** `text` with the character at `index` from its end replaced by a neighbour of the base64 alphabet. */
export function damage(text: string, fromEnd: number): string {
  const index = text.length - fromEnd;
  return text.slice(0, index) + (text[index] === 'A' ? 'B' : 'A') + text.slice(index + 1);
}
