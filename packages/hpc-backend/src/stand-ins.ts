import { LinkGroups } from "./links";

/** More look-ups than any archive has names, so that no group is ever complete. */
const FOREVER = 0xffff_ffff;
const LOW = 0xffff_ffffn;

/**
 * Of an archive's hard-link groups, the name that takes the place of a leader that is not wanted. In bounded memory; more go to a file in the
 * working directory. Calls throw HPC_WORK_FILE.
 */
export class StandIns {
  readonly #names = new LinkGroups();
  #empty = true;

  add(group: bigint, name: Buffer): void {
    this.#empty = false;
    this.#names.lead(Number(group & LOW), Number(group >> 32n), 0, 0, FOREVER, Buffer.from(name));
  }

  get(group: bigint): Buffer | undefined {
    return this.#empty ? undefined : this.#names.later(Number(group & LOW), Number(group >> 32n), 0, 0)?.leader;
  }

  close(): void {
    this.#names.close();
  }
}
