export type MessageLevel = "info" | "warning" | "error" | "not-saved";

/**
 * Where the time of a job went, in seconds that add up to the job's: at each moment its one line
 * of work, which ends in the output, did one of these.
 */
export interface TimeBy {
  /** It worked: made frames, wrote them, or did what else is not waiting. */
  readonly sending: number;
  /** It waited until the File Daemon, or the disk with the archive, took what it had. */
  readonly receiver: number;
  /** It waited for the scan, whose threads asked the filesystem. */
  readonly metadata: number;
  /** It waited for the content of files that do not travel with the scan. */
  readonly content: number;
  /** It waited because of its limit of bytes a second. */
  readonly bandwidth: number;
  /** It waited for the scan, whose threads waited for a limit of their number or rate, or paused. */
  readonly throttle: number;
}

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
