import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, statfsSync, writeSync } from "node:fs";
import type { Contestant } from "../contest";

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
  /** Names that `prepare` makes, where they are many: not all filesystems have room for them (`roomFor`). */
  readonly names?: number;
  /** Makes what is read. */
  prepare(): void;
  /** Takes away everything that the contest made. */
  clean(): void;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;
/** For peers that also take part with a pipe as wide as the one that our programs ask for: the words behind their names, and their output. */
export const WIDE = "pipe of 1 MiB";
export const WIDE_PIPE = { pipeBytes: MIB } as const;

export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** Whether so many files can be made in a folder: a tmpfs has a bound. A filesystem without one says that it has none at all. */
export function roomFor(folder: string, names: number): boolean {
  const { files, ffree } = statfsSync(folder);
  return files === 0 || ffree > names;
}

export function makeLarge(folder: string, file: string, bytes: number): void {
  mkdirSync(folder);
  const fd = openSync(file, "wx");
  const block = Buffer.alloc(MIB, "large ");
  for (let left = bytes; left > 0; left -= block.length) writeSync(fd, block, 0, Math.min(left, block.length));
  closeSync(fd);
}

/** Makes something where there may be an old one. */
export function fresh(path: string, make: () => void): void {
  remove(path);
  make();
}

/** By rm(1): Node's own keeps all names of a directory in its heap, which ten million do not fit. */
export function remove(path: string): void {
  execFileSync("rm", ["-rf", "--", path]);
}
