import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import type { StateDir } from "./state-dir";

const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
/** Records are written in blocks, each at once and with a digest, by which a torn one is known. */
const BLOCK_BYTES = 262_144;
const RECORD_MAX = 1_048_576;
/** Of a block: its length and a digest of what follows, 8 bytes of SHA-256. */
const HEAD_BYTES = 12;

/**
 * Records in a file, in the order in which they came. After `sync` they survive the process and the
 * machine: whoever opens the spool of that name finds them, and goes on behind them. What was not
 * synced is there whole, or not at all. Memory is one block.
 */
export class Spool {
  readonly #dir: StateDir;
  readonly #name: string;
  readonly #fd: number;
  #end = 0;
  #pending: Buffer[] = [];
  #bytes = 0;

  /** @throws HpcError HPC_STATE_DAMAGED where bytes within it have changed */
  constructor(dir: StateDir, name: string) {
    this.#dir = dir;
    this.#name = name;
    this.#fd = openSync(dir.at(name), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      for (const block of this.#blocks(fstatSync(this.#fd).size))
        this.#end += HEAD_BYTES + block.length;
      ftruncateSync(this.#fd, this.#end);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** Takes a copy. */
  append(record: Buffer): void {
    if (record.length > RECORD_MAX) throw new RangeError(`a record of ${record.length} bytes`);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(record.length);
    this.#pending.push(length, Buffer.from(record));
    this.#bytes += 4 + record.length;
    if (this.#bytes >= BLOCK_BYTES) this.#flush();
  }

  /** What was appended is on disk, under its name, when this returns. */
  sync(): void {
    this.#flush();
    fsyncSync(this.#fd);
    this.#dir.sync();
  }

  /** All records from the first. Not while it is appended to. */
  *records(): Generator<Buffer> {
    this.#flush();
    for (const block of this.#blocks(this.#end))
      for (let at = 0; at < block.length; ) {
        const end = at + 4 + block.readUInt32LE(at);
        yield block.subarray(at + 4, end);
        at = end;
      }
  }

  /** It stays for whoever opens it next. What was not synced may be lost. */
  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  /** Nobody needs its records any more. */
  remove(): void {
    closeSync(this.#fd);
    this.#dir.remove(this.#name);
  }

  #flush(): void {
    if (this.#bytes === 0) return;
    const content = Buffer.concat(this.#pending);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(content.length);
    digestOf(content).copy(head, 4);
    const block = Buffer.concat([head, content]);
    for (let done = 0; done < block.length; )
      done += writeSync(this.#fd, block, done, block.length - done, this.#end + done);
    this.#end += block.length;
    this.#pending = [];
    this.#bytes = 0;
  }

  /** The good blocks of the first `size` bytes; only the last can be one that was cut off. */
  *#blocks(size: number): Generator<Buffer> {
    const head = Buffer.alloc(HEAD_BYTES);
    for (let at = 0; at < size; ) {
      const whole = this.#read(head, at);
      const length = whole ? head.readUInt32LE(0) : 0;
      const sane = length > 0 && length <= BLOCK_BYTES + 4 + RECORD_MAX;
      const block = Buffer.alloc(sane ? length : 0);
      if (
        !sane ||
        !this.#read(block, at + HEAD_BYTES) ||
        !digestOf(block).equals(head.subarray(4))
      ) {
        if (size - at > HEAD_BYTES + BLOCK_BYTES + 4 + RECORD_MAX)
          throw this.#dir.damaged(this.#name, `has changed at byte ${at}`);
        return;
      }
      yield block;
      at += HEAD_BYTES + length;
    }
  }

  #read(into: Buffer, at: number): boolean {
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.#fd, into, done, into.length - done, at + done);
      if (count === 0) return false;
      done += count;
    }
    return true;
  }
}

function digestOf(content: Buffer): Buffer {
  return createHash("sha256").update(content).digest().subarray(0, 8);
}
