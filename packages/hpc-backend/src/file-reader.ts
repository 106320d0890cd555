import { close, constants, fstat, open, read } from "node:fs";
import { constants as osConstants } from "node:os";
import { promisify } from "node:util";
import { errnoName } from "@podheitor/hpc-native";
import { dropCache, openFile, type Streamed } from "@podheitor/hpc-walker";
import type { MoveContent } from "./entry-sink";
import { errnoOf } from "./errors";
import { holeBytes, holesOf, NO_HOLES, type Run, runsOf } from "./holes";
import { counted } from "./in-flight";
import { DROP_LAG, DROP_PIECE, OPEN_AHEAD, READ_SIZE, STREAM_MIN, STREAM_PIECE } from "./limits";
import { PATH_MAX } from "./long-path";
import { readBuffer } from "./read-buffer";

const openAsync = promisify(open);
const closeAsync = promisify(close);
const readAsync = promisify(read);
const fstatBig = promisify(fstat) as (
  fd: number,
  options: { bigint: true },
) => Promise<{ dev: bigint; ino: bigint; mode: bigint; size: bigint; blocks: bigint }>;

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** O_PATH, which node:constants has not; the same on x86-64 and arm64. */
const O_PATH = 0o10000000;
const { EAGAIN, EINVAL, EPERM } = osConstants.errno;
/** open(2): O_NOATIME is for the owner of a file and for root; for others EPERM. */
const { O_NOATIME } = constants;
const S_IFMT = 0o170000n;
const S_IFREG = 0o100000n;

/** The name is gone, or is another object than the one that was stat-ed. */
export class Vanished extends Error {}

/** Buffers of closed files for the next ones: without them every file would leave half a mebibyte to the collector. */
const spare: Buffer[] = [];
const SPARE_BUFFERS = OPEN_AHEAD + 2;

export interface ReadOptions {
  /** Skip the holes of a file that has fewer blocks than its size needs. */
  readonly holes: boolean;
  /** Leave long runs of data behind the first block to `stream`. */
  readonly streams?: boolean;
  /** Let go of its pages in the page cache once they were read, whoever brought them there. */
  readonly dropBehind?: boolean;
}

/**
 * A regular file opened for its turn: the first block is read at once, and from then on one block ahead of the
 * consumer, unless the consumer takes the rest by `stream`. Blocks come in order; those in a hole of `holes` do not come. A file that shrinks or grows is what it reads as.
 */
export class FileReader {
  readonly #fd: number;
  readonly #buffers: Buffer[] = [];
  #offset = 0;
  #blockStart = 0;
  #turn: 0 | 1 = 0;
  #pending: Promise<number> | undefined;
  readonly #runs: Iterator<Run, void>;
  #runEnd: number;
  #streams: boolean;
  readonly #dropBehind: boolean;
  /** What lies before it has been dropped. */
  #dropped = 0;

  private constructor(
    fd: number,
    /** What stat said. */
    private readonly size: number,
    /** The hole map (16 bytes each, as in a record), empty for a file without holes or one that was not asked. */
    readonly holes: Buffer,
    { streams = false, dropBehind = false }: ReadOptions,
  ) {
    this.#fd = fd;
    this.#streams = streams;
    this.#dropBehind = dropBehind;
    this.#runs = runsOf(holes);
    const first = this.#runs.next().value;
    this.#offset = first?.start ?? 0;
    this.#runEnd = first?.end ?? 0;
  }

  /** Where the block of the last `next` begins in the file. */
  get blockStart(): number {
    return this.#blockStart;
  }

  /** Bytes in holes. */
  get holeBytes(): number {
    return holeBytes(this.holes);
  }

  /**
   * Opens without following a symlink and checks that the object is still the regular file `dev`/`ino`.
   * Rejects with Vanished, or with the error of open(2) or fstat(2). `size` is what stat said: it only sizes buffers.
   */
  static async open(path: Buffer, dev: bigint, ino: bigint, size: number, options: ReadOptions): Promise<FileReader> {
    const fd = await openUntouched(path).catch((error: unknown) => {
      if (errnoOf(error) !== EAGAIN) throw error;
      return openLeased(path);
    });
    let holes: Buffer = NO_HOLES;
    try {
      const stat = await counted(fstatBig(fd, { bigint: true }));
      if ((stat.mode & S_IFMT) !== S_IFREG || stat.ino !== ino || stat.dev !== dev) {
        throw new Vanished("another object has its name now");
      }
      if (options.holes && stat.blocks * 512n < stat.size) holes = holesOf(fd, Number(stat.size));
    } catch (error) {
      await counted(closeAsync(fd));
      throw error;
    }
    const reader = new FileReader(fd, size, holes, options);
    reader.#readAhead();
    return reader;
  }

  /** The next block, valid until the next call; undefined at the end. Rejects with the error of read(2). */
  async next(): Promise<Buffer | undefined> {
    if (this.#pending === undefined) return undefined;
    const length = await this.#pending;
    this.#pending = undefined;
    if (length === 0) return undefined;
    const block = this.#buffer().subarray(0, length);
    // More was asked for and exactly size came: that was the end. Any other short read may only be a pause.
    this.#blockStart = this.#offset;
    const complete = this.#offset === 0 && length === this.size && length < READ_SIZE;
    this.#offset += length;
    this.#turn = this.#turn === 0 ? 1 : 0;
    if (this.#offset >= this.#runEnd) this.#nextRun();
    if (!complete && !this.streamable) this.#readAhead();
    this.#drop();
    return block;
  }

  /** Whether `stream`, not `next`, has what comes now. */
  get streamable(): boolean {
    const end = Math.min(this.#runEnd, this.size);
    return this.#streams && this.#pending === undefined && end - this.#offset >= STREAM_MIN;
  }

  /** Moves a piece of a run of data; of what could not be moved, `next` has the rest or its error. Rejects only as `move` does. */
  async stream(move: MoveContent): Promise<Streamed> {
    const length = Math.min(this.#runEnd - this.#offset, STREAM_PIECE);
    const { bytes, errno } = await move(this.#fd, this.#offset, length);
    this.#offset += bytes;
    // Not every filesystem lends its pages, and not every file is as long as it was: `next` finds out.
    if (bytes === 0 && (errno === EINVAL || errno === 0)) this.#streams = false;
    else if (errno !== 0) return { bytes, errno };
    if (this.#offset >= this.#runEnd) this.#nextRun();
    // What is short is read: the end of a run, and of a file that others cut off or write on.
    if (!this.streamable) this.#readAhead();
    this.#drop();
    return { bytes, errno: 0 };
  }

  async close(): Promise<void> {
    // A read that is under way must not meet a descriptor of somebody else.
    await this.#pending?.catch(() => 0);
    this.#pending = undefined;
    if (this.#dropBehind) dropCache(this.#fd, this.#dropped, 0);
    for (const buffer of this.#buffers.splice(0)) if (spare.length < SPARE_BUFFERS) spare.push(buffer);
    await counted(closeAsync(this.#fd));
  }

  #buffer(): Buffer {
    const buffer = this.#buffers[this.#turn] ?? spare.pop() ?? readBuffer(READ_SIZE);
    this.#buffers[this.#turn] = buffer;
    return buffer;
  }

  /** The last run has no end, so there is a next one behind every other. */
  #nextRun(): void {
    const { start, end } = this.#runs.next().value ?? { start: this.#offset, end: Number.POSITIVE_INFINITY };
    this.#offset = start;
    this.#runEnd = end;
  }

  /** What was moved to a pipe a moment ago cannot be dropped yet. */
  #drop(): void {
    const end = this.#offset - DROP_LAG;
    if (!this.#dropBehind || end - this.#dropped < DROP_PIECE) return;
    dropCache(this.#fd, this.#dropped, end - this.#dropped);
    this.#dropped = end;
  }

  #readAhead(): void {
    const buffer = this.#buffer();
    const length = Math.min(buffer.length, this.#runEnd - this.#offset);
    this.#pending = counted(readAsync(this.#fd, buffer, 0, length, this.#offset)).then((r) => r.bytesRead);
    // Whoever calls next() gets the error; until then it must not count as unhandled.
    this.#pending.catch(() => undefined);
  }
}

/** Reading leaves the access time alone where that is allowed. */
async function openUntouched(path: Buffer): Promise<number> {
  try {
    return await openPath(path, FLAGS | O_NOATIME);
  } catch (error) {
    if (errnoOf(error) !== EPERM) throw error;
    return openPath(path, FLAGS);
  }
}

/** Paths longer than the kernel takes go through the scan library, component by component. */
async function openPath(path: Buffer, flags: number): Promise<number> {
  return path.length < PATH_MAX ? counted(openAsync(path, flags)) : openLong(path, flags);
}

/**
 * Somebody holds a lease (a file server), and was asked by the first open to let go: waits for that as any other reader does, which the
 * kernel bounds (/proc/sys/fs/lease-break-time). Only a regular file is waited for; a fifo would never come.
 */
async function openLeased(path: Buffer): Promise<number> {
  const at = await openPath(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const { mode } = await counted(fstatBig(at, { bigint: true }));
    if ((mode & S_IFMT) !== S_IFREG) throw new Vanished("another object has its name now");
    return await counted(openAsync(`/proc/self/fd/${at}`, constants.O_RDONLY | constants.O_NOCTTY));
  } finally {
    await counted(closeAsync(at));
  }
}

function openLong(path: Buffer, flags: number): number {
  const fd = openFile(path, flags);
  if (fd < 0) throw Object.assign(new Error(errnoName(-fd)), { errno: fd, code: errnoName(-fd) });
  return fd;
}
