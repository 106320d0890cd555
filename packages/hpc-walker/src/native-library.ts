import { join } from "node:path";
import { type Library, openLibrary } from "@podheitor/hpc-native";
import { SCAN_ABI } from "@podheitor/hpc-wire";

/**
 * In the package (from src or dist), and beside a bundle. This file stands at the root of src, so
 * that a bundle looks no higher than one folder above itself.
 */
const CANDIDATES = [
  join(__dirname, "..", "native", "libhpcscan.so"),
  join(__dirname, "libhpcscan.so"),
  join(__dirname, "native", "libhpcscan.so"),
];

/** libhpcscan's functions; shim-c/scan/hpc_scan.h says what they take and answer. */
export interface ScanLibrary {
  readonly path: string;
  start(options: Buffer, length: number): number;
  next(handle: number, buffer: Buffer, capacity: number, timeoutMs: number): number;
  stop(handle: number): number;
  control(handle: number, threads: number, metadataOps: number, paused: number): number;
  stats(handle: number, out: Buffer, capacity: number): number;
  idleExcludes(handle: number, out: Buffer, capacity: number): number;
  free(handle: number, timeoutMs: number): number;
  rootLink(path: Buffer, length: number, out: Buffer, capacity: number): number;
  holes(fd: number, size: number, minHole: number, out: Buffer, capacity: number): number;
  openersStart(threads: number, minHole: number, answers: Buffer): number;
  openersAsk(handle: number, request: Buffer, length: number): number;
  openersFree(handle: number): number;
  pipeSize(fd: number, bytes: number): number;
  dropCache(fd: number, offset: number, length: number): number;
  streamNow(from: number, offset: number, length: number, to: number, control: Buffer): number;
  /** The same in a thread of its own. */
  stream(
    from: number,
    offset: number,
    length: number,
    to: number,
    control: Buffer,
  ): Promise<number>;
  /** `shim-c/wire/frames.h`. */
  frames(
    records: Buffer,
    length: number,
    out: Buffer,
    capacity: number,
    call: Buffer,
    callLength: number,
  ): number;
  scanFrames(
    handle: number,
    to: number,
    out: Buffer,
    capacity: number,
    call: Buffer,
    callLength: number,
  ): number;
}

let loaded: ScanLibrary | undefined;

/**
 * Opens libhpcscan and calls each function once, so that a missing symbol shows before a scan
 * begins. Throws HpcError.
 * Main thread only.
 */
export function scanLibrary(candidates: readonly string[] = CANDIDATES): ScanLibrary {
  if (loaded && candidates === CANDIDATES) return loaded;
  const library = bind(
    openLibrary("libhpcscan", candidates, { symbol: "hpc_scan_abi", version: SCAN_ABI }),
  );
  const none = Buffer.alloc(8);
  // None of these calls is given anything to do: they answer -EINVAL.
  library.start(none, 0);
  library.next(0, none, 0, 0);
  library.stop(0);
  library.control(0, 0, 0, 0);
  library.stats(0, none, 0);
  library.idleExcludes(0, none, 0);
  library.free(0, 0);
  library.rootLink(none, 0, none, 0);
  library.holes(-1, 0, 0, none, 0);
  library.openersStart(0, 0, none);
  library.openersAsk(0, none, 0);
  library.openersFree(0);
  library.pipeSize(-1, 0);
  library.dropCache(-1, -1, 0);
  library.frames(none, 0, none, 0, none, 0);
  library.scanFrames(0, -1, none, 0, none, 0);
  library.streamNow(-1, -2, 0, -1, none);
  if (candidates === CANDIDATES) loaded = library;
  return library;
}

const STREAM = ["i64", "i64", "i64", "i64", "buffer"] as const;

function bind(library: Library): ScanLibrary {
  return {
    path: library.path,
    start: library.bind("hpc_scan_start", ["buffer", "i64"], "i64"),
    next: library.bind("hpc_scan_next", ["i64", "buffer", "i64", "i64"], "i64"),
    stop: library.bind("hpc_scan_stop", ["i64"], "i64"),
    control: library.bind("hpc_scan_control", ["i64", "i64", "i64", "i64"], "i64"),
    stats: library.bind("hpc_scan_stats", ["i64", "buffer", "i64"], "i64"),
    idleExcludes: library.bind("hpc_scan_idle_excludes", ["i64", "buffer", "i64"], "i64"),
    free: library.bind("hpc_scan_free", ["i64", "i64"], "i64"),
    rootLink: library.bind("hpc_root_link", ["buffer", "i64", "buffer", "i64"], "i64"),
    holes: library.bind("hpc_holes", ["i64", "i64", "i64", "buffer", "i64"], "i64"),
    openersStart: library.bind("hpc_openers_start", ["i64", "i64", "buffer"], "i64"),
    openersAsk: library.bind("hpc_openers_ask", ["i64", "buffer", "i64"], "i64"),
    openersFree: library.bind("hpc_openers_free", ["i64"], "i64"),
    pipeSize: library.bind("hpc_pipe_size", ["i64", "i64"], "i64"),
    dropCache: library.bind("hpc_drop_cache", ["i64", "i64", "i64"], "i64"),
    streamNow: library.bind("hpc_stream", STREAM, "i64"),
    stream: library.bindAsync("hpc_stream", STREAM, "i64"),
    frames: library.bind("hpc_frames", ["buffer", "i64", "buffer", "i64", "buffer", "i64"], "i64"),
    scanFrames: library.bind(
      "hpc_scan_frames",
      ["i64", "i64", "buffer", "i64", "buffer", "i64"],
      "i64",
    ),
  };
}
