// Seeded pseudo-random numbers for test models. Not for cryptography, and no part of the contract.

/** Uniform numbers from a 32-bit seed: the SplitMix-style mix of Steele, Lea and Flood (2014), reduced to 32 bits. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in 0 … 2^32 - 1. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.word() / 4_294_967_296;
  }

  /** Uniform integer in 0 … bound - 1. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** f32 values, uniform with mean `mean` and standard deviation `deviation`. */
  values(length: number, deviation: number, mean = 0): Float32Array {
    // A uniform distribution on ±√3 has variance 1.
    const spread = 2 * Math.sqrt(3) * deviation;
    return Float32Array.from({ length }, () => mean + (this.unit() - 0.5) * spread);
  }
}
