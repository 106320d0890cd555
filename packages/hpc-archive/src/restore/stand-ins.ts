import type { Inode } from "../links/link-key";
import { LinkGroups } from "../links/links";

/** More look-ups than any archive has names, so that no group is ever complete. */
const FOREVER = 0xffff_ffff;
const LOW = 0xffff_ffffn;
const NOTHING_ELSE = {
  devLo: 0,
  devHi: 0,
  birthLo: 0,
  birthHi: 0,
  kind: 0,
  uid: 0,
  gid: 0,
  sizeLo: 0,
  sizeHi: 0,
};

/**
 * Of an archive's hard-link groups, the name that takes the place of a leader that is not wanted.
 * In bounded memory; more go to a file in the working directory. Calls throw HPC_WORK_FILE.
 */
export class StandIns {
  readonly #names = new LinkGroups();
  #empty = true;

  add(group: bigint, name: Buffer): void {
    this.#empty = false;
    this.#names.lead(inodeOf(group), FOREVER, Buffer.from(name));
  }

  get(group: bigint): Buffer | undefined {
    return this.#empty ? undefined : this.#names.later(inodeOf(group))?.leader;
  }

  close(): void {
    this.#names.close();
  }
}

function inodeOf(group: bigint): Inode {
  return { ...NOTHING_ELSE, inoLo: Number(group & LOW), inoHi: Number(group >> 32n) };
}
