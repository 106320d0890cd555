import type { TimeBy } from "@podheitor/hpc-archive";

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
