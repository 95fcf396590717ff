// Random numbers of one output position (specs/exact-1.md §7.1) and the Gumbel-max choice (§7, step 7).
import { concatBytes, utf8 } from '@runproof/protocol';
import { ln64 } from '../oracle/elementary.ts';
import { philox4x32 } from './philox.ts';

/** SHA-256; a host may give a faster one than the default of the protocol package. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

const RNG_LABEL = utf8('runproof/rng/1\0');

/** Uniform numbers of output position t, addressed by token id. */
export class PositionRandom {
  readonly #key: readonly [number, number];
  readonly #words = new Uint32Array(4);

  /** `seed` is the 32-byte sampling seed, `position` the 0-based index of the token in the output. */
  constructor(seed: Uint8Array, position: number, sha256: Sha256) {
    const index = new Uint8Array(4);
    new DataView(index.buffer).setUint32(0, position, true);
    const digest = sha256(concatBytes(RNG_LABEL, seed, index));
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    this.#key = [view.getUint32(0, true), view.getUint32(4, true)];
  }

  /** u of `id`: 52 random bits and a half, so that 0 < u < 1. */
  uniform(id: number): number {
    this.#draw(id);
    return this.#last();
  }

  /** `-ln(-ln u)` of `id`, or null when it is certainly below `floor`. */
  gumbelAtLeast(id: number, floor: number): number | null {
    this.#draw(id);
    // -ln u >= 1 - u, so g <= -ln(1 - u). With z leading ones in r_0, 1 - u >= 2^-(z+1) and g <= 0.6931… · (z + 1). The bound is
    // raised by far more than the rounding errors of ln64, and spares most candidates two logarithms.
    const leadingOnes = Math.clz32(~(this.#words[0] as number));
    if (leadingOnes < 26 && 0.694 * (leadingOnes + 1) < floor) return null;
    return -ln64(-ln64(this.#last()));
  }

  #draw(id: number): void {
    philox4x32([id, 0, 0, 0], this.#key, this.#words);
  }

  #last(): number {
    return (
      (((this.#words[0] as number) >>> 6) * 67_108_864 + ((this.#words[1] as number) >>> 6) + 0.5) /
      4_503_599_627_370_496
    );
  }
}

/** The id of `candidates` (ascending) with the largest `z + g`, the lowest at a tie. At least one candidate. */
export function gumbelMax(z: Float64Array, candidates: Iterable<number>, random: PositionRandom): number {
  let best = Number.NEGATIVE_INFINITY;
  let choice = -1;
  for (const id of candidates) {
    const score = z[id] as number;
    const g = random.gumbelAtLeast(id, best - score);
    if (g === null) continue;
    if (score + g > best) {
      best = score + g;
      choice = id;
    }
  }
  return choice;
}
