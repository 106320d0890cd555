import { textBars } from "@podheitor/hpc-report";
import { formatShard } from "@podheitor/hpc-shard";
import type { Output } from "../output";
import { escapeName } from "../text/escape";
import { formatBytes, formatCount, formatSeconds, plural } from "../text/format";
import type { Estimate } from "./sample";
import type { SampleFigures, ShardReport } from "./shard-report";

/** Of how many of the largest directories people are told. */
const DIRECTORIES = 5;

/** A report for people. A sample that says nothing of bytes is a warning. */
export function printReport(report: ShardReport, output: Output): void {
  const { sample, skew, linkedNames, met, rates, advice } = report;
  for (const line of textBars(shardRows(report))) output.line(line);
  if (sample !== undefined) printSample(sample, met.scanned, output);
  const about = sample === undefined ? "" : "about ";
  output.line(
    `\nSkew (largest to mean): entries ${skew.entries.toFixed(3)}${skew.bytes === null ? "" : `, bytes ${skew.bytes.toFixed(3)}`}; ${about}${plural(linkedNames, "name")} of files that have several`,
  );
  output.line(
    `Times at ${formatCount(rates.filesPerSecond)} files/s and ${formatCount(rates.bytesPerSecond / 1e6)} MB/s to a job; the walk took ${formatSeconds(met.seconds)}${sample === undefined ? ", and each job makes one" : ""}`,
  );
  if (report.whales.length > 0)
    output.line(
      `\nFiles that alone take longer than an even share (${about}${formatSeconds(report.fairSeconds)}): no number of shards divides them`,
    );
  for (const { size, item } of report.whales)
    output.line(`  ${formatBytes(size).padStart(10)}  ${escapeName(item)}`);
  output.line(`\nLargest directories${sample === undefined ? "" : " (by the sample)"}:`);
  for (const [name, entries] of report.largestDirectories.slice(0, DIRECTORIES))
    output.line(`  ${formatCount(entries).padStart(12)}  ${escapeName(name)}`);
  output.line(
    `\nAdvice: ${plural(advice.shards, "shard")}${advice.shards > 1 ? ", each on a volume of its own (gen-fileset --topology pool)" : ""}: ${advice.reason}`,
  );
}

type Row = readonly [label: string, entries: number, text: string];

/** A row for each shard: what it is called, its entries, and what is known of it in words. */
export function shardRows({ shards, sample }: ShardReport): Row[] {
  return shards.map(({ entries, bytes, seconds }, index) => {
    const known = [`${estimated(entries, formatCount)} entries`];
    if (sample === undefined) known.push(formatBytes(bytes.value));
    else if (sample.limit > 0)
      known.push(`${estimated(bytes, formatBytes)} in files below ${formatBytes(sample.limit)}`);
    const text = `${known.join(", ")}, about ${formatSeconds(seconds)}`;
    return [`shard ${index}/${shards.length}`, entries.value, text];
  });
}

/** What the figures rest on, and what they leave out. */
function printSample(
  { part, entries, limit, larger }: SampleFigures,
  scanned: number,
  output: Output,
): void {
  output.line(
    `\nA sample of one in ${part.count} (--sample ${formatShard(part)} is the same again): ${formatCount(entries)} of ${formatCount(scanned)} entries. Each ± holds 19 times in 20.`,
  );
  if (limit === 0)
    output.message(
      "warning",
      "too few files were seen to say anything of bytes: take a larger sample, or none",
    );
  else
    output.line(
      `Files of ${formatBytes(limit)} and more: ${formatCount(larger.least)} to ${formatCount(larger.most)} (seen: ${formatCount(larger.seen)}, ${formatBytes(larger.seenBytes)}). How large they are, and in which shards, only a probe without --sample can say.`,
    );
}

function estimated({ value, plusMinus }: Estimate, format: (value: number) => string): string {
  return plusMinus === 0 ? format(value) : `${format(value)} ± ${format(Math.ceil(plusMinus))}`;
}
