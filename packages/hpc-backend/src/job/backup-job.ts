import { setTimeout as after } from "node:timers/promises";
import { cancelled, printable } from "@podheitor/hpc-archive";
import { MineOnly } from "@podheitor/hpc-shard";
import { Checks } from "../dialogue/checks";
import { BatchEmitter } from "../emit/batch-emitter";
import { FLUSH_IDLE_MS } from "../limits";
import { requireDescriptors } from "../params/descriptors";
import { planScan } from "../params/plan";
import { shardingOf } from "../params/sharding";
import { uncovered } from "../params/uncovered";
import { openScan } from "../source/scan-source";
import type { EntrySource, Position } from "../source/source";
import { BackOffReport } from "./back-off";
import type { BackupJob } from "./backup-types";
import { LostNames, wholeText } from "./lost-names";
import { ShardSet } from "./shard-set";
import { TargetWatch } from "./target-watch";

/** What is left to do once the receiver has confirmed that it has all of the job, and not before. */
export type Confirm = () => Promise<void>;

/**
 * Sends every entry of the job's source to the sink. On return all of them have been appended and
 * the accounting is complete; whoever hears the receiver confirm the end then calls what was
 * returned. Rejects with HPC_CANCELLED when the signal fires, with the source's error when that
 * fails, and with the sink's when the receiver is gone.
 */
export async function runBackup(job: BackupJob): Promise<Confirm> {
  requireDescriptors();
  const sharding = await shardingOf(job.params, job.jobName ?? "");
  const before = LostNames.before(job);
  const since = before?.all ? undefined : job.since;
  const checks = job.ask === undefined || since === undefined ? undefined : new Checks(job.ask);
  const { content } = job;
  const whole = before?.paths ?? [];
  const plan = await planScan(job.params, {
    since,
    keepOlder: checks !== undefined,
    whole,
    content,
    sharding,
  });
  for (const note of plan.notes) job.messages.say("info", note);
  for (const warning of plan.warnings) job.messages.say("warning", warning);
  const set = sharding.shard.count > 1 ? new ShardSet(job.params, sharding.shard) : undefined;
  if (set !== undefined) job.messages.say("info", set.description);
  // Only the Director's jobs are generations: an estimate saves nothing, and archives are made by
  // hand.
  const record = job.jobName !== undefined && job.content ? set : undefined;
  for (const { level, text } of record?.start(Math.floor(Date.now() / 1000)) ?? [])
    job.messages.say(level, text);
  const { tree, paths, otherPaths } = job.params;
  const gaps = tree === undefined ? [] : await uncovered(tree, [...paths, ...otherPaths]);
  for (const gap of gaps) job.messages.say("warning", gap);
  if (before !== undefined) job.messages.say("info", wholeText(before));
  for (const caveat of sharding.caveats) job.messages.say("info", caveat);
  const watch: TargetWatch = new TargetWatch(plan.filesystems, {
    degraded: job.params.degraded,
    messages: job.messages,
    failed: () => source?.stop(),
  });
  let source: EntrySource | undefined;
  await watch.look();
  job.signal?.throwIfAborted();

  source = (job.openSource ?? openScan)(plan.scan);
  job.sums.waits.scan = () => source?.stats().waits;
  const stop = () => source?.stop();
  job.signal?.addEventListener("abort", stop, { once: true });
  const lost = new LostNames(job, watch, before);
  const emitter = new BatchEmitter(
    { ...job, trouble: lost.trouble },
    {
      asks: checks !== undefined,
      native: source.capabilities.frames,
      skipReleased: plan.scan.skipReleased === true,
      projects: plan.scan.projects !== undefined,
      filesystems: plan.filesystems,
    },
  );
  const mine = sharding.byInode ? undefined : new MineOnly(sharding);
  const backOff = plan.scan.backOff
    ? new BackOffReport(plan.scan.threads, job.messages)
    : undefined;
  let position: Position | undefined;
  try {
    position = await pump(source, mine, emitter, checks, job, backOff);
    backOff?.end(source.stats());
    await watch.look();
    lost.end();
    // A shard that is not by inode need not meet every name.
    if (sharding.byInode && source.capabilities.everyName) sayIdle(source, job);
    if (job.sums.released > 0) job.messages.say("warning", releasedText(job.sums.released));
    job.sums.filteredShard += mine?.dropped ?? 0;
    account(source, job);
  } catch (error) {
    throw job.signal?.aborted ? cancelled() : (watch.problem ?? error);
  } finally {
    job.signal?.removeEventListener("abort", stop);
    await emitter.close();
    await source.close();
  }
  job.messages.close();
  return async () => {
    record?.completed(Math.floor(Date.now() / 1000));
    if (position !== undefined) await source.commit?.(position);
  };
}

function releasedText(count: number): string {
  const files = count === 1 ? "1 file is" : `${count} files are`;
  return `${files} not saved, because HSM has released them: their data lies in the archive of HSM only; hsm=recall brings it back and saves it`;
}

/** Settles at the end of the source, with the last position that it gave. */
async function pump(
  source: EntrySource,
  mine: MineOnly | undefined,
  emitter: BatchEmitter,
  checks: Checks | undefined,
  job: BackupJob,
  backOff: BackOffReport | undefined,
): Promise<Position | undefined> {
  let position: Position | undefined;
  // What is asked about, or left out here, has to be looked at entry by entry.
  const straight = checks === undefined && mine === undefined;
  for (;;) {
    if (!straight || !(await emitter.pull(source))) {
      const pending = source.next();
      if (checks !== undefined) await answersWhileWaiting(pending, emitter, checks);
      const change = await pending;
      if (change === undefined) break;
      if (change.kind === "batch")
        await emitter.batch(mine?.of(change.bytes) ?? change.bytes, checks);
      else if (change.kind === "deleted") await emitter.deleted(change.names);
      else position = Buffer.from(change.position);
    }
    backOff?.look(source.stats());
    job.progress?.();
  }
  // The receiver is promised at most CHECK_UNANSWERED questions, the last one included.
  while (checks?.full) await emitter.answer(checks);
  checks?.flush();
  while (checks !== undefined && checks.unanswered > 0) await emitter.answer(checks);
  await emitter.unchangedLinks();
  return position;
}

/**
 * Until the next batch is there: takes answers as they come, and does not keep a question back when
 * nothing else happens.
 */
async function answersWhileWaiting(
  pending: Promise<unknown>,
  emitter: BatchEmitter,
  checks: Checks,
): Promise<void> {
  const arrived = pending.then(
    () => "batch" as const,
    () => "batch" as const,
  );
  for (;;) {
    const idle = new AbortController();
    const quiet = after(FLUSH_IDLE_MS, "idle" as const, { signal: idle.signal }).catch(
      () => "idle" as const,
    );
    const answered = checks.oldest()?.then(() => "answer" as const);
    const event = await Promise.race(
      answered === undefined ? [arrived, quiet] : [arrived, answered, quiet],
    );
    idle.abort();
    if (event === "batch") return;
    if (event === "answer") await emitter.answer(checks);
    else if (!checks.full) checks.flush();
  }
}

/** A pattern that is misspelt leaves nothing out, and nobody would know. */
function sayIdle(source: EntrySource, { params, messages }: BackupJob): void {
  for (const index of source.idleExcludes?.() ?? []) {
    const pattern = params.excludes[index];
    if (pattern !== undefined)
      messages.say("info", `exclude ${printable(pattern)} matched nothing`);
  }
}

/** Adds what the engine counted to what the emitter counted. */
function account(source: EntrySource, job: BackupJob): void {
  const stats = source.stats();
  const { sums } = job;
  sums.scanned += stats.scanned;
  sums.filteredShard += stats.filteredShard;
  sums.filteredSince += stats.filteredOlder;
  sums.vanished += stats.vanished;
  sums.failed += stats.failed;
  sums.listedDirectories += stats.dirsListed;
  sums.unlistedDirectories += stats.dirsFailed;
  sums.filteredOther += stats.filteredExcluded;
  sums.prunedDirectories += stats.dirsPrunedMarker + stats.dirsPrunedFilesystem;
  if (!sums.balanced) {
    job.messages.say(
      "error",
      `the sums do not add up: scanned ${sums.scanned}, emitted ${sums.emitted}, filtered ${sums.filtered}, ` +
        `vanished ${sums.vanished}, failed ${sums.failed}`,
    );
  }
}
