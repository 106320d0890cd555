/** What a scan is asked to do. Paths are bytes: any byte but NUL. */
export interface ScanOptions {
  /** Roots, absolute, without overlap. A root that is a symlink is followed; no other symlink ever is. */
  readonly paths: readonly Buffer[];
  /** Threads of the native engine, 1..512; workers of the TypeScript engine (capped at 8). */
  readonly threads: number;
  /** Content of regular files up to this many bytes rides in the batch; 0 = never. */
  readonly inlineBytes: number;
  /** Only entries of shard `index` of `count` (xxh3_64 of the inode modulo count). */
  readonly shard?: { readonly index: number; readonly count: number };
  /** An entry is older when both mtime and ctime are before this epoch second. */
  readonly since?: bigint;
  /** Hand older entries out with the flag OLDER and without content instead of dropping them. */
  readonly keepOlder: boolean;
  /** One thread keeps a directory to itself, in its own order (Lustre's statahead). */
  readonly serialDirectories: boolean;
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

/** scanned = handedOut + filteredShard + filteredOlder + vanished + failed, once the scan has ended. */
export interface ScanStats {
  readonly scanned: number;
  readonly handedOut: number;
  readonly filteredShard: number;
  readonly filteredOlder: number;
  readonly vanished: number;
  readonly failed: number;
  readonly dirsListed: number;
  readonly dirsVanished: number;
  readonly dirsFailed: number;
  readonly contentBytes: number;
  readonly pendingPeak: number;
  readonly fdsPeak: number;
}

/** One running scan. Both engines implement it and pass the same contract suite. */
export interface Scanner {
  readonly engine: "native" | "workers";
  /** The next batch, or undefined at the end. Rejects when the engine itself fails or was stopped. */
  next(): Promise<EntryBatch | undefined>;
  /** Asks the engine to end; a pending `next()` rejects within 100 ms. Idempotent. */
  stop(): void;
  stats(): ScanStats;
  /** Stops if necessary and releases threads and memory. Must be called. */
  close(): Promise<void>;
}
