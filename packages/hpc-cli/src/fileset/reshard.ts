import { shardName } from "./names";

/** What to do, in order, when a tree goes from `from` to `to` shards. */
export function reshardPlan(prefix: string, from: number, to: number): string[] {
  const old = `${shardName(prefix, 0, from)} … ${shardName(prefix, from - 1, from)}`;
  const next = `${shardName(prefix, 0, to)} … ${shardName(prefix, to - 1, to)}`;
  return [
    `Let the running jobs of the old set (${old}) end; start no more of them: an entry's shard depends on the number of shards, so a mixture of both sets is no tree.`,
    `Generate the new set: podheitor-hpc gen-fileset … --shards ${to}. Its jobs and FileSets have names of their own (${next}).`,
    "Keep the old Job, FileSet and Pool resources in the Director, without a schedule, as long as you want to restore from them.",
    `Include the new files, reload, and run all ${to} new jobs. They have no earlier Full, so Bacula makes the first run of each a Full, whatever level was asked for: plan time and volumes for a Full.`,
    `Incrementals of the new set follow the new Fulls. Nothing of the old set counts for them, nor for accurate jobs' lists of files.`,
    `Until all ${to} new Fulls are good, restore from the old set: podheitor-hpc restore-plan --job-prefix ${prefix} takes the complete one, and says so.`,
    "Let the old volumes go by their retention, and only then remove the old resources: a Director that does not know a job's Pool or FileSet any more makes restores of it hard.",
  ];
}
