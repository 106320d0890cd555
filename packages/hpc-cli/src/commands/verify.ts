import { resolve } from "node:path";
import type { Difference } from "@podheitor/hpc-archive";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { declareTypesOf } from "../declared-types";
import { usageError } from "../errors";
import { Exit } from "../exit";
import { json, needed, pluginDir, value } from "../options";
import { Output } from "../output";
import { toText } from "../text/bytes";
import { escapeName, escapeText } from "../text/escape";
import { formatBytes, formatCount, formatSeconds, plural } from "../text/format";
import { jsonName } from "../text/listing";
import { catalogOptions, runVerifyCatalog } from "./verify-catalog";

const options = {
  archive: value("read this archive; - is standard input"),
  ...catalogOptions,
  against: needed(
    "compare with this directory: what was backed up, or restored; / is where it came from",
  ),
  "plugin-dir": pluginDir,
  sample: value(
    "with --archive: compare one name in so many, on both sides, for trees too large to compare whole",
    "every name",
  ),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const verify: Command<Arguments> = {
  usage: "verify",
  describe:
    "compare an archive (names, attributes and every byte) or a Bacula catalog (names and attributes) with a tree",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 verify --archive data.hpc --against /srv/data", "with what was backed up")
      .example("$0 verify --archive data.hpc --against /tmp/back", "with what was restored there")
      .example(
        "$0 verify --catalog /var/lib/bacula/bacula.db --jobid 12,13 --against /",
        "with what Bacula has",
      )
      .example("$0 verify --archive data.hpc --against / --sample 1000", "a thousandth of it")
      .example(
        "$0 verify --catalog bacula.db --jobid 12 --against / --sample-names 1000",
        "a thousand names of it",
      )
      .epilogue(
        "Exit 0: nothing differs. Exit 3: each difference is one line, with the reason. Of an archive: changed since the backup, vanished, failed to be saved, damaged in the archive, or unknown; what was excluded from it is no difference, and counted apart; times count as far as the filesystem of the tree keeps them. Of a catalog: changed since, vanished, created since, not-in-catalog (excluded, or of a shard that was not named), recorded-as-deleted though it is there, socket (never saved), failed (a job said why), or differs though nothing has touched it since.",
      ),

  async run(args, io) {
    const { catalog, archive } = args;
    if ((catalog === undefined) === (archive === undefined))
      throw usageError(
        "say what to compare with",
        "Give either --archive FILE or --catalog FILE --jobid N.",
      );
    const foreign = catalog === undefined ? "sample-names" : "sample";
    if (args[foreign] !== undefined)
      throw usageError(
        `--${foreign} does not go with --${catalog === undefined ? "archive" : "catalog"}`,
        "--sample N takes one name in N of an archive, --sample-names N takes N names of a catalog.",
      );
    if (catalog !== undefined) return runVerifyCatalog({ ...args, catalog }, io);
    const output = new Output(io, args.json);
    const pluginDir = args["plugin-dir"];
    declareTypesOf(
      pluginDir === undefined ? undefined : resolve(toText(pluginDir, "--plugin-dir")),
    );
    const { verifyArchive } = await import("@podheitor/hpc-archive");
    const { scanTree } = await import("@podheitor/hpc-backend");
    const summary = await verifyArchive({
      archive: toText(archive ?? "", "--archive"),
      against: toText(args.against, "--against"),
      scan: scanTree,
      ...(args.sample === undefined ? {} : { sample: parseSample(args.sample) }),
      events: {
        message: (level, text) => output.message(level, text),
        progress: (figures) => output.progress(figures),
        difference: (difference) => printDifference(difference, output),
      },
      signal: io.signal,
    });
    output.endProgress();
    await output.flush();
    output.object(summary);
    const sampled = args.sample === undefined ? "" : `${formatCount(summary.compared)} of `;
    output.line(
      `${sampled}${plural(summary.entries, "entry", "entries")}, ${formatBytes(summary.bytes)} compared in ${formatSeconds(summary.seconds)}: ${summary.differences === 0 ? "no difference" : plural(summary.differences, "difference")}`,
    );
    if (summary.excluded > 0)
      output.line(
        `  ${plural(summary.excluded, "name")} of the tree left out of the backup on purpose`,
      );
    if (summary.uncompared > 0)
      output.message(
        "warning",
        `extended attributes of ${plural(summary.uncompared, "entry", "entries")} could not be read, and were not compared`,
      );
    return summary.differences > 0 || output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

function parseSample(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw usageError(
      `--sample ${text} is not a number`,
      "Give 1000 to compare one name in a thousand.",
    );
  return Number(text);
}

async function printDifference(
  { path, what, why, archived, found }: Difference,
  output: Output,
): Promise<void> {
  if (output.json)
    return output.objectInBulk({
      difference: { ...jsonName("path", path), what, why, archived, found },
    });
  return output.lineInBulk(
    `${what.padEnd(7)} ${why.padEnd(8)} ${escapeName(path)}${detailOf(archived, found)}`,
  );
}

/**
 * `(0644, found 0600)`; of what is missing or unreadable only the reason, and that a missing name
 * does not exist needs none.
 */
function detailOf(archived: string | undefined, found: string | undefined): string {
  if (archived !== undefined)
    return ` (${escapeText(archived)}, found ${escapeText(found ?? "nothing")})`;
  return found === undefined || found === "ENOENT" ? "" : ` (${escapeText(found)})`;
}
