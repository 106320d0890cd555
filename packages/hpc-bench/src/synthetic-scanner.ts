import {
  ENTRY_HEAD,
  type EntryBatch,
  EntryKind,
  NO_COUNTS,
  RECORD_PREFIX_BYTES,
  RecordCursor,
  RecordType,
  RecordWriter,
  type Scanner,
  type ScanStats,
} from "@podheitor/hpc-walker";

/** Of one batch, as the native engine hands them out. */
const BATCH_BYTES = 1 << 20;
const PER_DIRECTORY = 100;
const NOTHING = Buffer.alloc(0);

/**
 * A scan of a tree that does not exist: `count` empty files, a hundred to a directory, as fast as
 * memory gives them. Every entry has an inode number of its own; names repeat from batch to batch,
 * which nobody downstream minds.
 */
export class SyntheticScanner implements Scanner {
  readonly #batch = Buffer.alloc(BATCH_BYTES);
  /** Where the inode numbers stand in the batch. */
  readonly #inodes: number[] = [];
  readonly #length: number;
  #given = 0;
  #stopped = false;

  constructor(readonly count: number) {
    const writer = new RecordWriter(this.#batch);
    fill(writer);
    this.#length = writer.length;
    const cursor = new RecordCursor();
    for (cursor.reset(writer.batch); cursor.next(); )
      if (cursor.type === RecordType.ENTRY) this.#inodes.push(cursor.headStart + ENTRY_HEAD.ino);
  }

  async next(): Promise<EntryBatch | undefined> {
    if (this.#stopped) throw new Error("stopped");
    const left = this.count - this.#given;
    if (left <= 0) return undefined;
    for (const at of this.#inodes) {
      this.#batch.writeUInt32LE(++this.#given >>> 0, at);
      this.#batch.writeUInt32LE(Math.floor(this.#given / 2 ** 32), at + 4);
    }
    if (left >= this.#inodes.length) return { bytes: this.#batch.subarray(0, this.#length) };
    this.#given = this.count;
    const end = (this.#inodes[left] ?? 0) - ENTRY_HEAD.ino - RECORD_PREFIX_BYTES;
    return { bytes: this.#batch.subarray(0, end) };
  }

  stop(): void {
    this.#stopped = true;
  }

  stats(): ScanStats {
    return { ...NO_COUNTS, scanned: this.#given, handedOut: this.#given };
  }

  async close(): Promise<void> {}
}

function fill(writer: RecordWriter): void {
  for (let number = 0; ; number++) {
    const directory = Math.floor(number / PER_DIRECTORY);
    if (number % PER_DIRECTORY === 0 && !writer.dir(Buffer.from(`/synthetic/tree/d${directory}`)))
      return;
    const name = Buffer.from(`file-${number % PER_DIRECTORY}`);
    if (!writer.entry({ ...FILE, name })) return;
  }
}

const FILE = {
  kind: EntryKind.REGULAR,
  flags: 0,
  link: NOTHING,
  content: NOTHING,
  error: 0,
  inoHash: 0n,
  nlink: 1,
  ino: 0n,
  dev: 1n,
  size: 0n,
  blocks: 0n,
  mtimeSeconds: 1_700_000_000n,
  atimeSeconds: 1_700_000_000n,
  ctimeSeconds: 1_700_000_000n,
  mtimeNanoseconds: 1,
  atimeNanoseconds: 1,
  ctimeNanoseconds: 1,
  mode: 0o100644,
  uid: 0,
  gid: 0,
  rdev: 0n,
  blksize: 4096,
};
