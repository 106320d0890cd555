export type { ShardErrorCode } from "./errors";
export { MAX_SHARDS } from "./limits";
export { mdtShards } from "./mdts";
export { MineOnly } from "./mine-only";
export { BUCKET_SECONDS, GENERATION_WINDOW, generationStart } from "./mtime";
export { EVERY_SHARD, type Placed } from "./place";
export { formatShard, parseShard, type Shard, shardOf, WHOLE } from "./shard";
export {
  isStrategyName,
  isSubtree,
  type ShardStrategy,
  STRATEGY_NAMES,
  type StrategyContext,
  type StrategyName,
  splitOf,
  strategyOf,
} from "./strategy";
