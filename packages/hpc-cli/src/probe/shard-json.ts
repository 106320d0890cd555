import { formatShard } from "@podheitor/hpc-shard";
import { jsonName } from "../text/listing";
import type { SampleFigures, ShardReport } from "./shard-report";

/** A report for programs: the last object of `shard-probe --json`. */
export function reportJson(report: ShardReport): object {
  const { shards, sample, skew, linkedNames, met, rates, whales, largestDirectories, advice } =
    report;
  return {
    shards: shards.map(({ entries, bytes, seconds }, index) => ({
      shard: `${index}/${shards.length}`,
      entries: entries.value,
      bytes: Math.round(bytes.value),
      ...(sample === undefined
        ? {}
        : {
            entries_plus_minus: Math.ceil(entries.plusMinus),
            bytes_plus_minus: Math.ceil(bytes.plusMinus),
          }),
      seconds,
    })),
    sample: sample === undefined ? null : sampleJson(sample, met.scanned),
    skew,
    linked_names: linkedNames,
    walk_seconds: met.seconds,
    failed: met.failed,
    unlistable: met.unlistable,
    rate_files: rates.filesPerSecond,
    rate_bytes: rates.bytesPerSecond,
    whales: whales.map(({ size, item }) => ({ ...jsonName("path", item), size })),
    largest_directories: largestDirectories.map(([name, entries]) => ({
      ...jsonName("path", name),
      entries,
    })),
    advice: { ...advice, topology: advice.shards > 1 ? "pool" : null },
  };
}

function sampleJson({ part, entries, limit, larger }: SampleFigures, scanned: number) {
  const { seen, seenBytes, least, most } = larger;
  return {
    part: formatShard(part),
    entries,
    scanned,
    bytes_of_files_below: limit,
    larger_files: { seen, seen_bytes: seenBytes, least, most },
  };
}
