import { textBars } from "@podheitor/hpc-report";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { Exit } from "../exit";
import { keyOptions, keyPairs } from "../key-options";
import { json, sizeOf, value } from "../options";
import { Output } from "../output";
import { secondsFor } from "../probe/predict";
import { CATALOG_BYTES_PER_ROW } from "../probe/rates";
import { rateOptions, ratesOf, survey } from "../probe/run";
import { escapeName } from "../text/escape";
import { formatBytes, formatCount, formatSeconds, plural } from "../text/format";
import { jsonName } from "../text/listing";

const options = {
  ...keyOptions("estimate"),
  ...rateOptions,
  "volume-bytes": value("say how many volumes of this size it fills, e.g. 100G"),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const estimate: Command<Arguments> = {
  usage: "estimate",
  describe:
    "say what a backup of a tree would be: entries, bytes, time, volumes, growth of the catalog",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 estimate --path /lustre/scratch", "reads every directory and no file")
      .example(
        "$0 estimate --path /data --volume-bytes 100GB --rate-mb 500",
        "in volumes of 100 GB",
      )
      .epilogue(
        "Times are predictions from the rates that are printed with them; measure yours and give them.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const rates = ratesOf(args);
    const volume =
      args["volume-bytes"] === undefined
        ? undefined
        : sizeOf(args["volume-bytes"], "--volume-bytes");
    const { tally, met } = await survey(await keyPairs("estimate", args, io), 1, output, io);
    const { entries } = tally;
    const bytes = Math.round(tally.bytes);
    const seconds = Math.max(met.seconds, secondsFor({ entries, bytes }, rates));
    const catalog = entries * CATALOG_BYTES_PER_ROW;
    const volumes = volume === undefined ? undefined : Math.max(1, Math.ceil(bytes / volume));
    output.line(
      `${plural(entries, "entry", "entries")}: ${plural(tally.files, "file")}, ${plural(tally.directories, "directory", "directories")}, ${plural(tally.symlinks, "symlink")}, ${plural(tally.specials, "special file")}`,
    );
    output.line(
      `  ${formatBytes(bytes)} of content, ${formatBytes(tally.allocated)} on disk; ${plural(tally.linkedNames, "name")} of files that have several`,
    );
    if (tally.sockets + met.excluded + met.vanished > 0)
      output.line(
        `  left out: ${plural(tally.sockets, "socket")}, ${formatCount(met.excluded)} excluded, ${formatCount(met.vanished)} vanished`,
      );
    output.line(`\nFiles by size:`);
    for (const line of textBars(sizeRows(tally.sizes))) output.line(`  ${line}`);
    output.line(
      `\nWalk: ${formatSeconds(met.seconds)} here and now (${formatCount(met.scanned / met.seconds)} entries/s)`,
    );
    output.line(
      `Backup by one job: about ${formatSeconds(seconds)}, at ${formatCount(rates.filesPerSecond)} files/s and ${formatCount(rates.bytesPerSecond / 1e6)} MB/s`,
    );
    if (volumes !== undefined)
      output.line(`Volumes of ${formatBytes(volume ?? 0)}: ${formatCount(volumes)}`);
    output.line(
      `Catalog: ${formatCount(catalog / 1e6)} MB more with each Full (${formatCount(entries)} rows of ${CATALOG_BYTES_PER_ROW} bytes)`,
    );
    const [largest] = tally.largestFiles.list;
    if (largest !== undefined)
      output.line(`Largest file: ${formatBytes(largest.size)} ${escapeName(largest.item)}`);
    output.object({
      entries,
      files: tally.files,
      directories: tally.directories,
      symlinks: tally.symlinks,
      specials: tally.specials,
      sockets: tally.sockets,
      linked_names: tally.linkedNames,
      bytes,
      allocated_bytes: Math.round(tally.allocated),
      excluded: met.excluded,
      vanished: met.vanished,
      failed: met.failed,
      unlistable: met.unlistable,
      walk_seconds: met.seconds,
      backup_seconds: seconds,
      rate_files: rates.filesPerSecond,
      rate_bytes: rates.bytesPerSecond,
      volumes: volumes ?? null,
      catalog_bytes: catalog,
      catalog_bytes_per_row: CATALOG_BYTES_PER_ROW,
      sizes: tally.sizes.map((count = 0, step) => ({ below: 2 ** step, files: count })),
      largest_files: tally.largestFiles.list.map(({ size, item }) => ({
        ...jsonName("path", item),
        size,
      })),
    });
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

function sizeRows(sizes: readonly number[]): (readonly [string, number, string])[] {
  return [...sizes].map((count = 0, step) => [
    step === 0 ? "empty" : `< ${formatBytes(2 ** step)}`,
    count,
    formatCount(count),
  ]);
}
