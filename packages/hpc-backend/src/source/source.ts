import type { Scanner, ScanOptions, ScanStats } from "@podheitor/hpc-walker";

/**
 * How far a source has come in what it is fed by, in a form that it alone reads. A job is done with
 * everything before the last position once the receiver has confirmed the end of the job.
 */
export type Position = Buffer;

/** What a source found next. Buffers are valid until the next call of the source. */
export type Change =
  /** Whole records, as `RecordCursor` reads them: entries with their current metadata. */
  | { readonly kind: "batch"; readonly bytes: Buffer }
  /** Names, absolute, that are gone. */
  | { readonly kind: "deleted"; readonly names: readonly Buffer[] }
  | { readonly kind: "position"; readonly position: Position };

/** What can be changed in mid-run; what is absent stays as it is. */
export interface SourceControl {
  /** Threads that may work. */
  readonly threads?: number;
  /** Stats and opens a second; 0: no limit. */
  readonly metadataOps?: number;
  readonly pause?: boolean;
  /** Bytes of one read of a large file. */
  readonly readSize?: number;
}

export interface SourceCapabilities {
  /** Records are as the native engine makes them: its library may turn them into frames. */
  readonly frames: boolean;
  /** Every name below the paths is met, so that a pattern which matched none is misspelt. */
  readonly everyName: boolean;
  /** What `control` heeds. */
  readonly controls: ReadonlySet<keyof SourceControl>;
}

/** What a source is at. */
export interface SourceProgress {
  /** Where it was a moment ago; undefined: not known. */
  readonly directory: Buffer | undefined;
  /** Entries that are found and not yet taken. */
  readonly queued: number;
  /** Why it does not go on; undefined: it does. */
  readonly waitsFor: "receiver" | "filesystem" | "input" | undefined;
}

/**
 * Where the entries of a job come from: what `runBackup` takes until there is no more. A scan is
 * one, a list of names another. `capabilities` say what a source cannot do; nobody asks for its
 * name.
 */
export interface EntrySource {
  /** For the job log: "scan". */
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  /** Rejects when the source itself fails or was stopped. undefined: that was all. */
  next(): Promise<Change | undefined>;
  /** Where frames can be made at the source: as `Scanner.frames`. */
  readonly frames?: Scanner["frames"] | undefined;
  /** What was met and left out so far; its sums balance at the end. */
  stats(): ScanStats;
  /** Indices of the job's exclude patterns that have decided about no name. */
  idleExcludes?(): number[];
  control(change: SourceControl): void;
  progress(): SourceProgress;
  /** Asks it to end; a pending `next()` rejects soon. Idempotent. */
  stop(): void;
  /** Stops if necessary and releases what it holds. Must be called. */
  close(): Promise<void>;
  /**
   * The receiver has confirmed the end of the job: everything before this position, the last that
   * came, is saved for good. Called after `close()`, at most once.
   */
  commit?(position: Position): Promise<void>;
}

/** Starts a source. What it looks at, and how, is said as for a scan. Throws what it fails with. */
export type OpenSource = (options: ScanOptions) => EntrySource;
