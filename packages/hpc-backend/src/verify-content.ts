import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Hole } from "@podheitor/hpc-ptcomm";
import { FileReader, Vanished } from "./file-reader";
import { atAnyLength } from "./long-path";
import { digestOf, RunningDigest } from "./xxh";

/** What is to be compared, as stat has it, and the holes that the archive has of it. */
export interface Expected {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly holes: readonly Hole[];
}

/** `digest`: of what lies outside the archived holes. `clean`: there is nothing but zeros in them. `bytes`: read. */
export interface Content {
  readonly digest: bigint;
  readonly clean: boolean;
  readonly bytes: number;
}

/** Files up to here are read in one go. */
const SMALL = 64 * 1024;
const small = Buffer.allocUnsafeSlow(SMALL + 1);
const ZEROS = Buffer.alloc(1024 * 1024);

/**
 * Reads a file for comparison with an archived one. What both have as a hole is read on neither side; where only one has a
 * hole, the other must have zeros. Rejects as FileReader does.
 */
export async function readContent(path: Buffer, { dev, ino, size, holes }: Expected): Promise<Content> {
  if (holes.length === 0 && size <= SMALL) return readSmall(path, dev, ino, Number(size));
  const reader = await FileReader.open(path, dev, ino, Number(size), { holes: holes.length > 0 });
  const fold = new Fold(holes);
  let bytes = 0;
  try {
    for (let block = await reader.next(); block !== undefined; block = await reader.next()) {
      fold.zeros(reader.blockStart);
      fold.data(block);
      bytes += block.length;
    }
    fold.zeros(Number(size));
    return { ...fold.result(), bytes };
  } finally {
    await reader.close();
  }
}

/** Without the thread pool, which costs a small file more than its reading: four turns of it for each. */
function readSmall(path: Buffer, dev: bigint, ino: bigint, size: number): Content {
  return atAnyLength(path, (reachable) => {
    const fd = openSync(reachable, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd, { bigint: true });
      if (stat.dev !== dev || stat.ino !== ino) throw new Vanished("another object has its name now");
      let bytes = 0;
      // One byte more than it should have: a file that has grown is another one.
      for (let got = 1; got > 0 && bytes <= size; bytes += got)
        got = readSync(fd, small, bytes, size + 1 - bytes, bytes);
      return { digest: digestOf(small.subarray(0, bytes)), clean: true, bytes };
    } finally {
      closeSync(fd);
    }
  });
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

  /** Cuts what comes, up to `end`, at the borders of the archived holes. `from` counts from where it begins. */
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
