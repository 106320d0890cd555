import {
  SCAN_ABI,
  SCAN_MAX_INLINE,
  SCAN_MAX_PATH,
  SCAN_MAX_THREADS,
  SCAN_OPTIONS,
  SCAN_OPTIONS_BYTES,
  ScanFlag,
} from "@podheitor/hpc-wire";
import { HpcError } from "../errors";
import { excludeProblem, markerProblem } from "../excludes/exclude";
import type { GivenName, ScanOptions } from "../scanner";

const MAX_U32 = 0xffff_ffff;
const MIN_I64 = -(2n ** 63n);
const SLASH = 0x2f;

/**
 * `struct hpc_scan_options` and the paths behind it. Both engines begin with it, so that what one
 * refuses, the other refuses. Throws HPC_SCAN_OPTIONS for what is out of its bounds, and for a path
 * that is not absolute.
 */
export function encodeScanOptions(options: ScanOptions): Buffer {
  const { paths, excludes, markers, whole: unseen } = namesOf(options);
  checkOptions(options, paths);
  const { shard } = options;
  const head = Buffer.alloc(SCAN_OPTIONS_BYTES);
  const flags =
    (options.serialDirectories ? ScanFlag.SERIAL_DIRS : 0) |
    (options.keepOlder ? ScanFlag.KEEP_OLDER : 0) |
    (options.xattrs ? ScanFlag.XATTRS : 0) |
    (options.oneFilesystem ? ScanFlag.ONE_FILESYSTEM : 0) |
    (options.backOff ? ScanFlag.BACK_OFF : 0) |
    (options.readAhead ? ScanFlag.READ_AHEAD : 0) |
    (options.skipReleased ? ScanFlag.SKIP_RELEASED : 0) |
    (options.mdts ? ScanFlag.MDTS : 0) |
    (options.projects === "directories"
      ? ScanFlag.PROJECTS
      : options.projects === "all"
        ? ScanFlag.PROJECTS_ALL
        : 0);
  head.writeUInt32LE(SCAN_ABI, SCAN_OPTIONS.version);
  head.writeUInt32LE(options.threads, SCAN_OPTIONS.threads);
  head.writeUInt32LE(options.inlineBytes, SCAN_OPTIONS.inlineBytes);
  head.writeUInt32LE(flags, SCAN_OPTIONS.flags);
  head.writeUInt32LE(shard?.index ?? 0, SCAN_OPTIONS.shardIndex);
  head.writeUInt32LE(shard?.count ?? 0, SCAN_OPTIONS.shardCount);
  head.writeBigInt64LE(options.since ?? MIN_I64, SCAN_OPTIONS.sinceS);
  head.writeUInt32LE(options.ringEntries, SCAN_OPTIONS.ringEntries);
  head.writeUInt32LE(options.ringBytes, SCAN_OPTIONS.ringBytes);
  head.writeUInt32LE(paths.length, SCAN_OPTIONS.pathCount);
  head.writeUInt32LE(options.metadataOps ?? 0, SCAN_OPTIONS.metadataOps);
  refuse("exclude pattern", excludes, excludeProblem);
  refuse("marker", markers, markerProblem);
  const lists = [
    ...sized(paths),
    u32(excludes.length),
    ...sized(excludes),
    u32(markers.length),
    ...sized(markers),
  ];
  if (unseen.length > 0) lists.push(u32(unseen.length), ...sized(unseen));
  return Buffer.concat([head, ...lists]);
}

/** The names among the options, as bytes. */
export function namesOf({
  paths,
  excludes = [],
  markers = [],
  whole = [],
}: Pick<ScanOptions, "paths" | "excludes" | "markers" | "whole">) {
  const bytes = (names: readonly GivenName[]) => names.map((name) => Buffer.from(name));
  return {
    paths: bytes(paths),
    excludes: bytes(excludes),
    markers: bytes(markers),
    whole: bytes(whole),
  };
}

/** Node's own write methods would take a fraction for the integer below it, and NaN for 0. */
function checkOptions(options: ScanOptions, paths: readonly Buffer[]): void {
  const { threads, inlineBytes, shard, since, ringEntries, ringBytes, metadataOps = 0 } = options;
  whole("threads", threads, 1, SCAN_MAX_THREADS);
  whole("inlineBytes", inlineBytes, 0, SCAN_MAX_INLINE);
  whole("ringEntries", ringEntries, 1, MAX_U32);
  whole("metadataOps", metadataOps, 0, MAX_U32);
  whole("ringBytes", ringBytes, 1, MAX_U32);
  if (shard !== undefined) {
    whole("shard.count", shard.count, 0, MAX_U32);
    whole("shard.index", shard.index, 0, Math.max(0, shard.count - 1));
  }
  if (since !== undefined && BigInt.asIntN(64, since) !== since)
    throw badOptions(`since is ${since}, beyond 64 bits`);
  if (paths.length === 0) throw badOptions("no path");
  for (const path of paths) {
    // The scan goes on while the process may change its directory.
    if (path[0] !== SLASH) throw badOptions(`the path ${quoted(path)} is not absolute`);
    if (path.includes(0)) throw badOptions("a path holds a NUL");
    if (path.length > SCAN_MAX_PATH)
      throw badOptions(`a path of ${path.length} bytes is longer than ${SCAN_MAX_PATH}`);
  }
}

function whole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw badOptions(`${name} is ${value}, not an integer from ${min} to ${max}`);
}

function refuse(
  what: string,
  list: readonly Buffer[],
  problem: (item: Buffer) => string | undefined,
): void {
  for (const item of list) {
    const why = problem(item);
    if (why !== undefined) throw badOptions(`the ${what} ${quoted(item)} ${why}`);
  }
}

function sized(list: readonly Buffer[]): Buffer[] {
  return list.flatMap((bytes) => [u32(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const quoted = (bytes: Buffer) => JSON.stringify(bytes.toString());

export function badOptions(why: string, cause?: unknown): HpcError {
  return new HpcError(
    "HPC_SCAN_OPTIONS",
    `scan options: ${why}`,
    "Correct the options of the scan.",
    { cause },
  );
}
