import type { Part } from "./tally";

export interface Rates {
  readonly filesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Seconds that one job needs for this. */
export function secondsFor({ entries, bytes }: Part, rates: Rates): number {
  return entries / rates.filesPerSecond + bytes / rates.bytesPerSecond;
}

/** More jobs than this at once are a matter of taste and of drives, not of a program. */
const MOST = 16;
/** A job that takes less is not worth dividing: each one walks all directories. */
const WORTH_SECONDS = 600;

export interface Advice {
  readonly shards: number;
  readonly reason: string;
}

/**
 * How many shards are worth while. `largestFile` in bytes: a file is not divided, so no split is
 * faster than it.
 */
export function advise(whole: Part, largestFile: number, rates: Rates): Advice {
  const total = secondsFor(whole, rates);
  const whale = largestFile / rates.bytesPerSecond;
  const wanted = Math.max(1, Math.ceil(total / WORTH_SECONDS));
  const useful = whale > 0 ? Math.max(1, Math.floor(total / whale)) : wanted;
  const shards = Math.min(MOST, wanted, useful);
  if (shards === 1 && wanted === 1) return { shards, reason: "one job is done in ten minutes" };
  if (shards === useful && useful < wanted)
    return { shards, reason: "with more, the largest file would still be the longest" };
  if (shards === MOST && wanted > MOST)
    return { shards, reason: `${MOST} jobs at once; more need as many drives` };
  return { shards, reason: "about ten minutes to a job" };
}

/** Largest over mean; 1 is even. */
export function skewOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return mean === 0 ? 1 : Math.max(...values) / mean;
}
