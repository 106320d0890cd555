export type MessageLevel = "info" | "warning" | "error" | "not-saved";

/** Where a running job stands. */
export interface Progress {
  readonly entries: number;
  readonly bytes: number;
  readonly failed: number;
  readonly seconds: number;
}

/** One way in which an archive and a tree differ. */
export interface Difference {
  readonly path: Buffer;
  readonly what: "missing" | "extra" | "content" | "type" | "mode" | "owner" | "mtime" | "link" | "size";
  /** What the archive says and what the tree says, as text for people. */
  readonly archived?: string;
  readonly found?: string;
}

/** What a job tells its caller while it runs. All are optional; none may throw. */
export interface JobEvents {
  message?(level: MessageLevel, text: string): void;
  /** About four times a second. */
  progress?(progress: Progress): void;
  difference?(difference: Difference): void;
}

/** Counts by rule of entries that were left out on purpose. */
export interface FilteredBy {
  readonly shard: number;
  readonly since: number;
  /** Unchanged by the answer to a CHECK batch. */
  readonly unchanged: number;
  readonly sockets: number;
  /** The dialect cannot carry them (classic: fifos and devices). */
  readonly dialect: number;
  readonly other: number;
}

/** How a backup ended. scanned = entries + filtered + vanished + failed. */
export interface BackupSummary {
  readonly entries: number;
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  /** Later names of inodes with several; the first name counts as what it is. */
  readonly hardlinks: number;
  /** Fifos and devices. */
  readonly specials: number;
  readonly bytes: number;
  readonly filtered: number;
  readonly vanished: number;
  readonly failed: number;
  readonly seconds: number;
  readonly entries_per_second: number;
  readonly peak_rss_bytes: number;
  readonly scanned: number;
  readonly filteredBy: FilteredBy;
  /** Among `entries`: files whose reading failed half way; restore discards them. */
  readonly incomplete: number;
  /** Directories whose listing is missing or incomplete. */
  readonly unlistable: number;
  readonly engine: "native" | "workers";
}

export interface RestoreSummary {
  readonly entries: number;
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly specials: number;
  readonly bytes: number;
  /** By the replace rule. */
  readonly skipped: number;
  readonly failed: number;
  /** Entries whose owner, mode or times could not be set in full. */
  readonly attributes_failed: number;
  /** Archive entries that no pattern selected. */
  readonly unselected: number;
  readonly seconds: number;
}

export interface VerifySummary {
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  readonly differences: number;
  readonly seconds: number;
}
