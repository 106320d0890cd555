import { EntryFlag, EntryKind, RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { fullName } from "./entry-sink";
import { FileReader, type ReadOptions } from "./file-reader";
import { OPEN_AHEAD } from "./limits";

interface Opened {
  readonly headStart: number;
  readonly reader: Promise<FileReader>;
}

/** Which entries of a batch are to be read; bit i of `wanted` speaks of the i-th entry, undefined of all that are not older. */
export function isWanted(wanted: Uint8Array | undefined, index: number, flags: number): boolean {
  if (wanted === undefined) return (flags & EntryFlag.OLDER) === 0;
  return (((wanted[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/**
 * Runs ahead of the emitter over the same batch and opens the files whose content is not in it, with their first block,
 * so that on a filesystem with latency the emitter finds them read. Bounded: each holds one read buffer.
 */
export class FileAhead {
  readonly #cursor = new RecordCursor();
  readonly #opened: Opened[] = [];
  readonly #options: ReadOptions;
  #more = false;
  #index = -1;
  #wanted: Uint8Array | undefined;

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  /** Begins a batch. What the one before left untaken is closed: a head may stand at the same place in both. */
  reset(bytes: Buffer, wanted: Uint8Array | undefined): void {
    for (const left of this.#opened.splice(0)) void discard(left);
    this.#cursor.reset(bytes);
    this.#wanted = wanted;
    this.#index = -1;
    this.#more = true;
  }

  /** The reader of the entry whose head stands there. Rejects as FileReader.open does. */
  async take(headStart: number, open: () => Promise<FileReader>): Promise<FileReader> {
    for (;;) {
      this.#advance();
      const first = this.#opened[0];
      if (first === undefined || first.headStart > headStart) return open();
      this.#opened.shift();
      if (first.headStart === headStart) return first.reader;
      // Passed over: it went as another name of an inode that was sent.
      void discard(first);
    }
  }

  /** Closes what was opened and not taken. */
  async close(): Promise<void> {
    this.#more = false;
    const left = this.#opened.splice(0);
    await Promise.all(left.map(discard));
  }

  #advance(): void {
    const cursor = this.#cursor;
    while (this.#more && this.#opened.length < OPEN_AHEAD) {
      this.#more = cursor.next();
      if (!this.#more) return;
      if (cursor.type !== RecordType.ENTRY) continue;
      this.#index++;
      if (!this.#isFileToRead()) continue;
      const reader = FileReader.open(
        fullName(cursor.dir, cursor.name),
        cursor.exact("dev"),
        cursor.exact("ino"),
        cursor.size,
        this.#options,
      );
      // Its error belongs to whoever takes it.
      reader.catch(() => undefined);
      this.#opened.push({ headStart: cursor.headStart, reader });
    }
  }

  #isFileToRead(): boolean {
    const cursor = this.#cursor;
    return (
      cursor.kind === EntryKind.REGULAR &&
      cursor.contentLength < 0 &&
      cursor.error === 0 &&
      cursor.size > 0 &&
      // Of a hard-linked inode only the leader is read, which is not known here.
      cursor.nlink === 1 &&
      isWanted(this.#wanted, this.#index, cursor.flags)
    );
  }
}

function discard({ reader }: Opened): Promise<void> {
  return reader.then((opened) => opened.close()).catch(() => undefined);
}
