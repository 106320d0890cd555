import { parse } from "node:path";
import { usageError } from "./errors";

/**
 * Of `backup`: more archives than this at once is a mistake in the command line rather than a plan.
 */
export const MAX_CONCURRENT_SHARDS = 64;

/** `tree.hpc`, 1, 4 → `tree.1-of-4.hpc`; `tree`, 1, 4 → `tree.1-of-4`. */
export function shardArchive(archive: string, index: number, count: number): string {
  const { ext } = parse(archive);
  return `${archive.slice(0, archive.length - ext.length)}.${index}-of-${count}${ext}`;
}

/** The value of --shards, 1 to `most`. Throws HpcError. */
export function parseShards(text: string, most: number): number {
  const count = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most)
    throw usageError(
      `--shards ${text} is not a number of shards`,
      `Give a number from 1 to ${most}.`,
    );
  return count;
}
