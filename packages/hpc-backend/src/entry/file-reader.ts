import { type BigIntStats, close, fstat, read } from "node:fs";
import { constants } from "node:os";
import { promisify } from "node:util";
import {
  counted,
  holeBytes,
  READ_SIZE,
  type Run,
  readBuffer,
  runsOf,
} from "@podheitor/hpc-archive";
import { dropCache, ENTRY_HEAD as E, type OpenedEntry, type Streamed } from "@podheitor/hpc-walker";
import type { MoveContent } from "../emit/entry-sink";
import { DROP_LAG, DROP_PIECE, OPEN_AHEAD, STREAM_MIN, STREAM_PIECE } from "../limits";
import type { ContentDriver, ContentReader, ReadOptions, Torn } from "./content-reader";

const closeAsync = promisify(close);
const readAsync = promisify(read) as (
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number | bigint,
) => Promise<{ bytesRead: number }>;
const fstatBig = promisify(fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<BigIntStats>;

const { EINVAL } = constants.errno;
const EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Buffers of closed files for the next ones: without them every file would leave half a mebibyte to
 * the collector.
 */
const spare: Buffer[] = [];
const SPARE_BUFFERS = OPEN_AHEAD + 2;

/** What a descriptor said of a file before a byte of it was read. */
export interface Moment {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/**
 * A regular file opened for its turn: the first block is read at once, and from then on one block
 * ahead of the consumer, unless the consumer takes the rest by `stream`. Blocks come in order;
 * those in a hole of `holes` do not come. It is read up to the size that it had when it was opened:
 * a file that others write on has no other end.
 */
export class FileReader implements ContentReader {
  readonly #fd: number;
  readonly #buffers: Buffer[] = [];
  #offset = 0n;
  #turn: 0 | 1 = 0;
  #pending: Promise<number> | undefined;
  readonly #runs: Iterator<Run, void>;
  #runEnd = 0n;
  /** Nothing is left: all runs were read, or the file ended before its size. */
  #done = false;
  #shrank = false;
  /** More than one read, so that it may have changed in between. */
  #pieces = 0;
  readonly #moment: Moment;
  #streams: boolean;
  readonly #dropBehind: boolean;
  readonly #readBytes: number;
  /** What lies before it has been dropped. */
  #dropped = 0;

  /** `fd` is closed by `close`. */
  constructor(
    fd: number,
    moment: Moment,
    /**
     * The hole map (16 bytes each, as in a record), empty for a file without holes or one that was
     * not asked.
     */
    readonly holes: Buffer,
    { streams = false, dropBehind = false, readBytes = READ_SIZE }: Omit<ReadOptions, "holes">,
    /**
     * What to save of it instead of what the scan saw: it has changed since, or the scan did not
     * ask for its attributes.
     */
    readonly now: OpenedEntry | undefined = undefined,
  ) {
    this.#fd = fd;
    this.#moment = moment;
    this.#streams = streams;
    this.#dropBehind = dropBehind;
    this.#readBytes = readBytes;
    this.#runs = runsOf(holes, moment.size);
    this.#nextRun();
    if (!this.#done) this.#readAhead();
  }

  /** Bytes, when it was opened. */
  get size(): bigint {
    return this.#moment.size;
  }

  /** Bytes in holes. */
  get holeBytes(): number {
    return holeBytes(this.holes);
  }

  /**
   * The next block, valid until the next call; undefined at the end. Rejects with the error of
   * read(2).
   */
  async next(): Promise<Buffer | undefined> {
    if (this.#pending === undefined) return undefined;
    const length = await this.#pending;
    this.#pending = undefined;
    if (length === 0) {
      this.#shrank = this.#done = true;
      return undefined;
    }
    const block = this.#buffer().subarray(0, length);
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#advance(length);
    if (!this.#done && !this.streamable) this.#readAhead();
    this.#drop();
    return block;
  }

  /** Whether `stream`, not `next`, has what comes now. */
  get streamable(): boolean {
    return (
      this.#streams &&
      !this.#done &&
      this.#pending === undefined &&
      this.#runEnd <= EXACT &&
      this.#runEnd - this.#offset >= BigInt(STREAM_MIN)
    );
  }

  /**
   * Moves a piece of a run of data; of what could not be moved, `next` has the rest or its error.
   * Rejects only as `move` does.
   */
  async stream(move: MoveContent): Promise<Streamed> {
    const length = Math.min(Number(this.#runEnd - this.#offset), STREAM_PIECE);
    const { bytes, errno } = await move(this.#fd, Number(this.#offset), length);
    this.#pieces += 2; // of a file, splice(2) moves a page at a time
    this.#advance(bytes);
    // Not every filesystem lends its pages, and not every file is as long as it was: `next` finds
    // out.
    if (bytes === 0 && (errno === EINVAL || errno === 0)) this.#streams = false;
    else if (errno !== 0) return { bytes, errno };
    // What is short is read: the end of a run, and of a file that others cut off.
    if (!this.#done && !this.streamable) this.#readAhead();
    this.#drop();
    return { bytes, errno: 0 };
  }

  /**
   * Asked after the last piece: whether the file is no longer what it was when it was opened. What
   * came in one read, with no holes, is of one moment, and is not looked at again.
   * Rejects with the error of fstat(2).
   */
  async torn(): Promise<Torn | undefined> {
    if (this.#shrank) return "shrank";
    // Where it has holes was asked before it was read, and what was written into one since is not
    // here.
    if (this.#pieces < 2 && this.holes.length === 0) return undefined;
    const now = await counted(fstatBig(this.#fd, { bigint: true }));
    if (now.size < this.#moment.size) return "shrank";
    if (now.size > this.#moment.size) return "grew";
    const same = now.mtimeNs === this.#moment.mtimeNs && now.ctimeNs === this.#moment.ctimeNs;
    return same ? undefined : "changed";
  }

  async close(): Promise<void> {
    // A read that is under way must not meet a descriptor of somebody else.
    await this.#pending?.catch(() => 0);
    this.#pending = undefined;
    if (this.#dropBehind) dropCache(this.#fd, this.#dropped, 0);
    for (const buffer of this.#buffers.splice(0))
      if (spare.length < SPARE_BUFFERS && buffer.length === READ_SIZE) spare.push(buffer);
    await counted(closeAsync(this.#fd));
  }

  #buffer(): Buffer {
    const size = this.#readBytes;
    const kept = this.#buffers[this.#turn] ?? (size === READ_SIZE ? spare.pop() : undefined);
    const buffer = kept ?? readBuffer(size);
    this.#buffers[this.#turn] = buffer;
    return buffer;
  }

  #advance(bytes: number): void {
    this.#offset += BigInt(bytes);
    if (this.#offset >= this.#runEnd) this.#nextRun();
  }

  #nextRun(): void {
    const run = this.#runs.next().value;
    if (run === undefined) {
      this.#done = true;
      return;
    }
    this.#offset = run.start;
    this.#runEnd = run.end;
  }

  /** What was moved to a pipe a moment ago cannot be dropped yet. */
  #drop(): void {
    const end = Number(this.#offset) - DROP_LAG;
    if (!this.#dropBehind || end - this.#dropped < DROP_PIECE || !Number.isSafeInteger(end)) return;
    dropCache(this.#fd, this.#dropped, end - this.#dropped);
    this.#dropped = end;
  }

  #readAhead(): void {
    const buffer = this.#buffer();
    const left = this.#runEnd - this.#offset;
    const length = left < BigInt(buffer.length) ? Number(left) : buffer.length;
    const position = this.#offset <= EXACT ? Number(this.#offset) : this.#offset;
    this.#pieces++;
    this.#pending = counted(readAsync(this.#fd, buffer, 0, length, position)).then(
      (r) => r.bytesRead,
    );
    // Whoever calls next() gets the error; until then it must not count as unhandled.
    this.#pending.catch(() => undefined);
  }
}

/** Reads any regular file through its descriptor. */
export const fileDriver: ContentDriver = {
  name: "file",
  canRead: () => true,
  open: (entry, options, fresh) =>
    new FileReader(entry.fd, momentOf(entry.head), entry.holes, options, fresh ? entry : undefined),
};

/** What `struct hpc_entry_head` says of a file. */
export function momentOf(head: Buffer): Moment {
  const time = (seconds: number, nanoseconds: number) =>
    head.readBigInt64LE(seconds) * 1_000_000_000n + BigInt(head.readUInt32LE(nanoseconds));
  return {
    size: head.readBigUInt64LE(E.size),
    mtimeNs: time(E.mtimeS, E.mtimeNs),
    ctimeNs: time(E.ctimeS, E.ctimeNs),
  };
}
