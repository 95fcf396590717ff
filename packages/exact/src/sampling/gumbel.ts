// Random numbers of one output position (specs/exact-1.md §7.1) and the Gumbel-max choice (§7, step 7).
import { concatBytes, utf8 } from '@runproof/protocol';
import { ln64 } from '../oracle/elementary.ts';
import { philox4x32 } from './philox.ts';

/** SHA-256; a host may give a faster one than the default of the protocol package. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

const RNG_LABEL = utf8('runproof/rng/1\0');

/** Above every g: u is at most 1 - 2^-53, and -ln(-ln u) then 36.7368… */
const GUMBEL_MAX = 37;

/** Uniform numbers of output position t, addressed by token id. */
export class PositionRandom {
  readonly #key0: number;
  readonly #key1: number;
  readonly #words = new Uint32Array(4);

  /** `seed` is the 32-byte sampling seed, `position` the 0-based index of the token in the output. */
  constructor(seed: Uint8Array, position: number, sha256: Sha256) {
    const index = new Uint8Array(4);
    new DataView(index.buffer).setUint32(0, position, true);
    const digest = sha256(concatBytes(RNG_LABEL, seed, index));
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    this.#key0 = view.getUint32(0, true);
    this.#key1 = view.getUint32(4, true);
  }

  /** u of `id`: 52 random bits and a half, so that 0 < u < 1. */
  uniform(id: number): number {
    this.#draw(id);
    return this.#last();
  }

  /** `-ln(-ln u)` of `id`, or negative infinity when it is certainly below `floor`. */
  gumbelAtLeast(id: number, floor: number): number {
    if (floor > GUMBEL_MAX) return Number.NEGATIVE_INFINITY;
    this.#draw(id);
    // -ln u >= 1 - u, so g <= -ln(1 - u). With z leading ones in r_0, 1 - u >= 2^-(z+1) and g <= 0.6931… · (z + 1). The bound is
    // raised by far more than the rounding errors of ln64, and spares most candidates two logarithms.
    const leadingOnes = Math.clz32(~(this.#words[0] as number));
    if (leadingOnes < 26 && 0.694 * (leadingOnes + 1) < floor) return Number.NEGATIVE_INFINITY;
    return -ln64(-ln64(this.#last()));
  }

  #draw(id: number): void {
    const words = this.#words;
    words[0] = id;
    words[1] = 0;
    words[2] = 0;
    words[3] = 0;
    philox4x32(words, this.#key0, this.#key1);
  }

  #last(): number {
    return (
      (((this.#words[0] as number) >>> 6) * 67_108_864 + ((this.#words[1] as number) >>> 6) + 0.5) /
      4_503_599_627_370_496
    );
  }
}

/** The id of `candidates` (ascending; null: all) with the largest `z + g`, the lowest at a tie. At least one candidate. */
export function gumbelMax(z: Float64Array, candidates: Int32Array | null, random: PositionRandom): number {
  const count = candidates === null ? z.length : candidates.length;
  let best = Number.NEGATIVE_INFINITY;
  let choice = -1;
  for (let index = 0; index < count; index += 1) {
    const id = candidates === null ? index : (candidates[index] as number);
    const score = z[id] as number;
    const noisy = score + random.gumbelAtLeast(id, best - score);
    if (noisy > best) {
      best = noisy;
      choice = id;
    }
  }
  return choice;
}
