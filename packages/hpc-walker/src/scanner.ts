import { countsOf, type FramesStop, SCAN_STATS, SCAN_STATS_BYTES } from "@podheitor/hpc-wire";
import type { FileIdentity, Filled, NativeFrames } from "./native/frames";

/** A path, a name or a pattern: bytes, any but NUL, or text that means its UTF-8. */
export type GivenName = Uint8Array | string;

/** What a scan is asked to do. */
export interface ScanOptions {
  /**
   * Roots, absolute, none twice and none below another. A root that is a symlink is followed; no
   * other symlink ever is. The native engine takes a root below another, walks it by itself, and
   * leaves it out of the walk from above.
   */
  readonly paths: readonly GivenName[];
  /** Threads that scan, 1..512; an engine takes no more than its `capabilities.threads`. */
  readonly threads: number;
  /** Content of regular files up to this many bytes rides in the batch; 0 = never. */
  readonly inlineBytes: number;
  /** Only entries of shard `index` of `count` (xxh3_64 of the inode modulo count). */
  readonly shard?: { readonly index: number; readonly count: number };
  /** An entry is older when both mtime and ctime are before this epoch second. */
  readonly since?: bigint;
  /**
   * Entries that are never older, with all that is below them: what the job before could not see.
   * Paths as the scan names them.
   */
  readonly whole?: readonly GivenName[];
  /** Hand older entries out with the flag OLDER and without content instead of dropping them. */
  readonly keepOlder: boolean;
  /** One thread keeps a directory to itself, in its own order (Lustre's statahead). */
  readonly serialDirectories: boolean;
  /** Read extended attributes, ACLs and inode flags. Default: no. */
  readonly xattrs?: boolean;
  /**
   * Patterns as in a .gitignore at each path; what matches is not handed out, and not read.
   * `excludeProblem` tells which are refused.
   */
  readonly excludes?: readonly GivenName[];
  /**
   * A directory that holds an entry of such a name is handed out, but not read. `CACHEDIR.TAG`
   * counts with its signature only.
   */
  readonly markers?: readonly GivenName[];
  /**
   * A directory of another filesystem than its parent's is handed out, but not read. Default: no.
   */
  readonly oneFilesystem?: boolean;
  /** Stats and opens a second, all threads together. Default: unlimited. */
  readonly metadataOps?: number;
  /**
   * Half of the threads rest each time that stats and opens take four times what they took at best.
   * Default: no.
   */
  readonly backOff?: boolean;
  /**
   * Asks for small files before it is their turn, once reads are seen to wait for a disk; not with
   * `metadataOps`, nor on what is mounted below a path. For local filesystems: each file that is
   * asked for is opened once more, and a server would hear of it. Default: no.
   */
  readonly readAhead?: boolean;
  /**
   * On Lustre: what HSM has released to its archive is left without content, unread. Default: no.
   */
  readonly skipReleased?: boolean;
  /**
   * With `xattrs`: project ids and flags that a filesystem tells only by a request for each entry,
   * as Lustre does. `directories`: of each directory, and of the files of those that have one.
   * Default: none.
   */
  readonly projects?: "directories" | "all";
  /**
   * Each directory is asked on which MDTs of Lustre its names lie, up to two requests each:
   * `RecordCursor.mdts`. Default: no.
   */
  readonly mdts?: boolean;
  /** Bounds of the ring between the scan threads and the consumer. */
  readonly ringEntries: number;
  readonly ringBytes: number;
}

/**
 * Whole records, laid out as `shim-c/scan/hpc_scan.h` says; read them with `RecordCursor`.
 * `bytes` belongs to the scanner and is overwritten by the next call of `next()`.
 */
export interface EntryBatch {
  readonly bytes: Buffer;
}

/**
 * What a scan has done so far, counted: `struct hpc_scan_stats` says of each what it is. At the end
 * scanned = handedOut + filteredShard + filteredOlder + filteredExcluded + vanished + failed.
 */
export type ScanCounts = Readonly<Record<keyof typeof SCAN_STATS, number>>;

/** Of a scan that has found nothing. */
export const NO_COUNTS: ScanCounts = countsOf(SCAN_STATS, Buffer.alloc(SCAN_STATS_BYTES));

/** The counts, and what a scan waited for. */
export type ScanStats = ScanCounts & {
  /** What whoever took entries from it waited for; undefined: this engine cannot tell. */
  readonly waits?: ScanWaits;
};

/** Milliseconds in calls of `next` and `frames`. */
export interface ScanWaits {
  /** Nothing had been found. */
  readonly waitedMs: number;
  /**
   * Of those, the part in which its threads were kept by `metadataOps` or `control`, not by the
   * filesystem: each moment counts as far as the threads that had something to do were kept.
   */
  readonly throttledMs: number;
  /** Frames that the output did not take. */
  readonly receiverMs: number;
}

/** What may be changed in the middle of a scan; what is absent stays as it is. */
export interface ScanControl {
  /** So many threads go on, 1..512, the others rest; 0: all. */
  readonly threads?: number;
  /** Stats and opens a second; 0: as many as go. */
  readonly metadataOps?: number;
  /** Nothing more is asked of the filesystem until it is false again; what was found comes. */
  readonly paused?: boolean;
}

/**
 * Gives a function the buffer in which frames gather, of which `length` bytes are frames, to write
 * more behind them. `to`: a pipe or a socket of this process that nobody else writes to meanwhile;
 * what the buffer holds may be written to it, to make room. The function is called once, before
 * `fill` returns.
 */
export type FillFrames = (
  how: (buffer: Buffer, length: number, to: number | undefined) => Filled,
) => void;

/** What feeds a backup with batches of records. */
export interface Scanner {
  /**
   * The next batch, or undefined at the end. Rejects when the engine itself fails or was stopped.
   */
  next(): Promise<EntryBatch | undefined>;
  /**
   * What `next()` would hand out, as frames of ordinary entries, for a few milliseconds. MORE: come
   * again; FULL: when there is room; OTHER, and FULL with all the room that there ever is: `next()`
   * has what comes then; END: the scan is complete. `own`: files that are no ordinary entries.
   * Rejects as `next()` does, which may be called between any two calls.
   */
  frames?(
    maker: NativeFrames,
    fill: FillFrames,
    own: ReadonlySet<FileIdentity>,
  ): Promise<FramesStop>;
  /**
   * Changes the scan in its middle: threads heed it within a tenth of a second, or when they are
   * done with the 64 names that they have in hand. Throws WalkerError HPC_SCAN_OPTIONS for numbers
   * out of their bounds.
   */
  control?(change: ScanControl): void;
  /** Asks the engine to end; a pending `next()` rejects within 100 ms. Idempotent. */
  stop(): void;
  stats(): ScanStats;
  /** Indices of `excludes` that have decided about no name so far. Before `close`. */
  idleExcludes?(): number[];
  /** Stops if necessary and releases threads and memory. Must be called. */
  close(): Promise<void>;
}
