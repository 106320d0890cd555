import {
  generationStart,
  type ShardStrategy,
  splitOf,
  strategyOf,
  WHOLE,
} from "@podheitor/hpc-shard";
import { hostMdts } from "./mdts";
import type { JobParams } from "./params";

/**
 * The strategy of a job. `jobName` is the Director's unique one, empty without a Director; `now` in
 * epoch seconds.
 */
export async function shardingOf(
  params: Pick<JobParams, "paths" | "shard" | "strategy">,
  jobName: string,
  now = Date.now() / 1000,
): Promise<ShardStrategy> {
  const shard = params.shard ?? WHOLE;
  const mdts =
    shard.count > 1 && splitOf(params.strategy) === "lustre-mdt"
      ? await hostMdts(params.paths)
      : undefined;
  return strategyOf(params.strategy, shard, {
    generationStart: generationStart(jobName, now),
    mdts,
  });
}
