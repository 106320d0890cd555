import { barChart } from "@podheitor/hpc-report";
import { plural } from "../text/format";
import type { ShardReport } from "./shard-report";
import { shardRows } from "./shard-text";

/** The entries of each shard, as SVG. */
export function shardChart(report: ShardReport): string {
  const { shards, sample } = report;
  const by = sample === undefined ? "" : `, by a sample of one in ${sample.part.count}`;
  const rows = shardRows(report).map(([label, value, text]) => ({ label, value, text }));
  return barChart(`${plural(shards.length, "shard")}: entries of each${by}`, rows);
}
