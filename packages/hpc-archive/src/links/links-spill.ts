import { WorkFile } from "../common/work-file";
import { hashOf, hasKey, KEY_WORDS } from "./link-key";
import { NameSpace } from "./name-space";

/** What the emitter must know of a name whose inode was sent under another one. */
export interface LaterName {
  readonly group: number;
  /** Full name under which the inode was sent. */
  readonly leader: Buffer;
  /** Every name has been sent. */
  readonly last: boolean;
}

/**
 * A slot: a key, u32 0; f64 group (0: never used); u32 names to come (0: forgotten), name length;
 * f64 name offset.
 */
const SLOT = 64;
const GROUP = 40;
const MISSING = 48;
const NAME_LENGTH = 52;
const NAME_AT = 56;
/** Slots read and written at once when the table is made anew. */
const MANY = 1024;

/**
 * The hard-link groups that memory has no room for: the same open addressing, on disk. A lookup
 * reads one slot or two, of which the kernel keeps what is in use. A group that is complete leaves
 * its slot marked, until the table is made anew.
 */
export class LinkSpill {
  readonly #directory: string;
  readonly #names: WorkFile;
  readonly #space: NameSpace;
  #table: WorkFile;
  #mask: number;
  /** Slots that are not empty, with the marked ones. */
  #used = 0;
  #live = 0;
  readonly #slot = Buffer.alloc(SLOT);
  readonly #slotKey = keyIn(this.#slot);

  /** `slots`: to begin with, a power of two. Throws HPC_WORK_FILE, as every call does. */
  constructor(directory: string, slots: number) {
    this.#directory = directory;
    this.#mask = slots - 1;
    this.#table = new WorkFile(directory);
    this.#names = new WorkFile(directory);
    this.#space = new NameSpace(this.#names);
  }

  /** Groups that are held now. */
  get size(): number {
    return this.#live;
  }

  /** Bytes of the file of names. */
  get nameBytes(): number {
    return this.#space.end;
  }

  /** As `LinkGroups.later`, of the inode that has this key. */
  later(key: Uint32Array): LaterName | undefined {
    const slotAt = this.#find(this.#table, this.#mask, key);
    const slot = this.#slot;
    const missing = slot.readUInt32LE(MISSING);
    if (missing === 0) return undefined;
    slot.writeUInt32LE(missing - 1, MISSING);
    this.#table.write(slot, slotAt * SLOT);
    const at = slot.readDoubleLE(NAME_AT);
    const leader = this.#space.get(at, slot.readUInt32LE(NAME_LENGTH));
    if (missing === 1) {
      this.#live--;
      this.#space.release(at, leader.length);
    }
    return { group: slot.readDoubleLE(GROUP), leader, last: missing === 1 };
  }

  /** Adds a group that is in neither table, with `missing` names to come. */
  lead(key: Uint32Array, group: number, missing: number, name: Buffer): void {
    if ((this.#used + 1) * 2 > this.#mask) this.#rebuild();
    const at = this.#find(this.#table, this.#mask, key);
    const slot = this.#slot;
    if (slot.readDoubleLE(GROUP) === 0) this.#used++;
    this.#live++;
    this.#slotKey.set(key);
    slot.writeDoubleLE(group, GROUP);
    slot.writeUInt32LE(missing, MISSING);
    slot.writeUInt32LE(name.length, NAME_LENGTH);
    slot.writeDoubleLE(this.#space.put(name), NAME_AT);
    this.#table.write(slot, at * SLOT);
  }

  close(): void {
    this.#table.close();
    this.#names.close();
  }

  /** Leaves in `#slot` what is known of the key, or an empty slot; returns its number. */
  #find(table: WorkFile, mask: number, key: Uint32Array): number {
    const slot = this.#slot;
    for (let at = hashOf(key) & mask; ; at = (at + 1) & mask) {
      table.read(slot, at * SLOT);
      if (slot.readDoubleLE(GROUP) === 0 || hasKey(this.#slotKey, 0, key)) return at;
    }
  }

  /** A new table without the marked slots, with room for twice what is left. */
  #rebuild(): void {
    let slots = MANY;
    while (slots < this.#live * 8) slots *= 2;
    const table = new WorkFile(this.#directory);
    const many = Buffer.alloc(MANY * SLOT);
    for (let from = 0; from <= this.#mask; from += MANY) {
      this.#table.read(many, from * SLOT);
      for (let at = 0; at < many.length && from + at / SLOT <= this.#mask; at += SLOT) {
        if (many.readDoubleLE(at + GROUP) === 0 || many.readUInt32LE(at + MISSING) === 0) continue;
        const one = many.subarray(at, at + SLOT);
        table.write(one, this.#find(table, slots - 1, keyIn(one)) * SLOT);
      }
    }
    this.#table.close();
    this.#table = table;
    this.#mask = slots - 1;
    this.#used = this.#live;
  }
}

function keyIn(slot: Buffer): Uint32Array {
  return new Uint32Array(slot.buffer, slot.byteOffset, KEY_WORDS);
}
