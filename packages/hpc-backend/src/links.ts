import { tmpdir } from "node:os";
import { LINK_GROUPS } from "./limits";
import { type LaterName, LinkSpill } from "./links-spill";

const SLOT = 6; // u32 words per slot: ino lo, ino hi, dev lo, dev hi, group index + 1, unused
const MIN_SLOTS = 1024;

/**
 * Hard-link groups of one job. Only groups whose other names are still missing are held: open addressing over
 * (device, inode), and beside it the leader's name and how many names are still to come. A group is forgotten with its
 * last name. Memory follows the number of incomplete groups, not the number of hard links, and only up to `budget` of them: more
 * go to a file in `directory`.
 */
export class LinkGroups {
  #slots = new Uint32Array(MIN_SLOTS * SLOT);
  #mask = MIN_SLOTS - 1;
  #used = 0;
  #nextGroup = 1;
  // Parallel arrays by group index; free indices are reused, so they stay as long as the most groups held at once.
  readonly #group: number[] = [];
  readonly #missing: number[] = [];
  readonly #leader: (Buffer | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #directory: string;
  readonly #budget: number;
  #spill: LinkSpill | undefined;

  constructor(options: { readonly directory?: string; readonly budget?: number } = {}) {
    this.#directory = options.directory ?? tmpdir();
    this.#budget = options.budget ?? LINK_GROUPS;
  }

  /** Groups that are held now. */
  get size(): number {
    return this.#used + this.spilled;
  }

  /** Those of them that are on disk. */
  get spilled(): number {
    return this.#spill?.size ?? 0;
  }

  close(): void {
    this.#spill?.close();
    this.#spill = undefined;
  }

  /** A later name of an inode whose leader was sent; undefined: no leader is known, this name may become it. */
  later(inoLo: number, inoHi: number, devLo: number, devHi: number): LaterName | undefined {
    const slot = this.#find(inoLo, inoHi, devLo, devHi);
    const index = (this.#slots[slot + 4] ?? 0) - 1;
    const leader = this.#leader[index];
    if (index < 0 || leader === undefined) {
      return this.spilled === 0 ? undefined : this.#spill?.later({ inoLo, inoHi, devLo, devHi });
    }
    const missing = (this.#missing[index] ?? 1) - 1;
    this.#missing[index] = missing;
    const group = this.#group[index] ?? 0;
    if (missing <= 0) this.#remove(slot, index);
    return { group, leader, last: missing <= 0 };
  }

  /**
   * Makes `name` the leader of an inode with `nlink` > 1 names that has none yet. Returns its group, never 0.
   * Throws HPC_WORK_FILE.
   */
  lead(inoLo: number, inoHi: number, devLo: number, devHi: number, nlink: number, name: Buffer): number {
    if (this.#used >= this.#budget) {
      this.#spill ??= new LinkSpill(this.#directory, 4 * MIN_SLOTS, (inode) =>
        mix(inode.inoLo, inode.inoHi, inode.devLo),
      );
      const group = this.#nextGroup++;
      this.#spill.lead({ inoLo, inoHi, devLo, devHi }, group, nlink - 1, name);
      return group;
    }
    return this.#add(this.#find(inoLo, inoHi, devLo, devHi), inoLo, inoHi, devLo, devHi, nlink, name);
  }

  #add(slot: number, inoLo: number, inoHi: number, devLo: number, devHi: number, nlink: number, name: Buffer): number {
    const index = this.#free.pop() ?? this.#group.length;
    const group = this.#nextGroup++;
    this.#group[index] = group;
    this.#missing[index] = nlink - 1;
    this.#leader[index] = name;
    this.#slots.set([inoLo, inoHi, devLo, devHi, index + 1, 0], slot);
    this.#used++;
    if (this.#used * 2 > this.#mask) this.#grow();
    return group;
  }

  /** Where the inode is, or the empty slot where it belongs. */
  #find(inoLo: number, inoHi: number, devLo: number, devHi: number): number {
    const slots = this.#slots;
    for (let at = mix(inoLo, inoHi, devLo) & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = at * SLOT;
      if (slots[slot + 4] === 0) return slot;
      if (
        slots[slot] === inoLo &&
        slots[slot + 1] === inoHi &&
        slots[slot + 2] === devLo &&
        slots[slot + 3] === devHi
      ) {
        return slot;
      }
    }
  }

  /** Empties a slot and moves later entries of the same run up, so that lookups need no tombstones. */
  #remove(slot: number, index: number): void {
    this.#leader[index] = undefined;
    this.#free.push(index);
    this.#used--;
    const slots = this.#slots;
    let hole = slot / SLOT;
    for (let at = (hole + 1) & this.#mask; slots[at * SLOT + 4] !== 0; at = (at + 1) & this.#mask) {
      const s = at * SLOT;
      const home = mix(slots[s] ?? 0, slots[s + 1] ?? 0, slots[s + 2] ?? 0) & this.#mask;
      // May move only when its home is not cyclically between the hole (exclusive) and where it stands.
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        slots.copyWithin(hole * SLOT, s, s + SLOT);
        hole = at;
      }
    }
    slots.fill(0, hole * SLOT, hole * SLOT + SLOT);
  }

  #grow(): void {
    const old = this.#slots;
    const count = (this.#mask + 1) * 2;
    this.#slots = new Uint32Array(count * SLOT);
    this.#mask = count - 1;
    for (let s = 0; s < old.length; s += SLOT) {
      if (old[s + 4] === 0) continue;
      const to = this.#find(old[s] ?? 0, old[s + 1] ?? 0, old[s + 2] ?? 0, old[s + 3] ?? 0);
      this.#slots.set(old.subarray(s, s + SLOT), to);
    }
  }
}

/** Spreads consecutive inode numbers over the table. */
function mix(inoLo: number, inoHi: number, devLo: number): number {
  let h = Math.imul(inoLo ^ Math.imul(inoHi, 0x85ebca6b) ^ Math.imul(devLo, 0xc2b2ae35), 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x27d4eb2f);
  return (h ^ (h >>> 13)) >>> 0;
}
