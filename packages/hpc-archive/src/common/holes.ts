import { fileHoles } from "@podheitor/hpc-walker";
import { HOLES_FEW, HOLES_MAX, MIN_HOLE } from "../limits";

export const HOLE = 16;
export const NO_HOLES = Buffer.alloc(0);

/** Where data lie: from `start` up to `end`. Exact: a sparse file may be larger than 2^53 bytes. */
export interface Run {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * The hole map of an open file of this size: 16 bytes for each hole, { u64 offset, u64 length },
 * ascending; at most HOLES_MAX of them, the longest.
 * Empty where the filesystem tells of none.
 */
export function holesOf(fd: number, size: number): Buffer {
  let holes = fileHoles(fd, size, MIN_HOLE, HOLES_FEW);
  for (let minHole = MIN_HOLE; holes === undefined; minHole *= 2)
    holes = fileHoles(fd, size, minHole, HOLES_MAX);
  return holes;
}

/** Bytes in holes. */
export function holeBytes(holes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < holes.length; at += HOLE) sum += Number(holes.readBigUInt64LE(at + 8));
  return sum;
}

/** What lies between the holes of a file of `size` bytes, in order. */
export function* runsOf(holes: Buffer, size: bigint): Generator<Run, void, undefined> {
  let start = 0n;
  for (let at = 0; at < holes.length; at += HOLE) {
    const offset = holes.readBigUInt64LE(at);
    if (offset > start) yield { start, end: offset };
    start = offset + holes.readBigUInt64LE(at + 8);
  }
  if (start < size) yield { start, end: size };
}
