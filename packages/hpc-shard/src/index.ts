export { ShardError, type ShardErrorCode } from "./errors";
export { MAX_SHARDS } from "./limits";
export { formatShard, parseShard, type Shard, shardOf, WHOLE } from "./shard";
export { inodeHash, none, type ShardStrategy, STRATEGY_NAMES, type StrategyName, strategyOf } from "./strategy";
