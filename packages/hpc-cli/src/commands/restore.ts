import type { RestoreSummary } from "@podheitor/hpc-archive";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { usageError } from "../errors";
import { Exit } from "../exit";
import { readNames } from "../names-file";
import { json, needed, repeated, value } from "../options";
import { Output } from "../output";
import { toBytes, toText } from "../text/bytes";
import { formatBytes, formatCount, formatSeconds, plural } from "../text/format";

const REPLACE = ["always", "newer", "older", "never"] as const;

const REPLACE_HELP =
  "what to do with names that exist: always replace; replace if the archived file is newer, or older; never replace";

const options = {
  archive: {
    ...repeated("restore this archive; - is standard input; repeat it for every shard"),
    demandOption: true,
    defaultDescription: undefined,
  },
  where: needed("restore under this directory, which is made if it is missing"),
  replace: { choices: REPLACE, default: "always", requiresArg: true, describe: REPLACE_HELP },
  "files-from": value(
    "restore the names in this file, each ended by a NUL byte, in which nothing is special; - is standard input",
  ),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options> & { pattern: string[] | undefined };

export const restore: Command<Arguments> = {
  usage: "restore [pattern..]",
  describe: "restore an archive, or what matches the patterns, under a directory",
  options: (parser: Argv) =>
    parser
      .options(options)
      .positional("pattern", {
        type: "string",
        array: true,
        describe:
          "what to restore, with * ? [] {} and **, \\ before what is to be itself; everything without; -- before those that begin with -",
      })
      .example("$0 restore --archive data.hpc --where /tmp/back", "everything, as /tmp/back/data/…")
      .example(
        "$0 restore --archive data.hpc --where /tmp/back '/data/proj'",
        "one directory, with all in it",
      )
      .example(
        "$0 restore --archive data.hpc --where /tmp/back '*.c'",
        "in any directory: no / in front",
      )
      .example(
        "find /data -name '*.c' -print0 | $0 restore --archive d.hpc --where / --files-from -",
        "of a list",
      )
      .example(
        "$0 restore --archive d.0-of-2.hpc --archive d.1-of-2.hpc --where /",
        "shards, in place",
      )
      .epilogue(
        "A pattern that begins with / is a whole path, another one matches at every level; directories come with all that is in them, and missing ones above it are made as they were. Patterns are bytes: * is any number of them and ? is one, but no /; [a-c] is one of these, [!a-c] one of the others; {a,b} is a or b; ** between slashes is any number of directories. A pattern or name that matches nothing is named, and the exit is 3.",
      ),

  async run(args, io) {
    const archives = args.archive.map((archive) => toText(archive, "--archive"));
    const list = args["files-from"];
    if ([...archives, list].filter((file) => file === "-").length > 1)
      throw usageError(
        "standard input can be read once",
        "Give - once, for an archive or for --files-from.",
      );
    const patterns = (args.pattern ?? []).map(toBytes);
    const names = list === undefined ? [] : await readNames(toText(list, "--files-from"), io.stdin);
    const output = new Output(io, args.json);
    const { restoreArchive } = await import("@podheitor/hpc-archive");
    const summary = await restoreArchive({
      archive: archives,
      where: toBytes(args.where),
      replace: args.replace,
      patterns,
      names,
      events: {
        message: (level, text) => output.message(level, text),
        progress: (figures) => output.progress(figures),
      },
      signal: io.signal,
    });
    output.endProgress();
    if (
      patterns.length + names.length > 0 &&
      summary.unselected > 0 &&
      summary.entries + summary.skipped + summary.failed === 0
    )
      output.message(
        "warning",
        "no name in the archive matches: look for it with `podheitor-hpc list`",
      );
    if (summary.attributes_failed > 0)
      output.message(
        "warning",
        `${plural(summary.attributes_failed, "entry has", "entries have")} not got all of owner, extended attributes, mode and times${summary.owners_refused > 0 ? ": only root can give files to other users" : ""}`,
      );
    if (args.json) output.object({ ...summary, warnings: output.warnings });
    else printSummary(summary, args.where, output);
    output.countWarnings();
    return summary.failed + summary.attributes_failed > 0 || output.warnings > 0
      ? Exit.warnings
      : Exit.done;
  },
};

function printSummary(summary: RestoreSummary, where: string, output: Output): void {
  output.line(
    `${where}: ${plural(summary.entries, "entry", "entries")}, ${formatBytes(summary.bytes)} in ${formatSeconds(summary.seconds)}`,
  );
  output.line(
    `  ${plural(summary.files, "file")}, ${plural(summary.directories, "directory", "directories")}, ${plural(summary.symlinks, "symlink")}, ${plural(summary.hardlinks, "hard link")}, ${plural(summary.specials, "special file")}`,
  );
  output.line(
    `  ${formatCount(summary.unselected)} not selected, ${formatCount(summary.skipped)} skipped (--replace), ${formatCount(summary.failed)} failed, ${formatCount(summary.attributes_failed)} without all attributes`,
  );
}
