import type { RecordCursor } from "@podheitor/hpc-walker";

/**
 * What of an entry a strategy may look at: all of it is in the record, nothing is asked of the
 * filesystem.
 */
export type Placed = Pick<
  RecordCursor,
  "inoHashLo" | "inoHashHi" | "mtimeSeconds" | "nlink" | "kind" | "dir" | "mdts"
>;

/**
 * Answer of a strategy that lets every shard take an entry, because it cannot know that another one
 * will.
 */
export const EVERY_SHARD = -1;

/** The shard, 0 to N-1, that takes an entry, or {@link EVERY_SHARD}. */
export type Place = (entry: Placed) => number;
