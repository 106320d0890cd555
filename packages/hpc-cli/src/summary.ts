import type { Progress, TimeBy } from "@podheitor/hpc-archive";
import type { BackupSummary, FilteredBy } from "@podheitor/hpc-backend";
import type { ProgressFigures } from "./progress";

/** The sum of what several concurrent jobs report. */
export class ProgressSum {
  private readonly latest: ProgressFigures[];

  constructor(
    jobs: number,
    private readonly report: (sum: ProgressFigures) => void,
  ) {
    this.latest = Array.from({ length: jobs }, () => ({ entries: 0, bytes: 0, failed: 0 }));
  }

  update(job: number, progress: Progress): void {
    this.latest[job] = progress;
    this.report(
      this.latest.reduce((sum, one) => ({
        entries: sum.entries + one.entries,
        bytes: sum.bytes + one.bytes,
        failed: sum.failed + one.failed,
        ...(progress.file === undefined ? {} : { file: progress.file }),
      })),
    );
  }
}

/**
 * One summary of shards that ran at the same time: counts add up, the time is the wall clock's, and
 * memory is the process's peak.
 * `scanned` adds up too: every shard looks at the whole tree.
 */
export function addSummaries(summaries: readonly BackupSummary[], seconds: number): BackupSummary {
  const [first, ...rest] = summaries;
  if (first === undefined) throw new RangeError("no summary to add");
  if (rest.length === 0) return first;
  const sum = (pick: (one: BackupSummary) => number) =>
    summaries.reduce((total, one) => total + pick(one), 0);
  const filtered = (rule: keyof FilteredBy) => sum((one) => one.filtered_by[rule]);
  const time = (what: keyof TimeBy) => sum((one) => one.time_by[what]);
  const entries = sum((one) => one.entries);
  return {
    entries,
    files: sum((one) => one.files),
    directories: sum((one) => one.directories),
    symlinks: sum((one) => one.symlinks),
    hardlinks: sum((one) => one.hardlinks),
    specials: sum((one) => one.specials),
    bytes: sum((one) => one.bytes),
    filtered: sum((one) => one.filtered),
    vanished: sum((one) => one.vanished),
    failed: sum((one) => one.failed),
    seconds,
    entries_per_second: seconds > 0 ? entries / seconds : 0,
    time_by: {
      sending: time("sending"),
      receiver: time("receiver"),
      metadata: time("metadata"),
      content: time("content"),
      bandwidth: time("bandwidth"),
      throttle: time("throttle"),
    },
    peak_rss_bytes: Math.max(...summaries.map((one) => one.peak_rss_bytes)),
    scanned: sum((one) => one.scanned),
    filtered_by: {
      shard: filtered("shard"),
      since: filtered("since"),
      unchanged: filtered("unchanged"),
      sockets: filtered("sockets"),
      excluded: filtered("excluded"),
      released: filtered("released"),
    },
    failed_by: addCounts(summaries.map((one) => one.failed_by)),
    incomplete: sum((one) => one.incomplete),
    unlistable: sum((one) => one.unlistable),
    pruned: sum((one) => one.pruned),
    xattrs: sum((one) => one.xattrs),
    xattrs_failed: sum((one) => one.xattrs_failed),
    hole_bytes: sum((one) => one.hole_bytes),
    changed: sum((one) => one.changed),
    torn: sum((one) => one.torn),
  };
}

function addCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [key, count] of all.flatMap(Object.entries<number>))
    sum[key] = (sum[key] ?? 0) + count;
  return sum;
}
