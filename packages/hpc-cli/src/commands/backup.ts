import type { JobEvents } from "@podheitor/hpc-archive";
import type { BackupSummary, FilteredBy } from "@podheitor/hpc-backend";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { HpcError, reportOf, usageError } from "../errors";
import { Exit } from "../exit";
import type { Io } from "../io";
import { type KeyArguments, keyOptions, keyPairs } from "../key-options";
import { json, needed, value } from "../options";
import { Output } from "../output";
import { MAX_CONCURRENT_SHARDS, parseShards, shardArchive } from "../shards";
import { isStdout } from "../stdout";
import { addSummaries, ProgressSum } from "../summary";
import { toText } from "../text/bytes";
import { formatBytes, formatCount, formatSeconds, plural } from "../text/format";

const options = {
  ...keyOptions("backup"),
  archive: needed("write this archive; - is standard output"),
  shards: value("write this many archives at once, FILE.K-of-N each", "one archive"),
  since: value("save only what changed at or after this epoch second", "everything"),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const backup: Command<Arguments> = {
  usage: "backup",
  describe: "back a tree up into an archive file",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 backup --path /data --archive /mnt/data.hpc", "one archive")
      .example(
        "$0 backup --path /data --archive /mnt/data.hpc --shards 4",
        "data.0-of-4.hpc to data.3-of-4.hpc, at once",
      )
      .example(
        "$0 backup -x --path / --archive r.hpc --exclude /tmp/ --exclude '*.o'",
        "without some",
      )
      .example("$0 backup --path /data --archive - | zstd > data.hpc.zst", "into a pipe")
      .example("printf '%s\\0' /data/* | $0 backup --path-from - --archive d.hpc", "any file name")
      .epilogue(
        "The archive appears under its name when it is complete. In a tree that is saved, neither an archive that is being written, nor its earlier version, nor those of other shards are saved. A fifo or device is written only if it belongs to root or to you, and a symbolic link, of an archive as of --path, is followed only if it does and nobody else can exchange it. Names that are not UTF-8 work as arguments of this program, but not through npx: use --path-from.",
      ),

  async run(args, io) {
    const archive = toText(args.archive, "--archive");
    const { shard }: KeyArguments = args;
    if (args.shards !== undefined && shard !== undefined)
      throw usageError(
        "--shards and --shard exclude each other",
        "--shards N writes all N archives, --shard K/N one of them.",
      );
    const shards =
      args.shards === undefined ? undefined : parseShards(args.shards, MAX_CONCURRENT_SHARDS);
    const toStdout = isStdout(archive);
    if (archive === "-" && shards !== undefined)
      throw usageError(
        "--shards cannot write to standard output",
        "Give --archive a file name, or one --shard K/N.",
      );
    if (toStdout && io.stdout.isTTY === true)
      throw usageError(
        "standard output is a terminal",
        "Send it to a file or a pipe: `… --archive - > FILE`.",
      );

    const pairs = await keyPairs("backup", args, io);
    const output = new Output(io, args.json, toStdout && shards === undefined);
    const jobs =
      shards === undefined
        ? [{ archive, pairs }]
        : Array.from({ length: shards }, (_, k) => ({
            archive: shardArchive(archive, k, shards),
            pairs: [...pairs, ["shard", Buffer.from(`${k}/${shards}`)] as const],
          }));
    const since = args.since === undefined ? undefined : parseSince(args.since);
    const summary = await runAll(jobs, since, output, io);
    output.endProgress();
    if (args.json) output.object({ ...summary, warnings: output.warnings });
    else
      await printSummary(
        summary,
        jobs.map((job) => job.archive),
        output,
      );
    output.countWarnings();
    return summary.failed +
      summary.incomplete +
      summary.torn +
      summary.unlistable +
      summary.xattrs_failed >
      0 || output.warnings > 0
      ? Exit.warnings
      : Exit.done;
  },
};

interface Job {
  readonly archive: string;
  readonly pairs: readonly (readonly [string, Buffer])[];
}

function parseSince(text: string): bigint {
  if (!/^-?[0-9]{1,18}$/.test(text))
    throw usageError(
      `--since ${text} is not a time`,
      "Give seconds since 1970, as `date +%s` prints.",
    );
  return BigInt(text);
}

/**
 * Runs all jobs at once. One that fails does not stop the others: their archives are good, and only
 * it must be repeated.
 */
async function runAll(
  jobs: readonly Job[],
  since: bigint | undefined,
  output: Output,
  io: Io,
): Promise<BackupSummary> {
  const { backupToArchive, parseParams, requireRoots } = await import("@podheitor/hpc-backend");
  const started = performance.now();
  const progress = new ProgressSum(jobs.length, (sum) => output.progress(sum));
  // All are checked before the first one starts.
  const checked = jobs.map((job) => ({ ...job, params: parseParams(job.pairs) }));
  for (const { params } of checked) await requireRoots(params);
  const results = await Promise.allSettled(
    checked.map(({ params, archive }, index) => {
      const events: JobEvents = {
        message: (level, text) =>
          output.message(level, jobs.length > 1 ? `${archive}: ${text}` : text),
        progress: (figures) => progress.update(index, figures),
      };
      return backupToArchive({
        params,
        archive,
        events,
        signal: io.signal,
        ...(since === undefined ? {} : { since }),
      });
    }),
  );
  const failed = results.flatMap((result, index) =>
    result.status === "rejected"
      ? [{ archive: jobs[index]?.archive ?? "", error: result.reason as unknown }]
      : [],
  );
  const first = failed[0];
  if (first !== undefined && (jobs.length === 1 || io.signal.aborted)) throw first.error;
  if (first !== undefined) {
    const { message, remedy } = reportOf(first.error);
    throw new HpcError(
      "HPC_SHARDS_INCOMPLETE",
      `${failed.length} of ${jobs.length} shards failed (${failed.map((f) => f.archive).join(", ")}): ${message}`,
      `${remedy} Then repeat the failed ones with --shard K/${jobs.length}.`,
      { cause: first.error },
    );
  }
  return addSummaries(
    results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])),
    (performance.now() - started) / 1000,
  );
}

async function printSummary(
  summary: BackupSummary,
  archives: readonly string[],
  output: Output,
): Promise<void> {
  const { timeText } = await import("@podheitor/hpc-backend");
  const name =
    archives.length === 1 ? (archives[0] ?? "") : `${archives.length} archives, ${archives[0]} …`;
  output.line(
    `${name === "-" ? "standard output" : name}: ${plural(summary.entries, "entry", "entries")}, ${formatBytes(summary.bytes)} in ${formatSeconds(summary.seconds)} (${plural(Math.round(summary.entries_per_second), "entry", "entries")}/s)`,
  );
  output.line(
    `  ${plural(summary.files, "file")}, ${plural(summary.directories, "directory", "directories")}, ${plural(summary.symlinks, "symlink")}, ${plural(summary.hardlinks, "hard link")}, ${plural(summary.specials, "special file")}`,
  );
  output.line(
    `  ${formatCount(summary.failed)} failed, ${formatCount(summary.incomplete)} incomplete, ${formatCount(summary.vanished)} vanished, ${plural(summary.unlistable, "directory", "directories")} not listed in full`,
  );
  output.line(`  ${timeText(summary.time_by)}`);
  const left = leftOut(summary.filtered_by, archives.length > 1);
  if (left.length > 0) output.line(`  left out: ${left.join(", ")}`);
  const rest = [
    [
      summary.pruned,
      `${plural(summary.pruned, "directory", "directories")} without their content (marker, filesystem)`,
    ],
    [summary.xattrs, `${formatCount(summary.xattrs)} with extended attributes`],
    [summary.xattrs_failed, `${formatCount(summary.xattrs_failed)} without all of them`],
    [summary.hole_bytes, `${formatBytes(summary.hole_bytes)} in holes`],
    [summary.changed, `${formatCount(summary.changed)} changed since they were listed`],
    [summary.torn, `${formatCount(summary.torn)} of them while they were read`],
  ] as const;
  const said = rest.flatMap(([count, text]) => (count > 0 ? [text] : []));
  if (said.length > 0) output.line(`  ${said.join(", ")}`);
}

/**
 * What was meant to stay out, in words. With all shards at once, what one leaves to another is not
 * left out.
 */
function leftOut(by: FilteredBy, allShards: boolean): string[] {
  const parts: [number, string][] = [
    [allShards ? 0 : by.shard, `${formatCount(by.shard)} of other shards`],
    [by.since, `${formatCount(by.since)} older than --since`],
    [by.unchanged, `${formatCount(by.unchanged)} unchanged`],
    [by.sockets, plural(by.sockets, "socket")],
    [by.excluded, `${formatCount(by.excluded)} excluded`],
    [by.released, `${formatCount(by.released)} released by HSM`],
  ];
  return parts.flatMap(([count, text]) => (count > 0 ? [text] : []));
}
