import { CHECK_ENTRIES, CHECK_UNANSWERED } from "@podheitor/hpc-ptcomm";
import {
  ENTRY_HEAD_BYTES,
  paddedLength,
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  type RecordCursor,
  RecordWriter,
} from "@podheitor/hpc-walker";
import { CHECK_BYTES } from "../limits";

/** Older entries of an accurate job, kept as whole scan records until the file list has spoken. */
export interface CheckBatch {
  readonly records: Buffer;
  readonly count: number;
}

/**
 * Asks the job's file list. Resolves with a bitmap, least significant bit first: bit i set = entry
 * i is wanted.
 */
export type Ask = (batch: CheckBatch) => Promise<Uint8Array>;

interface Answered extends CheckBatch {
  readonly wanted: Uint8Array;
}

/**
 * Collects older entries into batches, asks about them, and hands answered batches back in their
 * order. A bounded number is unanswered at any time: `add` may only be called while `full` is
 * false.
 */
export class Checks {
  readonly #ask: Ask;
  #records: Buffer | undefined;
  #length = 0;
  #wire = 0;
  #count = 0;
  #dir: Buffer | undefined;
  readonly #waiting: Promise<Answered>[] = [];

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  get full(): boolean {
    return this.#waiting.length >= CHECK_UNANSWERED;
  }

  get unanswered(): number {
    return this.#waiting.length;
  }

  /** Copies the entry that the cursor stands on. */
  add(cursor: RecordCursor, bytes: Buffer): void {
    const start = cursor.headStart - RECORD_PREFIX_BYTES;
    const length = bytes.readUInt32LE(start + RECORD_PREFIX.recordLen);
    const dirLength = paddedLength(cursor.dir.length);
    // In the question every entry carries its full name.
    const wire = ENTRY_HEAD_BYTES + 5 + cursor.dir.length + cursor.nameLength + cursor.linkLength;
    const size = Math.max(this.#length + dirLength + length, this.#wire + wire);
    if (this.#count > 0 && size > CHECK_BYTES) this.flush();
    this.#wire += wire;
    if (this.#records === undefined || this.#records.length < this.#length + dirLength + length) {
      this.#records = Buffer.alloc(Math.max(CHECK_BYTES, dirLength + length));
    }
    if (this.#dir === undefined || !this.#dir.equals(cursor.dir)) {
      const writer = new RecordWriter(this.#records.subarray(this.#length));
      writer.dir(cursor.dir);
      this.#length += writer.length;
      this.#dir = Buffer.from(cursor.dir);
    }
    const at = this.#length;
    bytes.copy(this.#records, at, start, start + length);
    this.#length += length;
    this.#count++;
    if (this.#count === CHECK_ENTRIES) this.flush();
  }

  /** Asks about what was collected so far. */
  flush(): void {
    if (this.#count === 0 || this.#records === undefined) return;
    const batch = { records: this.#records.subarray(0, this.#length), count: this.#count };
    const answer = this.#ask(batch).then((wanted) => ({ ...batch, wanted }));
    // Whoever takes the answer gets the error; until then it must not count as unhandled.
    answer.catch(() => undefined);
    this.#waiting.push(answer);
    this.#records = undefined;
    this.#length = 0;
    this.#wire = 0;
    this.#count = 0;
    this.#dir = undefined;
  }

  /** The answer to the oldest question, when there is one. */
  oldest(): Promise<Answered> | undefined {
    return this.#waiting[0];
  }

  /** Takes the oldest answered batch off the queue. */
  shift(): void {
    this.#waiting.shift();
  }
}
