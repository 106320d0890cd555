import { writeFile } from "node:fs/promises";
import type { Surveyed } from "@podheitor/hpc-backend";
import { barChart } from "@podheitor/hpc-chart";
import { formatShard, type Shard } from "@podheitor/hpc-shard";
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
import { type Estimate, parseSample, Sample } from "../probe/sample";
import { scanOptions, scanPairs } from "../scan-options";
import { parseShards } from "../shards";

const options = {
  ...scanOptions,
  shards: { ...value("number of shards to try"), default: "4" },
  strategy: value("how the tree is split (docs/sharding.md); default: inode-hash"),
  sample: value("look at one entry of N only, chosen by lot, and say how far off the figures may be; K/N: that part"),
  svg: value("draw the entries of each shard to this file, as SVG"),
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
      .example("$0 shard-probe --path /lustre/scratch --sample 50", "in less time, with error bars")
      .epilogue(
        "Looks at every entry, so the split is exact, and takes as long as a walk. With --sample it lists every directory and stats one entry of N (where readdir tells inode numbers reliably; elsewhere all). Bytes of sparse files count with their holes.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const rates = ratesOf(args);
    const count = parseShards(args.shards);
    const pairs = await scanPairs(args, io);
    if (args.strategy !== undefined) pairs.push(["strategy", Buffer.from(args.strategy)]);
    const asked = args.sample;
    const part = asked === undefined ? undefined : parseSample(asked, args.strategy, count);
    const sample = part === undefined ? undefined : { part, sums: new Sample(part.count, count) };
    const { tally, met } = await survey(pairs, count, output, io, sample);
    const of = part?.count ?? 1;
    const shards = tally.shards.map(
      ({ entries, bytes }, index): ShardFigures => ({
        entries: sample?.sums.entries(index) ?? exactly(entries),
        bytes: sample?.sums.bytes(index) ?? exactly(Math.round(bytes)),
        seconds: secondsFor({ entries: of * entries, bytes: of * bytes }, rates),
      }),
    );
    const skew = {
      entries: skewOf(shards.map(({ entries }) => entries.value)),
      // A sample's differences are those of a few large files.
      bytes: sample === undefined ? skewOf(shards.map(({ bytes }) => bytes.value)) : null,
    };
    const whole = { entries: of * tally.entries, bytes: of * tally.bytes };
    const fair = secondsFor(whole, rates) / count;
    const whales = tally.largestFiles.list.filter(({ size }) => count > 1 && size / rates.bytesPerSecond > fair);
    const advice = advise(whole, tally.largestFiles.list[0]?.size ?? 0, rates);
    const folders = tally.largestDirectories.map(([name, entries]) => [name, of * entries] as const);
    const about = of === 1 ? "" : "about ";
    const rows = shards.map(({ entries, bytes, seconds }, index) => {
      const known = [`${estimated(entries, formatCount)} entries`];
      if (sample === undefined) known.push(formatBytes(bytes.value));
      else if (sample.sums.limit > 0)
        known.push(`${estimated(bytes, formatBytes)} in files below ${formatBytes(sample.sums.limit)}`);
      return [
        `shard ${index}/${count}`,
        entries.value,
        `${known.join(", ")}, about ${formatSeconds(seconds)}`,
      ] as const;
    });
    for (const line of bars(rows)) output.line(line);
    if (part !== undefined && sample !== undefined) sayOfSample(output, part, sample.sums, tally.entries, met);
    output.line(
      `\nSkew (largest to mean): entries ${skew.entries.toFixed(3)}${skew.bytes === null ? "" : `, bytes ${skew.bytes.toFixed(3)}`}; ${about}${plural(of * tally.linkedNames, "name")} of files that have several`,
    );
    output.line(
      `Times at ${formatCount(rates.filesPerSecond)} files/s and ${formatCount(rates.bytesPerSecond / 1e6)} MB/s to a job; the walk took ${formatSeconds(met.seconds)}${of === 1 ? ", and each job makes one" : ""}`,
    );
    if (whales.length > 0)
      output.line(
        `\nFiles that alone take longer than an even share (${about}${formatSeconds(fair)}): no number of shards divides them`,
      );
    for (const { size, item } of whales) output.line(`  ${formatBytes(size).padStart(10)}  ${escapeName(item)}`);
    output.line(`\nLargest directories${of === 1 ? "" : " (by the sample)"}:`);
    for (const [name, entries] of folders.slice(0, 5))
      output.line(`  ${formatCount(entries).padStart(12)}  ${escapeName(name)}`);
    output.line(
      `\nAdvice: ${plural(advice.shards, "shard")}${advice.shards > 1 ? ", each on a volume of its own (gen-fileset --topology pool)" : ""}: ${advice.reason}`,
    );
    output.object({
      shards: shards.map(({ entries, bytes, seconds }, index) => ({
        shard: `${index}/${count}`,
        entries: entries.value,
        bytes: Math.round(bytes.value),
        ...(sample === undefined
          ? {}
          : { entries_plus_minus: Math.ceil(entries.plusMinus), bytes_plus_minus: Math.ceil(bytes.plusMinus) }),
        seconds,
      })),
      sample:
        part === undefined || sample === undefined
          ? null
          : {
              part: formatShard(part),
              entries: tally.entries,
              scanned: met.scanned,
              bytes_of_files_below: sample.sums.limit,
              larger_files: larger(sample.sums),
            },
      skew,
      linked_names: of * tally.linkedNames,
      walk_seconds: met.seconds,
      failed: met.failed,
      unlistable: met.unlistable,
      rate_files: rates.filesPerSecond,
      rate_bytes: rates.bytesPerSecond,
      whales: whales.map(({ size, item }) => ({ ...jsonName("path", item), size })),
      largest_directories: folders.map(([name, entries]) => ({ ...jsonName("path", name), entries })),
      advice: { ...advice, topology: advice.shards > 1 ? "pool" : null },
    });
    if (args.svg !== undefined) {
      const title = `${plural(count, "shard")}: entries of each${of === 1 ? "" : `, by a sample of one in ${of}`}`;
      await writeFile(
        args.svg,
        barChart(
          title,
          rows.map(([label, value, text]) => ({ label, value, text })),
        ),
      );
      output.message("info", `wrote ${args.svg}`);
    }
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

interface ShardFigures {
  readonly entries: Estimate;
  readonly bytes: Estimate;
  readonly seconds: number;
}

const exactly = (value: number): Estimate => ({ value, plusMinus: 0 });

function estimated({ value, plusMinus }: Estimate, format: (value: number) => string): string {
  return plusMinus === 0 ? format(value) : `${format(value)} ± ${format(Math.ceil(plusMinus))}`;
}

function larger(sums: Sample) {
  const { seen, seenBytes, least, most } = sums.larger;
  return { seen, seen_bytes: seenBytes, least, most };
}

/** What the figures rest on, and what they leave out. */
function sayOfSample(output: Output, part: Shard, sums: Sample, seen: number, { scanned }: Surveyed): void {
  output.line(
    `\nA sample of one in ${part.count} (--sample ${formatShard(part)} is the same again): ${formatCount(seen)} of ${formatCount(scanned)} entries. Each ± holds 19 times in 20.`,
  );
  const { seen: seenFiles, seenBytes, least, most } = sums.larger;
  if (sums.limit === 0)
    output.message("warning", "too few files were seen to say anything of bytes: take a larger sample, or none");
  else
    output.line(
      `Files of ${formatBytes(sums.limit)} and more: ${formatCount(least)} to ${formatCount(most)} (seen: ${formatCount(seenFiles)}, ${formatBytes(seenBytes)}). How large they are, and in which shards, only a probe without --sample can say.`,
    );
}
