import { EntryFlag, RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { OPEN_AHEAD } from "../limits";
import type { ContentReader } from "./content-reader";

/** Extended attributes that were asked for after the scan. */
export interface Attributes {
  /** The xattr block. */
  readonly xattrs: Buffer;
  /** errno of what is missing of it, or 0. */
  readonly xattrError: number;
}

/** What a look at an entry brought: its content, or what else the scan left out. */
export type Looked = ContentReader | Attributes;

/**
 * Begins to look at the entry that the cursor stands on; undefined: nothing is to be looked at, or
 * not before its turn.
 */
export type LookAhead = (cursor: RecordCursor, bytes: Buffer) => Promise<Looked> | undefined;

interface Opened {
  readonly headStart: number;
  readonly looked: Promise<Looked>;
}

/**
 * Which entries of a batch are to be read; bit i of `wanted` speaks of the i-th entry, undefined of
 * all that are not older.
 */
export function isWanted(wanted: Uint8Array | undefined, index: number, flags: number): boolean {
  if (wanted === undefined) return (flags & EntryFlag.OLDER) === 0;
  return (((wanted[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/**
 * Runs ahead of the emitter over the same batch and opens the files whose content is not in it,
 * with their first block, so that on a filesystem with latency the emitter finds them read.
 * Bounded: each holds one read buffer.
 */
export class FileAhead {
  readonly #cursor = new RecordCursor();
  readonly #opened: Opened[] = [];
  readonly #look: LookAhead;
  #bytes: Buffer = Buffer.alloc(0);
  #more = false;
  #index = -1;
  #wanted: Uint8Array | undefined;
  /** What is being closed that nobody took. */
  readonly #discarding = new Set<Promise<void>>();

  constructor(look: LookAhead) {
    this.#look = look;
  }

  /**
   * Begins a batch. What the one before left untaken is closed: a head may stand at the same place
   * in both.
   */
  reset(bytes: Buffer, wanted: Uint8Array | undefined): void {
    for (const left of this.#opened.splice(0)) this.#discard(left);
    this.#cursor.reset(bytes);
    this.#bytes = bytes;
    this.#wanted = wanted;
    this.#index = -1;
    this.#more = true;
  }

  /** What was seen of the entry whose head stands there. Rejects as the look does. */
  async take(headStart: number, look: () => Promise<Looked>): Promise<Looked> {
    for (;;) {
      this.#advance();
      const first = this.#opened[0];
      if (first === undefined || first.headStart > headStart) return look();
      this.#opened.shift();
      if (first.headStart === headStart) return first.looked;
      // Passed over: it needs no look after all.
      this.#discard(first);
    }
  }

  /** Closes what was opened and not taken. */
  async close(): Promise<void> {
    this.#more = false;
    for (const left of this.#opened.splice(0)) this.#discard(left);
    await Promise.all(this.#discarding);
  }

  #discard({ looked }: Opened): void {
    const closed = looked
      .then((seen) => ("close" in seen ? seen.close() : undefined))
      .catch(() => undefined)
      .finally(() => this.#discarding.delete(closed));
    this.#discarding.add(closed);
  }

  #advance(): void {
    const cursor = this.#cursor;
    while (this.#more && this.#opened.length < OPEN_AHEAD) {
      this.#more = cursor.next();
      if (!this.#more) return;
      if (cursor.type !== RecordType.ENTRY) continue;
      this.#index++;
      if (!isWanted(this.#wanted, this.#index, cursor.flags)) continue;
      const looked = this.#look(cursor, this.#bytes);
      if (looked === undefined) continue;
      // Its error belongs to whoever takes it.
      looked.catch(() => undefined);
      this.#opened.push({ headStart: cursor.headStart, looked });
    }
  }
}
