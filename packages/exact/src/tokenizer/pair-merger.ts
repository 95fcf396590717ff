// The merge loop that both tokenizer families share: repeatedly join the best pair of neighbours.
//
// A binary heap of f64 keys, rank · 2^32 + left, orders pairs by rank and then by position, as specs/exact-1.md §12.3 says. Entries are never
// removed when a neighbour changes; `pairRank` tells a stale one. n symbols cost O(n log n), whatever the text.

const RANK_UNIT = 2 ** 32;

/** Says which neighbours may be joined. */
export interface MergeRule {
  /** Rank of joining the symbols that begin at `left` and `right` (lower first, below 2^21), or -1. */
  rank(left: number, right: number): number;
  /** The symbol at `right` has become part of the one at `left`. */
  join(left: number, right: number): void;
}

export class PairMerger {
  /** After `merge`: index of the symbol behind each living symbol, the number of symbols behind the last. Symbol 0 always lives. */
  next = new Int32Array(64);
  #previous = new Int32Array(64);
  #pairRank = new Int32Array(64);
  #heap = new Float64Array(128);
  #heapSize = 0;
  #count = 0;

  /** Joins pairs of `count` symbols, indices 0 … count - 1, until `rule` allows no more. */
  merge(count: number, rule: MergeRule): void {
    this.#reset(count);
    for (let left = 0; left + 1 < count; left += 1) this.#consider(left, rule);
    while (this.#heapSize > 0) {
      const key = this.#pop();
      const rank = Math.floor(key / RANK_UNIT);
      const left = key - rank * RANK_UNIT;
      if (this.#pairRank[left] !== rank) continue;
      const right = this.next[left] ?? count;
      const behind = this.next[right] ?? count;
      this.next[left] = behind;
      if (behind < count) this.#previous[behind] = left;
      this.#pairRank[right] = -1;
      rule.join(left, right);
      this.#consider(left, rule);
      const before = this.#previous[left] ?? -1;
      if (before >= 0) this.#consider(before, rule);
    }
  }

  #reset(count: number): void {
    this.#count = count;
    this.#heapSize = 0;
    if (this.next.length < count) {
      const capacity = Math.max(count, 2 * this.next.length);
      this.next = new Int32Array(capacity);
      this.#previous = new Int32Array(capacity);
      this.#pairRank = new Int32Array(capacity);
      // At most count - 1 first entries, and every merge takes one and adds at most two.
      this.#heap = new Float64Array(2 * capacity);
    }
    for (let index = 0; index < count; index += 1) {
      this.next[index] = index + 1;
      this.#previous[index] = index - 1;
      this.#pairRank[index] = -1;
    }
  }

  #consider(left: number, rule: MergeRule): void {
    const right = this.next[left] ?? this.#count;
    const rank = right < this.#count ? rule.rank(left, right) : -1;
    this.#pairRank[left] = rank;
    if (rank >= 0) this.#push(rank * RANK_UNIT + left);
  }

  #push(key: number): void {
    const heap = this.#heap;
    let hole = this.#heapSize;
    this.#heapSize += 1;
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      const above = heap[parent] ?? 0;
      if (above <= key) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const top = heap[0] ?? 0;
    this.#heapSize -= 1;
    const size = this.#heapSize;
    const last = heap[size] ?? 0;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child += 1;
      const below = heap[child] ?? 0;
      if (below >= last) break;
      heap[hole] = below;
      hole = child;
    }
    heap[hole] = last;
    return top;
  }
}
