import type { Surveyed } from "@podheitor/hpc-backend";
import type { Shard } from "@podheitor/hpc-shard";
import { usageError } from "../errors";
import type { Io } from "../io";
import type { Pairs } from "../key-options";
import { valueOr } from "../options";
import type { Output } from "../output";
import type { Rates } from "./predict";
import { FILES_PER_SECOND, MEGABYTES_PER_SECOND } from "./rates";
import type { Sample } from "./sample";
import { Tally } from "./tally";

export const rateOptions = {
  "rate-files": valueOr(
    String(FILES_PER_SECOND),
    "predict for this many files per second of one job",
  ),
  "rate-mb": valueOr(
    String(MEGABYTES_PER_SECOND),
    "predict for this many megabytes per second of one job",
  ),
} as const;

export function ratesOf(args: {
  readonly "rate-files": string;
  readonly "rate-mb": string;
}): Rates {
  return {
    filesPerSecond: positive(args["rate-files"], "--rate-files"),
    bytesPerSecond: positive(args["rate-mb"], "--rate-mb") * 1e6,
  };
}

/**
 * Scans what the pairs name; a Tally with one part for each of `shards`. sample: looks at that part
 * of the entries only.
 */
export async function survey(
  pairs: Pairs,
  shards: number,
  output: Output,
  io: Io,
  sample?: { readonly part: Shard; readonly sums: Sample },
): Promise<{ tally: Tally; met: Surveyed }> {
  const { parseParams, shardingOf, surveyTree } = await import("@podheitor/hpc-backend");
  const params = parseParams([...pairs, ["shard", Buffer.from(`0/${shards}`)]]);
  const sharding = await shardingOf(params, "");
  const tally = new Tally(sharding, sample?.sums);
  const met = await surveyTree(params, tally, {
    signal: io.signal,
    sample: sample?.part,
    byMdt: sharding.byMdt,
    progress: () => output.progress({ entries: tally.entries, bytes: tally.bytes, failed: 0 }),
  });
  output.endProgress();
  const unseen = met.failed + met.unlistable;
  if (unseen > 0)
    output.message(
      "warning",
      `${met.failed} entries could not be looked at, ${met.unlistable} directories not listed in full: they are not in the figures`,
    );
  return { tally, met };
}

function positive(text: string, option: string): number {
  const number = /^\d{1,12}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(number > 0))
    throw usageError(`${option} ${text} is no number above 0`, `Write it as in ${option} 1000.`);
  return number;
}
