import { closeSync, fstatSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import type { Hole } from "@podheitor/hpc-ptcomm";
import { holesOf, NO_HOLES, runsOf } from "../common/holes";
import { counted } from "../common/pending-calls";
import { readBuffer } from "../common/read-buffer";
import { digestOf, RunningDigest } from "../common/xxh";
import { READ_SIZE } from "../limits";

const readAsync = promisify(read);

/** Another object has the name now, or the file has not the size that it was seen with. */
export class ContentChanged extends Error {}

/** What is to be compared, as it was looked at, and the holes that the archive has of it. */
export interface Expected {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly holes: readonly Hole[];
}

/**
 * `digest`: of what lies outside the archived holes. `clean`: there is nothing but zeros in them.
 * `bytes`: read.
 */
export interface Content {
  readonly digest: bigint;
  readonly clean: boolean;
  readonly bytes: number;
}

/** Files up to here are read in one go. */
const SMALL = 64 * 1024;
const small = Buffer.allocUnsafeSlow(SMALL + 1);
const ZEROS = Buffer.alloc(1024 * 1024);
/** Files are compared one after the other. */
const buffers: (Buffer | undefined)[] = [];
let turn = 0;

/**
 * Reads an open regular file for comparison with an archived one, to the size that was seen, and
 * closes it. What both have as a hole is read on neither side; where only one has a hole, the other
 * must have zeros. Rejects with ContentChanged, or with the error of read(2).
 */
export async function readContent(
  fd: number,
  { dev, ino, size, holes }: Expected,
): Promise<Content> {
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (stat.dev !== dev || stat.ino !== ino)
      throw new ContentChanged("another object has its name now");
    if (stat.size !== size) throw new ContentChanged("it changes while it is compared");
    if (holes.length === 0 && size <= SMALL) return readSmall(fd, Number(size));
    const sparse = holes.length > 0 && stat.blocks * 512n < size;
    return await readLarge(fd, Number(size), holes, sparse ? holesOf(fd, Number(size)) : NO_HOLES);
  } finally {
    closeSync(fd);
  }
}

/** Without the thread pool, which costs a small file more than its reading. */
function readSmall(fd: number, size: number): Content {
  let bytes = 0;
  // One byte more than it should have: a file that has grown is another one.
  for (let got = 1; got > 0 && bytes <= size; bytes += got)
    got = readSync(fd, small, bytes, size + 1 - bytes, bytes);
  return { digest: digestOf(small.subarray(0, bytes)), clean: true, bytes };
}

/** One block is read while the one before is digested. */
async function readLarge(
  fd: number,
  size: number,
  holes: readonly Hole[],
  found: Buffer,
): Promise<Content> {
  const fold = new Fold(holes);
  let bytes = 0;
  let before: { readonly at: number; readonly data: Buffer } | undefined;
  const take = () => {
    if (before === undefined) return;
    fold.zeros(before.at);
    fold.data(before.data);
    bytes += before.data.length;
    before = undefined;
  };
  for (const run of runsOf(found, BigInt(size))) {
    const end = Number(run.end);
    for (let at = Number(run.start); at < end; ) {
      turn = 1 - turn;
      const buffer = buffers[turn] ?? readBuffer(READ_SIZE);
      buffers[turn] = buffer;
      const length = Math.min(buffer.length, end - at);
      const reading = counted(readAsync(fd, buffer, 0, length, at));
      reading.catch(() => undefined); // awaited below
      take();
      const { bytesRead } = await reading;
      if (bytesRead === 0) throw new ContentChanged("it changes while it is compared");
      before = { at, data: buffer.subarray(0, bytesRead) };
      at += bytesRead;
    }
  }
  take();
  fold.zeros(size);
  return { ...fold.result(), bytes };
}

/** Takes a file from front to back, as data and as stretches of zeros. */
class Fold {
  readonly #digest = new RunningDigest();
  #clean = true;
  #at = 0;
  #next = 0;

  constructor(private readonly holes: readonly Hole[]) {}

  data(bytes: Buffer): void {
    this.#each(this.#at + bytes.length, (from, length, inHole) => {
      const piece = bytes.subarray(from, from + length);
      if (!inHole) this.#digest.update(piece);
      else if (this.#clean) this.#clean = isZero(piece);
    });
  }

  /** Up to `end`; nothing when that has been passed. */
  zeros(end: number): void {
    this.#each(end, (_, length, inHole) => {
      if (inHole) return;
      for (let left = length; left > 0; left -= ZEROS.length) {
        this.#digest.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
      }
    });
  }

  result(): Pick<Content, "digest" | "clean"> {
    return { digest: this.#digest.take(), clean: this.#clean };
  }

  /**
   * Cuts what comes, up to `end`, at the borders of the archived holes. `from` counts from where it
   * begins.
   */
  #each(end: number, use: (from: number, length: number, inHole: boolean) => void): void {
    const start = this.#at;
    while (this.#at < end) {
      const hole = this.holes[this.#next];
      const holeStart = hole === undefined ? Number.POSITIVE_INFINITY : Number(hole.offset);
      const inHole = this.#at >= holeStart;
      const border = inHole && hole !== undefined ? holeStart + Number(hole.length) : holeStart;
      const stop = Math.min(end, border);
      use(this.#at - start, stop - this.#at, inHole);
      this.#at = stop;
      if (inHole && stop === border) this.#next++;
    }
  }
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return false;
  }
  return true;
}
