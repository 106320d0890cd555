import type { Progress } from "@podheitor/hpc-archive";
import { errnoName } from "@podheitor/hpc-base";
import { isBalanced } from "@podheitor/hpc-ptcomm";
import { Waits } from "../emit/waits";
import type { BackupSummary } from "./backup-summary";
import { peakRss } from "./peak-rss";

/**
 * What became of every entry. The names are those of the `U` frame, which encodes this object as it
 * is.
 * At the end scanned = emitted + every filtered… + vanished + failed, and emitted = the five kinds.
 */
export class Tally {
  scanned = 0;
  emitted = 0;
  filteredShard = 0;
  filteredSince = 0;
  filteredUnchanged = 0;
  filteredSockets = 0;
  /** A place in the `U` frame that nothing counts in any more. */
  readonly filteredDialect = 0;
  /** Excluded by a pattern, or the archive that is being written. */
  filteredOther = 0;
  vanished = 0;
  failed = 0;
  unlistedDirectories = 0;
  files = 0;
  directories = 0;
  symlinks = 0;
  hardlinks = 0;
  specials = 0;
  bytes = 0;
  listedDirectories = 0;
  restored = 0;
  skipped = 0;
  xattrBlocks = 0;
  xattrsFailed = 0;
  prunedDirectories = 0;
  holeBytes = 0;
  /**
   * Emitted, but not as the scan saw them: they had changed by the time they were read, or changed
   * meanwhile.
   */
  changed = 0;
  /** Of those, the ones that changed while they were read: no content they ever had. */
  torn = 0;

  /**
   * Emitted, but a read failed on the way: their end says so, and restore discards them. Not in the
   * `U` frame.
   */
  incomplete = 0;
  /** Of `filteredOther`: files that HSM has released. Not in the `U` frame. */
  released = 0;
  /** Names that were sent as gone: no entries. Not in the `U` frame. */
  deleted = 0;
  /** By errno, what `failed` counts. */
  readonly failedBy = new Map<number, number>();

  readonly #started = process.hrtime.bigint();

  readonly waits: Waits;

  /** `waits`: those of the output that the job writes to. */
  constructor(waits = new Waits()) {
    this.waits = waits;
  }

  get filtered(): number {
    return (
      this.filteredShard +
      this.filteredSince +
      this.filteredUnchanged +
      this.filteredSockets +
      this.filteredOther
    );
  }

  /** True when no entry is unaccounted for. */
  get balanced(): boolean {
    return isBalanced(this);
  }

  get seconds(): number {
    return Number(process.hrtime.bigint() - this.#started) / 1e9;
  }

  /** An entry that could not be saved. */
  fail(errno: number): void {
    this.failed++;
    this.failedFor(errno);
  }

  /** The scan counts failures of its own and gives their reasons one by one. */
  failedFor(errno: number): void {
    this.failedBy.set(errno, (this.failedBy.get(errno) ?? 0) + 1);
  }

  /** The large file whose content is on its way, and what of it went; `bytes` has it at its end. */
  reading: { readonly file: Buffer; readonly bytes: number } | undefined;

  progress(): Progress {
    const { reading, seconds } = this;
    return {
      entries: this.emitted,
      bytes: this.bytes + (reading?.bytes ?? 0),
      failed: this.failed + this.incomplete,
      seconds,
      timeBy: this.waits.timeBy(seconds),
      ...(reading === undefined ? {} : { file: reading.file }),
    };
  }

  summary(): BackupSummary {
    const seconds = this.seconds;
    return {
      entries: this.emitted,
      files: this.files,
      directories: this.directories,
      symlinks: this.symlinks,
      hardlinks: this.hardlinks,
      specials: this.specials,
      bytes: this.bytes,
      filtered: this.filtered,
      vanished: this.vanished,
      failed: this.failed,
      seconds,
      entries_per_second: seconds > 0 ? Math.round(this.emitted / seconds) : 0,
      time_by: this.waits.timeBy(seconds),
      peak_rss_bytes: peakRss(),
      scanned: this.scanned,
      filtered_by: {
        shard: this.filteredShard,
        since: this.filteredSince,
        unchanged: this.filteredUnchanged,
        sockets: this.filteredSockets,
        excluded: this.filteredOther - this.released,
        released: this.released,
      },
      failed_by: Object.fromEntries(
        [...this.failedBy].map(([errno, count]) => [errnoName(errno), count]),
      ),
      incomplete: this.incomplete,
      unlistable: this.unlistedDirectories,
      pruned: this.prunedDirectories,
      xattrs: this.xattrBlocks,
      xattrs_failed: this.xattrsFailed,
      hole_bytes: this.holeBytes,
      changed: this.changed,
      torn: this.torn,
    };
  }
}
