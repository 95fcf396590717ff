// The K and V cache: pages of 32 positions, handed to sequences for as long as they live.
import { RunproofError } from '@runproof/protocol';
import { type Layout, PAGE_POSITIONS } from './layout.ts';

/** What one sequence holds. `table` is the address of its list of page addresses. */
export interface PageLease {
  readonly table: number;
  readonly slot: number;
  readonly pages: readonly number[];
}

/** Free pages and free tables. Everything that a sequence may need is taken when it is made, so no run can starve half-way. */
export class PagePool {
  readonly #layout: Layout;
  readonly #words: Uint32Array;
  readonly #freePages: number[];
  readonly #freeSlots: number[];

  constructor(layout: Layout, words: Uint32Array, sequences: number) {
    this.#layout = layout;
    this.#words = words;
    this.#freePages = Array.from({ length: layout.kv.pages }, (_, index) => layout.kv.pages - 1 - index);
    this.#freeSlots = Array.from({ length: sequences }, (_, index) => sequences - 1 - index);
  }

  /** True when a sequence of `capacity` positions could be made now. */
  fits(capacity: number): boolean {
    return this.#freeSlots.length > 0 && Math.ceil(capacity / PAGE_POSITIONS) <= this.#freePages.length;
  }

  /** Error: `OVERLOADED` when other sequences hold too much; the caller waits or refuses. */
  lease(capacity: number): PageLease {
    if (!this.fits(capacity))
      throw new RunproofError('OVERLOADED', `no room for ${capacity} positions beside the running sequences`);
    const slot = this.#freeSlots.pop() ?? 0;
    const { pageTables, kv } = this.#layout;
    const table = pageTables.address + slot * pageTables.stride;
    const pages: number[] = [];
    for (let index = 0; index < Math.ceil(capacity / PAGE_POSITIONS); index += 1) {
      const page = this.#freePages.pop() ?? 0;
      pages.push(page);
      this.#words[table / 4 + index] = kv.address + page * kv.pageBytes;
    }
    return { table, slot, pages };
  }

  giveBack(lease: PageLease): void {
    this.#freePages.push(...lease.pages);
    this.#freeSlots.push(lease.slot);
  }
}
