import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, statfsSync, writeSync } from "node:fs";
import type { Contestant } from "../contest";
import { type Making, pause } from "../making";

/** What a benchmark is given. */
export interface BenchSetup {
  /** Trees and archives are made in here; it is there. */
  readonly folder: string;
  /** Names in a tree. */
  readonly entries: number;
  /** Of the large file, and of what a relay moves. */
  readonly largeBytes: number;
  /** How `podheitor-hpc` is started. */
  readonly ourselves: readonly [string, ...string[]];
  /** How the backend is started; undefined: it is not there. */
  readonly backend: readonly [string, ...string[]] | undefined;
  /** Programs of the repository; undefined: not built. */
  readonly tools: Tools;
  readonly threads: number;
  /** Of each metadata operation, for `latency`. */
  readonly latencyMicroseconds: number;
}

export interface Tools {
  /** shim-c/scan/build/scanlimit: the engine without Node. */
  readonly scanlimit: string | undefined;
  /** shim-c/scan/build/pipelimit: pipes in C. */
  readonly pipelimit: string | undefined;
  /** shim-c/latency/build/latency.so: to preload. */
  readonly latency: string | undefined;
  /** shim-c/labfs/build/labfs: a slow mount. */
  readonly labfs: string | undefined;
}

/** One contest, ready to run; `missing` names the peers that are not on this machine. */
export interface Benchmark {
  readonly name: string;
  readonly title: string;
  readonly facts: string;
  /** Ours is the first. */
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
  /** A contestant to whose time all others are compared, too. */
  readonly against?: string;
  /** What `prepare` and the contestants make, where it is much: not all filesystems have room for it (`roomFor`). */
  readonly needs?: Room;
  /** Makes what is read. */
  prepare(how: Making): void | Promise<void>;
  /** Takes away everything that the contest made. */
  clean(): void;
}

/** What files take of a filesystem. */
export interface Room {
  readonly names: number;
  readonly bytes: number;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;
const BLOCK = 4 * KIB;
/** Of a large file that are written in one turn of the event loop. */
const TURN_BYTES = 64 * MIB;
/** For peers that also take part with a pipe as wide as the one that our programs ask for: the words behind their names, and their output. */
export const WIDE = "pipe of 1 MiB";
export const WIDE_PIPE = { pipeBytes: MIB } as const;

export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** Whether so much can be made in a folder. A filesystem without a bound to its names, as a tmpfs has one, says that it has none at all. */
export function roomFor(folder: string, { names, bytes }: Room): boolean {
  const { files, ffree, bavail, bsize } = statfsSync(folder);
  return (files === 0 || ffree > names) && bavail * bsize > bytes;
}

/** A tree of files of `bytes` each, in blocks of 4 KiB. */
export function roomOf(names: number, bytes: number): Room {
  return { names, bytes: names * Math.ceil(bytes / BLOCK) * BLOCK };
}

export async function makeLarge(folder: string, file: string, bytes: number, how: Making): Promise<void> {
  mkdirSync(folder);
  const fd = openSync(file, "wx");
  const block = Buffer.alloc(MIB, "large ");
  try {
    for (let left = bytes; left > 0; left -= block.length) {
      writeSync(fd, block, 0, Math.min(left, block.length));
      if (left % TURN_BYTES === 0) await pause(1 - left / bytes, how);
    }
  } finally {
    closeSync(fd);
  }
}

/** Makes something where there may be an old one. */
export function fresh<T>(path: string, make: () => T): T {
  remove(path);
  return make();
}

/** By rm(1): Node's own keeps all names of a directory in its heap, which ten million do not fit. */
export function remove(path: string): void {
  execFileSync("rm", ["-rf", "--", path]);
}
