import type { Surveyed } from "@podheitor/hpc-backend";
import type { Shard } from "@podheitor/hpc-shard";
import { type Advice, advise, type Rates, secondsFor, skewOf } from "./predict";
import type { Estimate, Sample } from "./sample";
import type { Tally } from "./tally";

/** What one shard would save, and in how many seconds. */
interface ShardFigures {
  readonly entries: Estimate;
  readonly bytes: Estimate;
  readonly seconds: number;
}

/** What the figures rest on where not every entry was looked at. */
export interface SampleFigures {
  /** Which of how many parts was looked at. */
  readonly part: Shard;
  /** Entries in it. */
  readonly entries: number;
  /**
   * Bytes are those of files below this size; 0: too few files were seen to say anything of bytes.
   */
  readonly limit: number;
  readonly larger: Sample["larger"];
}

/** What each of the shards of a tree would save. */
export interface ShardReport {
  /** By their index. */
  readonly shards: readonly ShardFigures[];
  /** undefined: the figures are exact. */
  readonly sample: SampleFigures | undefined;
  /** Largest to mean; null: a sample's differences are those of a few large files. */
  readonly skew: { readonly entries: number; readonly bytes: number | null };
  /** Names of files that have more than one. */
  readonly linkedNames: number;
  readonly met: Surveyed;
  readonly rates: Rates;
  /** Seconds of a shard if all took the same time. */
  readonly fairSeconds: number;
  /** Files that alone take longer than that, largest first. */
  readonly whales: Tally["largestFiles"]["list"];
  /** By what lies directly in them, largest first. */
  readonly largestDirectories: readonly (readonly [name: Buffer, entries: number])[];
  readonly advice: Advice;
}

/**
 * Sums up a survey. `sample`: it looked at this part of the entries only, and the figures are
 * estimates.
 */
export function shardReport(
  { tally, met }: { readonly tally: Tally; readonly met: Surveyed },
  rates: Rates,
  sample?: { readonly part: Shard; readonly sums: Sample },
): ShardReport {
  const of = sample?.part.count ?? 1;
  const shards = tally.shards.map(
    ({ entries, bytes }, index): ShardFigures => ({
      entries: sample?.sums.entries(index) ?? exactly(entries),
      bytes: sample?.sums.bytes(index) ?? exactly(Math.round(bytes)),
      seconds: secondsFor({ entries: of * entries, bytes: of * bytes }, rates),
    }),
  );
  const whole = { entries: of * tally.entries, bytes: of * tally.bytes };
  const fairSeconds = secondsFor(whole, rates) / shards.length;
  const largest = tally.largestFiles.list;
  return {
    shards,
    sample: sample && sampleFigures(sample.part, sample.sums, tally.entries),
    skew: {
      entries: skewOf(shards.map(({ entries }) => entries.value)),
      bytes: sample === undefined ? skewOf(shards.map(({ bytes }) => bytes.value)) : null,
    },
    linkedNames: of * tally.linkedNames,
    met,
    rates,
    fairSeconds,
    whales: largest.filter(
      ({ size }) => shards.length > 1 && size / rates.bytesPerSecond > fairSeconds,
    ),
    largestDirectories: tally.largestDirectories.map(
      ([name, entries]) => [name, of * entries] as const,
    ),
    advice: advise(whole, largest[0]?.size ?? 0, rates),
  };
}

const exactly = (value: number): Estimate => ({ value, plusMinus: 0 });

function sampleFigures(part: Shard, { limit, larger }: Sample, entries: number): SampleFigures {
  return { part, entries, limit, larger };
}
