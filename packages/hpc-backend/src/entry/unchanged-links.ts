import { LinkGroups, WorkFile } from "@podheitor/hpc-archive";
import {
  paddedLength,
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  type RecordCursor,
  RecordWriter,
} from "@podheitor/hpc-walker";
import { CHECK_BYTES } from "../limits";

const NO_NAME = Buffer.alloc(0);
/** Before each kept record: u32 group, u32 bytes of the directory, u32 bytes of the record. */
const HEAD = 12;

/**
 * Names of hard-linked inodes that the file list of an accurate job knows unchanged. When another
 * name of the same inode is sent (a moved directory brings new names to inodes that did not change)
 * they must be sent as well: the catalog may hold them as links to a name that is gone now, and no
 * restore could make them then.
 *
 * Memory: two bits for each group, and what LinkGroups holds; the names wait on disk.
 */
export class UnchangedLinks {
  readonly #directory: string;
  readonly #groups: LinkGroups;
  readonly #sent = new Bits();
  readonly #kept = new Bits();
  #file: WorkFile | undefined;
  #length = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#groups = new LinkGroups({ directory });
  }

  /** A name that is sent. */
  sent(cursor: RecordCursor): void {
    this.#sent.set(this.#group(cursor));
  }

  /** A name that is not sent. Throws HPC_WORK_FILE. */
  keep(cursor: RecordCursor, bytes: Buffer): void {
    const group = this.#group(cursor);
    this.#kept.set(group);
    const start = cursor.headStart - RECORD_PREFIX_BYTES;
    const record = bytes.subarray(
      start,
      start + bytes.readUInt32LE(start + RECORD_PREFIX.recordLen),
    );
    const head = Buffer.alloc(HEAD);
    head.writeUInt32LE(group, 0);
    head.writeUInt32LE(cursor.dir.length, 4);
    head.writeUInt32LE(record.length, 8);
    this.#file ??= new WorkFile(this.#directory);
    const all = Buffer.concat([head, cursor.dir, record]);
    this.#file.write(all, this.#length);
    this.#length += all.length;
  }

  /** Kept names of groups of which a name was sent, as batches of scan records. */
  *due(): Generator<{ records: Buffer; count: number }> {
    const head = Buffer.alloc(HEAD);
    let parts: Buffer[] = [];
    let size = 0;
    const batch = () => ({ records: Buffer.concat(parts), count: parts.length / 2 });
    if (this.#file === undefined || !this.#sent.meets(this.#kept)) return;
    for (let at = 0; at < this.#length; ) {
      this.#file.read(head, at);
      const dirLength = head.readUInt32LE(4);
      const length = dirLength + head.readUInt32LE(8);
      if (this.#sent.has(head.readUInt32LE(0))) {
        const bytes = Buffer.alloc(length);
        this.#file.read(bytes, at + HEAD);
        parts.push(dirRecord(bytes.subarray(0, dirLength)), bytes.subarray(dirLength));
        size += length;
        if (size >= CHECK_BYTES) {
          yield batch();
          parts = [];
          size = 0;
        }
      }
      at += HEAD + length;
    }
    if (parts.length > 0) yield batch();
  }

  close(): void {
    this.#groups.close();
    this.#file?.close();
    this.#file = undefined;
  }

  #group(cursor: RecordCursor): number {
    return this.#groups.later(cursor)?.group ?? this.#groups.lead(cursor, cursor.nlink, NO_NAME);
  }
}

function dirRecord(dir: Buffer): Buffer {
  const bytes = Buffer.alloc(paddedLength(dir.length));
  const writer = new RecordWriter(bytes);
  writer.dir(dir);
  return bytes.subarray(0, writer.length);
}

/** A set of small numbers. */
class Bits {
  #words = new Uint32Array(1024);

  set(index: number): void {
    const word = index >>> 5;
    if (word >= this.#words.length) {
      const more = new Uint32Array(Math.max(word + 1, this.#words.length * 2));
      more.set(this.#words);
      this.#words = more;
    }
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (index & 31));
  }

  has(index: number): boolean {
    return (((this.#words[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
  }

  meets(other: Bits): boolean {
    return this.#words.some((word, index) => (word & (other.#words[index] ?? 0)) !== 0);
  }
}
