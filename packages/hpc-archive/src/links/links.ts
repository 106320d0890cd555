import { tmpdir } from "node:os";
import { LINK_GROUPS, LINK_STREAMS, STREAM_GROUPS } from "../limits";
import { hashOf, hasKey, type Inode, KEY_WORDS, keyOf } from "./link-key";
import { type LaterName, LinkSpill } from "./links-spill";

const INDEX = KEY_WORDS; // u32 words per slot: a key, and group index + 1
const SLOT = KEY_WORDS + 1;
const MIN_SLOTS = 1024;

/**
 * Hard-link groups of one job. Only groups whose other names are still missing are held: open
 * addressing over what `keyOf` says of the inode, and beside it the leader's name and how many
 * names are still to come. A group is forgotten with its last name. Memory follows the number of
 * incomplete groups, not the number of hard links, and only up to `budget` of them: more go to a
 * file in `directory`.
 */
export class LinkGroups {
  #slots = new Uint32Array(MIN_SLOTS * SLOT);
  #mask = MIN_SLOTS - 1;
  /** The one that is looked for. */
  readonly #key = new Uint32Array(KEY_WORDS);
  #used = 0;
  #nextGroup: number;
  readonly #groupsEnd: number;
  // Parallel arrays by group index; free indices are reused, so they stay as long as the most
  // groups held at once.
  readonly #group: number[] = [];
  readonly #missing: number[] = [];
  readonly #leader: (Buffer | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #directory: string;
  readonly #budget: number;
  #spill: LinkSpill | undefined;

  /** `stream`: which one of the streams that feed the job this is, 0..LINK_STREAMS - 1. */
  constructor(
    options: {
      readonly directory?: string;
      readonly budget?: number;
      readonly stream?: number;
    } = {},
  ) {
    const first = (options.stream ?? 0) * STREAM_GROUPS;
    this.#groupsEnd = first + STREAM_GROUPS;
    if (!Number.isSafeInteger(this.#groupsEnd) || first < 0)
      throw new RangeError(`stream ${options.stream} is not one of 0 to ${LINK_STREAMS - 1}`);
    this.#nextGroup = first + 1;
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

  /**
   * A later name of an inode whose leader was sent; undefined: no leader is known, this name may
   * become it.
   */
  later(inode: Inode): LaterName | undefined {
    keyOf(inode, this.#key);
    const slot = this.#find(this.#key);
    const index = (this.#slots[slot + INDEX] ?? 0) - 1;
    const leader = this.#leader[index];
    if (index < 0 || leader === undefined) {
      return this.spilled === 0 ? undefined : this.#spill?.later(this.#key);
    }
    const missing = (this.#missing[index] ?? 1) - 1;
    this.#missing[index] = missing;
    const group = this.#group[index] ?? 0;
    if (missing <= 0) this.#remove(slot, index);
    return { group, leader, last: missing <= 0 };
  }

  /**
   * Makes `name` the leader of an inode with `nlink` > 1 names that has none yet. Returns its
   * group, never 0.
   * Throws HPC_WORK_FILE.
   */
  lead(inode: Inode, nlink: number, name: Buffer): number {
    keyOf(inode, this.#key);
    const group = this.#nextGroup++;
    if (group >= this.#groupsEnd) throw new RangeError("a stream of entries has no group left");
    if (this.#used < this.#budget) {
      this.#add(group, nlink, name);
    } else {
      this.#spill ??= new LinkSpill(this.#directory, 4 * MIN_SLOTS);
      this.#spill.lead(this.#key, group, nlink - 1, name);
    }
    return group;
  }

  #add(group: number, nlink: number, name: Buffer): void {
    const slot = this.#find(this.#key);
    const index = this.#free.pop() ?? this.#group.length;
    this.#group[index] = group;
    this.#missing[index] = nlink - 1;
    this.#leader[index] = name;
    this.#slots.set(this.#key, slot);
    this.#slots[slot + INDEX] = index + 1;
    this.#used++;
    if (this.#used * 2 > this.#mask) this.#grow();
  }

  /** Where the key is, or the empty slot where it belongs. */
  #find(key: Uint32Array): number {
    const slots = this.#slots;
    for (let at = hashOf(key) & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = at * SLOT;
      if (slots[slot + INDEX] === 0 || hasKey(slots, slot, key)) return slot;
    }
  }

  /**
   * Empties a slot and moves later entries of the same run up, so that lookups need no tombstones.
   */
  #remove(slot: number, index: number): void {
    this.#leader[index] = undefined;
    this.#free.push(index);
    this.#used--;
    const slots = this.#slots;
    let hole = slot / SLOT;
    for (
      let at = (hole + 1) & this.#mask;
      slots[at * SLOT + INDEX] !== 0;
      at = (at + 1) & this.#mask
    ) {
      const s = at * SLOT;
      const home = hashOf(slots, s) & this.#mask;
      // May move only when its home is not cyclically between the hole (exclusive) and where it
      // stands.
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
      if (old[s + INDEX] === 0) continue;
      const one = old.subarray(s, s + SLOT);
      this.#slots.set(one, this.#find(one));
    }
  }
}
