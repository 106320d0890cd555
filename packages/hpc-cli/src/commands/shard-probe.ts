import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { escapeName } from "../escape";
import { Exit } from "../exit";
import { formatBytes, formatCount, formatSeconds, plural } from "../format";
import { jsonName } from "../listing";
import { json, value } from "../options";
import { Output } from "../output";
import { bars } from "../probe/bars";
import { advise, secondsFor, skewOf } from "../probe/predict";
import { rateOptions, ratesOf, survey } from "../probe/run";
import { scanOptions, scanPairs } from "../scan-options";
import { parseShards } from "../shards";

const options = {
  ...scanOptions,
  shards: { ...value("number of shards to try"), default: "4" },
  strategy: value("how the tree is split (docs/sharding.md); default: inode-hash"),
  ...rateOptions,
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const shardProbe: Command<Arguments> = {
  usage: "shard-probe",
  describe: "say what each of N shards of a tree would save, and how many shards are worth while",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 shard-probe --path /lustre/scratch --shards 8", "entries, bytes and time of each of 8 shards")
      .example("$0 shard-probe --path /data --strategy mtime-bucket --json", "another strategy, for a program")
      .epilogue(
        "Looks at every entry, so the split is exact, and takes as long as a walk. Bytes of sparse files count with their holes.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const rates = ratesOf(args);
    const count = parseShards(args.shards);
    const pairs = await scanPairs(args, io);
    if (args.strategy !== undefined) pairs.push(["strategy", Buffer.from(args.strategy)]);
    const { tally, met } = await survey(pairs, count, output, io);
    const shards = tally.shards.map(({ entries, bytes }) => ({
      entries,
      bytes: Math.round(bytes),
      seconds: secondsFor({ entries, bytes }, rates),
    }));
    const whole = { entries: tally.entries, bytes: tally.bytes };
    const skew = {
      entries: skewOf(shards.map(({ entries }) => entries)),
      bytes: skewOf(shards.map(({ bytes }) => bytes)),
    };
    const fair = secondsFor(whole, rates) / count;
    const whales = tally.largestFiles.list.filter(({ size }) => count > 1 && size / rates.bytesPerSecond > fair);
    const advice = advise(whole, tally.largestFiles.list[0]?.size ?? 0, rates);
    const folders = tally.largestDirectories;
    for (const line of bars(
      shards.map(({ entries, bytes, seconds }, index) => [
        `shard ${index}/${count}`,
        entries,
        `${plural(entries, "entry", "entries")}, ${formatBytes(bytes)}, about ${formatSeconds(seconds)}`,
      ]),
    ))
      output.line(line);
    output.line(
      `\nSkew (largest to mean): entries ${skew.entries.toFixed(3)}, bytes ${skew.bytes.toFixed(3)}; ${plural(tally.linkedNames, "name")} of files that have several`,
    );
    output.line(
      `Times at ${formatCount(rates.filesPerSecond)} files/s and ${formatCount(rates.bytesPerSecond / 1e6)} MB/s to a job; the walk took ${formatSeconds(met.seconds)}, and each job makes one`,
    );
    if (whales.length > 0)
      output.line(
        `\nFiles that alone take longer than an even share (${formatSeconds(fair)}): no number of shards divides them`,
      );
    for (const { size, item } of whales) output.line(`  ${formatBytes(size).padStart(10)}  ${escapeName(item)}`);
    output.line(`\nLargest directories:`);
    for (const [name, entries] of folders.slice(0, 5))
      output.line(`  ${formatCount(entries).padStart(12)}  ${escapeName(name)}`);
    output.line(
      `\nAdvice: ${plural(advice.shards, "shard")}${advice.shards > 1 ? ", each on a volume of its own (gen-fileset --topology pool)" : ""}: ${advice.reason}`,
    );
    output.object({
      shards: shards.map((part, index) => ({ shard: `${index}/${count}`, ...part })),
      skew,
      linked_names: tally.linkedNames,
      walk_seconds: met.seconds,
      failed: met.failed,
      unlistable: met.unlistable,
      rate_files: rates.filesPerSecond,
      rate_bytes: rates.bytesPerSecond,
      whales: whales.map(({ size, item }) => ({ ...jsonName("path", item), size })),
      largest_directories: folders.map(([name, entries]) => ({ ...jsonName("path", name), entries })),
      advice: { ...advice, topology: advice.shards > 1 ? "pool" : null },
    });
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};
