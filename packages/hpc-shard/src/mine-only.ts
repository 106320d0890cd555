import {
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  RecordCursor,
  RecordType,
} from "@podheitor/hpc-walker";
import type { ShardStrategy } from "./strategy";

/** Takes the entries of other shards out of scan batches. */
export class MineOnly {
  readonly #strategy: Pick<ShardStrategy, "mine">;
  readonly #cursor = new RecordCursor();
  #kept: Buffer = Buffer.alloc(0);
  /** Entries left out so far. */
  dropped = 0;

  constructor(strategy: Pick<ShardStrategy, "mine">) {
    this.#strategy = strategy;
  }

  /**
   * The batch without them, in its order; what is no entry (directories, errors) stays. The answer
   * is overwritten by the next call.
   * It is a copy: the cursor still needs a directory's path where it stood. Throws HPC_BAD_BATCH.
   */
  of(bytes: Buffer): Buffer {
    const cursor = this.#cursor;
    let length = 0;
    let from = 0; // what lies from here on and is mine has not been copied yet
    for (cursor.reset(bytes); cursor.next(); ) {
      if (cursor.type !== RecordType.ENTRY || this.#strategy.mine(cursor)) continue;
      this.dropped++;
      if (this.#kept.length < bytes.length) this.#kept = Buffer.allocUnsafeSlow(bytes.length);
      const start = cursor.headStart - RECORD_PREFIX_BYTES;
      length += bytes.copy(this.#kept, length, from, start);
      from = start + bytes.readUInt32LE(start + RECORD_PREFIX.recordLen);
    }
    if (from === 0) return bytes;
    length += bytes.copy(this.#kept, length, from);
    return this.#kept.subarray(0, length);
  }
}
