import type { RecordCursor } from "@podheitor/hpc-walker";
import { ShardError } from "./errors";
import { formatShard, type Shard, shardOf } from "./shard";

/** What the plugin string may say after `strategy=`. */
export type StrategyName = "none" | "inode-hash";

/** Decides which entries of a scan belong to a shard: a pure function over the ENTRY that the cursor stands on. */
export interface ShardStrategy {
  readonly name: StrategyName;
  readonly shard: Shard;
  /** All names of one inode land in the same shard. */
  readonly keepsHardLinks: boolean;
  mine(entry: Pick<RecordCursor, "inoHashLo" | "inoHashHi">): boolean;
}

/** Everything is mine. Only a single shard can have it: two would hand out every entry twice. */
export function none(shard: Shard): ShardStrategy {
  if (shard.count !== 1) {
    throw new ShardError(
      "HPC_BAD_STRATEGY",
      `strategy "none" cannot split into ${shard.count} shards (shard=${formatShard(shard)})`,
      "Use strategy=inode-hash, or leave the shard key out.",
    );
  }
  return { name: "none", shard, keepsHardLinks: true, mine: () => true };
}

/**
 * xxh3_64 of the inode number modulo the count. The shards of one tree are disjoint and their union is the tree, with
 * every name of an inode in one of them, however the tree is walked.
 */
export function inodeHash(shard: Shard): ShardStrategy {
  const { index, count } = shard;
  return {
    name: "inode-hash",
    shard,
    keepsHardLinks: true,
    mine: (entry) => shardOf(entry.inoHashLo, entry.inoHashHi, count) === index,
  };
}

const STRATEGIES: Readonly<Record<StrategyName, (shard: Shard) => ShardStrategy>> = { none, "inode-hash": inodeHash };

/** The names that {@link strategyOf} knows. */
export const STRATEGY_NAMES = Object.keys(STRATEGIES) as readonly StrategyName[];

/** Throws HPC_BAD_STRATEGY for a name that does not exist or cannot split. */
export function strategyOf(name: string, shard: Shard): ShardStrategy {
  if (!Object.hasOwn(STRATEGIES, name)) {
    throw new ShardError(
      "HPC_BAD_STRATEGY",
      `strategy "${name}" does not exist`,
      `Choose one of: ${STRATEGY_NAMES.join(", ")}.`,
    );
  }
  return STRATEGIES[name as StrategyName](shard);
}
