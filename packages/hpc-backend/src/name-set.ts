import { digestOf } from "./xxh";

const MIN_SLOTS = 4096;

/**
 * A set of names, each held as the 64 bits of its xxh3: about 24 bytes a name. Two names of one tree of a billion collide with a probability
 * of a few percent; then a name that is not in the set seems to be.
 */
export class NameSet {
  #slots = new Uint32Array(MIN_SLOTS * 2);
  #mask = MIN_SLOTS - 1;
  #size = 0;

  add(name: Buffer): void {
    const { lo, hi } = key(name);
    if (this.#put(lo, hi)) this.#size++;
    if (this.#size * 3 > this.#mask * 2) this.#grow();
  }

  has(name: Buffer): boolean {
    const { lo, hi } = key(name);
    return this.#slots[this.#find(lo, hi) * 2 + 1] !== 0;
  }

  #put(lo: number, hi: number): boolean {
    const at = this.#find(lo, hi) * 2;
    if (this.#slots[at + 1] !== 0) return false;
    this.#slots[at] = lo;
    this.#slots[at + 1] = hi;
    return true;
  }

  #find(lo: number, hi: number): number {
    let at = lo & this.#mask;
    while (this.#slots[at * 2 + 1] !== 0 && (this.#slots[at * 2] !== lo || this.#slots[at * 2 + 1] !== hi)) {
      at = (at + 1) & this.#mask;
    }
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Uint32Array((this.#mask + 1) * 2);
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#put(old[at] ?? 0, old[at + 1] ?? 0);
  }
}

/** The high word is never 0: that marks an empty slot. */
function key(name: Buffer): { lo: number; hi: number } {
  const digest = digestOf(name);
  return { lo: Number(digest & 0xffff_ffffn), hi: Number(digest >> 32n) || 1 };
}
