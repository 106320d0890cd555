import { spawn } from "node:child_process";
import { once } from "node:events";
import { statfsSync } from "node:fs";
import type { Contestant } from "../contest";
import { HpcError } from "../errors";
import type { Making } from "../making";
import { directoriesOf, type Shape } from "../trees";

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
  /**
   * What `prepare` and the contestants make, where it is much: not all filesystems have room for it
   * (`shortOf`).
   */
  readonly needs?: Room;
  /** Makes what is read. */
  prepare(how: Making): Promise<void>;
  /** Ends what is mounted; before `clean`, and also where that is left out. */
  release?(): void;
  /** Takes away everything that the contest made. */
  clean(): Promise<void>;
}

/** What files take of a filesystem. */
export interface Room {
  readonly names: number;
  readonly bytes: number;
}

/** What is missing where `backend` is. */
export const BACKEND_NOT_BUILT = "podheitor-hpc-backend (npm run build)";

export const KIB = 1024;
export const MIB = 1024 * KIB;
const BLOCK = 4 * KIB;
/** Of a name in its directory. */
const NAME_BYTES = 64;
/**
 * For peers that also take part with a pipe as wide as the one that our programs ask for: the words
 * behind their names, and their output.
 */
export const WIDE = "pipe of 1 MiB";
export const WIDE_PIPE = { pipeBytes: MIB } as const;

export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/**
 * What a folder has too little of for what it is to take; undefined: nothing. A filesystem without
 * a bound to its names, as a tmpfs has one, says that it has none at all.
 */
export function shortOf(folder: string, { names, bytes }: Room): "names" | "bytes" | undefined {
  const { files, ffree, bavail, bsize } = statfsSync(folder);
  if (files > 0 && ffree <= names) return "names";
  return bavail * bsize > bytes ? undefined : "bytes";
}

/** What a tree takes, about. */
export function roomOf(shape: Shape, entries: number, bytes: number): Room {
  const blocks =
    directoriesOf(shape, entries) + (bytes === 0 ? 0 : entries * Math.ceil(bytes / BLOCK));
  return { names: entries, bytes: blocks * BLOCK + entries * NAME_BYTES };
}

/** Makes something where there may be an old one. */
export async function fresh(path: string, make: () => void | Promise<void>): Promise<void> {
  await remove(path);
  await make();
}

/**
 * By rm(1): Node's own keeps all names of a directory in its heap, which ten million do not fit. It
 * does not belong to the terminal's processes, so that Ctrl-C does not end it half-way, and what is
 * still mounted below one of the paths is left alone.
 */
export async function remove(...paths: readonly string[]): Promise<void> {
  const rm = spawn("rm", ["-rf", "--one-file-system", "--", ...paths], {
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
  });
  const [code, killed] = (await once(rm, "close")) as [number | null, string | null];
  if (code !== 0)
    throw new HpcError(
      "HPC_BENCH_FAILED",
      `rm ended with ${killed ?? code}`,
      `Remove it: ${paths.join(" ")}.`,
    );
}
