import { shardInName, shardName } from "../fileset/names";

/** A backup job of a shard, as the catalog has it. */
export interface ShardJob {
  readonly jobId: number;
  readonly name: string;
  /** F, D or I. */
  readonly level: string;
  /** T ok, W ok with warnings, R and others: runs or waits; the rest did not end well. */
  readonly status: string;
  /** Epoch seconds: when the Director wanted it to run. */
  readonly scheduled: number;
  /** Epoch seconds; 0: it has not ended. */
  readonly end: number;
  /** The catalog's number of its FileSet: another text, another number. */
  readonly fileSet: number;
  /** Its list of files was pruned. */
  readonly purged: boolean;
  /** Names that it saved. */
  readonly files: number;
  readonly client: string;
}

/**
 * The jobs that are together a shard at some moment: a Full, at most one Differential,
 * Incrementals.
 */
export interface Chain {
  readonly name: string;
  readonly index: number;
  readonly jobs: readonly ShardJob[];
}

export interface GenerationPlan {
  readonly shards: number;
  readonly chains: readonly Chain[];
  /** Names of the jobs that have no good Full; a plan is complete without any. */
  readonly missing: readonly string[];
  readonly warnings: readonly string[];
}

const GOOD = "TW";
const RUNNING = "RCFSMstjdcpLlaiqB";

/**
 * The tree of `prefix` as it was at `before`. `jobs` are ordered by their start. Undefined when the
 * catalog has no job of such a name by then. Of sets with different numbers of shards the complete
 * one with the newest job is taken, else the one that lacks the fewest.
 */
export function planGeneration(
  prefix: string,
  jobs: readonly ShardJob[],
  before: number,
): GenerationPlan | undefined {
  const sets = new Map<number, Map<number, ShardJob[]>>();
  for (const job of jobs) {
    const shard = shardInName(job.name);
    if (shard === undefined || shard.prefix !== prefix || shard.index >= shard.count) continue;
    const set = sets.get(shard.count) ?? new Map<number, ShardJob[]>();
    set.set(shard.index, [...(set.get(shard.index) ?? []), job]);
    sets.set(shard.count, set);
  }
  const plans = [...sets].map(([count, set]) => planSet(prefix, count, set, before));
  const newest = (plan: GenerationPlan) =>
    Math.max(0, ...plan.chains.flatMap((chain) => chain.jobs.map(({ end }) => end)));
  plans.sort((a, b) => a.missing.length - b.missing.length || newest(b) - newest(a));
  const [best, ...others] = plans.filter((plan) => plan.chains.length > 0);
  if (best === undefined) return undefined;
  const also = others.map((other) =>
    newest(other) > newest(best) && other.missing.length > 0
      ? `the set of ${other.shards} shards is newer and not complete, so this plan is of ${best.shards} shards, and older: no good Full of ${other.missing.join(", ")}`
      : `there are jobs of ${other.shards} shards of this tree, too: they are another split, and not part of this plan`,
  );
  return { ...best, warnings: [...also, ...best.warnings] };
}

function planSet(
  prefix: string,
  count: number,
  set: ReadonlyMap<number, readonly ShardJob[]>,
  before: number,
): GenerationPlan {
  const chains: Chain[] = [];
  const missing: string[] = [];
  const warnings: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = shardName(prefix, index, count);
    const all = set.get(index) ?? [];
    const jobs = chainOf(all, before);
    if (jobs.length === 0) missing.push(name);
    else chains.push({ name, index, jobs });
    warnings.push(...remarks(name, all, jobs, before));
  }
  warnings.push(...stale(chains, [...set.values()], before));
  return { shards: count, chains, missing, warnings };
}

function isGood({ status, end }: ShardJob, before: number): boolean {
  return GOOD.includes(status) && end > 0 && end <= before;
}

/**
 * The last good Full that had ended, the last good Differential after it, the good Incrementals
 * after that.
 */
function chainOf(all: readonly ShardJob[], before: number): ShardJob[] {
  const good = all.filter((job) => isGood(job, before));
  const full = good.findLastIndex(({ level }) => level === "F");
  if (full < 0) return [];
  const differential = good.findLastIndex(({ level }) => level === "D");
  const from = Math.max(full, differential);
  const head = good.slice(full, full + 1);
  if (differential > full) head.push(...good.slice(differential, differential + 1));
  return [...head, ...good.slice(from + 1).filter(({ level }) => level === "I")];
}

/** What makes the shard older than it might be, or its chain unusable. */
function* remarks(
  name: string,
  all: readonly ShardJob[],
  chain: readonly ShardJob[],
  before: number,
): Generator<string> {
  const newest = chain.at(-1);
  const later = all.slice(newest === undefined ? 0 : all.indexOf(newest) + 1);
  for (const job of later) {
    const how = unfinished(job, before);
    if (how !== undefined)
      yield `${name}: job ${job.jobId} ${how}, so this shard is older than that`;
  }
  for (const [at, { jobId, purged, fileSet }] of chain.entries()) {
    if (purged)
      yield `${name}: the file list of job ${jobId} was pruned; bscan brings it back from the volumes`;
    const previous = chain[at - 1];
    if (previous !== undefined && previous.fileSet !== fileSet)
      yield `${name}: the FileSet changed between jobs ${previous.jobId} and ${jobId} without a new Full`;
  }
}

/**
 * Why a job is not in the plan that was to run by `before`. A generation whose jobs ended on both
 * sides of that time is half in it.
 */
function unfinished({ status, scheduled, end }: ShardJob, before: number): string | undefined {
  if (scheduled > before) return undefined;
  if (end > before) return "had not ended by then";
  if (RUNNING.includes(status)) return "still runs";
  return GOOD.includes(status) ? undefined : "did not end well";
}

/**
 * Shards whose newest job lies two or more generations back: another shard has had two good jobs
 * since. Such a job was not even tried.
 */
function* stale(
  chains: readonly Chain[],
  sets: readonly (readonly ShardJob[])[],
  before: number,
): Generator<string> {
  for (const { name, jobs } of chains) {
    const newest = jobs.at(-1)?.scheduled ?? 0;
    const since = sets.map(
      (all) => all.filter((job) => isGood(job, before) && job.scheduled > newest).length,
    );
    const most = Math.max(0, ...since);
    if (most >= 2)
      yield `${name}: has no good job since ${most} of another shard's, so it is older than the others`;
  }
}

/**
 * What bconsole is told. All jobs in one command: Bacula then takes the newest of each name, and
 * leaves out what was deleted.
 */
export function restoreCommand(
  plan: GenerationPlan,
  options: { readonly where: string; readonly restoreJob?: string | undefined },
): string {
  const jobs = plan.chains.flatMap((chain) => chain.jobs);
  const ids = jobs.map(({ jobId }) => jobId).sort((a, b) => a - b);
  const restoreJob =
    options.restoreJob === undefined ? "" : ` restorejob=${quoted(options.restoreJob)}`;
  const client = quoted(jobs[0]?.client ?? "");
  return `restore jobid=${ids.join(",")} client=${client}${restoreJob} where=${quoted(options.where)} all done yes`;
}

/** Bare where the console needs no quotes. */
function quoted(text: string): string {
  return /^[A-Za-z0-9._/-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
