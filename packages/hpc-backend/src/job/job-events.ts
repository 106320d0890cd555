import type { TimeBy } from "../emit/waits";

export type MessageLevel = "info" | "warning" | "error" | "not-saved";

/** Where a running job stands. */
export interface Progress {
  readonly entries: number;
  readonly bytes: number;
  readonly failed: number;
  readonly seconds: number;
  /** Backup: where they went. */
  readonly timeBy?: TimeBy;
  /** Backup: the name of a file whose content takes more than one read and is on its way. */
  readonly file?: Buffer;
}

/**
 * Why an archive and a tree differ: the tree changed since the backup; the name vanished (from the
 * tree since, or while the backup ran); it could not be saved; the archive is damaged; nothing that
 * is known explains it.
 */
export type Reason = "changed" | "vanished" | "failed" | "damaged" | "unknown";

/** One way in which an archive and a tree differ. */
export interface Difference {
  readonly path: Buffer;
  readonly what:
    | "missing"
    | "extra"
    | "content"
    | "type"
    | "mode"
    | "owner"
    | "mtime"
    | "link"
    | "size"
    | "xattr";
  readonly why: Reason;
  /** What the archive says and what the tree says, as text for people. */
  readonly archived?: string;
  readonly found?: string;
}

/** What a job tells its caller while it runs. All are optional; none may throw. */
export interface JobEvents {
  message?(level: MessageLevel, text: string): void;
  /** About four times a second. */
  progress?(progress: Progress): void;
  /**
   * A promise is waited for, so that a slow reader of millions of differences costs time and no
   * memory.
   */
  difference?(difference: Difference): unknown;
}

/** Counts by rule of entries that were left out on purpose. */
export interface FilteredBy {
  readonly shard: number;
  readonly since: number;
  /** Unchanged by the answer to a CHECK batch. */
  readonly unchanged: number;
  readonly sockets: number;
  /**
   * By an `exclude` pattern; or an archive that is being written, its earlier version, and those of
   * other shards.
   */
  readonly excluded: number;
  /** Files whose data HSM has moved to its archive. */
  readonly released: number;
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
  /** Where the seconds went; they add up. Of several jobs at once: the sums of their own. */
  readonly time_by: TimeBy;
  /** Of the process that made the backup, from its start on. */
  readonly peak_rss_bytes: number;
  readonly scanned: number;
  readonly filtered_by: FilteredBy;
  /** By the name of the errno; adds up to `failed`. */
  readonly failed_by: Readonly<Record<string, number>>;
  /** Among `entries`: files whose reading failed half way; restore discards them. */
  readonly incomplete: number;
  /** Directories whose listing is missing or incomplete. */
  readonly unlistable: number;
  /**
   * Among `directories`: saved without their content, because of a marker or as another
   * filesystem's mount point.
   */
  readonly pruned: number;
  /** Among `entries`: with extended attributes or ACLs. */
  readonly xattrs: number;
  /** Among `entries`: whose extended attributes could not be read, or not all of them. */
  readonly xattrs_failed: number;
  /** In holes of sparse files: neither read nor stored. */
  readonly hole_bytes: number;
  /** Files that changed between the scan and the end of their reading. */
  readonly changed: number;
  /**
   * Of those, the ones that changed while they were read, so that what is saved may be of no one
   * moment.
   */
  readonly torn: number;
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
  /** Entries whose owner, extended attributes, mode or times could not be set in full. */
  readonly attributes_failed: number;
  /** Extended attributes and ACLs that were set. */
  readonly xattrs: number;
  /** Directories that a cancelled restore left without their owner, attributes, mode and times. */
  readonly unfinished: number;
  /** Among `attributes_failed`: whose owner only root may set. */
  readonly owners_refused: number;
  /** Archive entries that no pattern selected. */
  readonly unselected: number;
  readonly seconds: number;
}

export interface VerifySummary {
  /** Of the archive. */
  readonly entries: number;
  /** Of them, those that were compared: all, but for a sample. */
  readonly compared: number;
  readonly files: number;
  readonly bytes: number;
  readonly differences: number;
  readonly differences_by: Readonly<Record<Reason, number>>;
  /**
   * Names that only the tree has, because the backup left them out on purpose; of what lies below
   * one only itself. No differences.
   */
  readonly excluded: number;
  /**
   * Entries whose extended attributes could not be compared, because the tree's could not be read.
   */
  readonly uncompared: number;
  readonly seconds: number;
}
