import { EVERY_SHARD, type Place } from "./place";

/** Width of a bucket in seconds: a day. */
export const BUCKET_SECONDS = 86_400;

/**
 * How far apart the Director may schedule the jobs of one generation, in seconds; also more than
 * clocks differ.
 */
export const GENERATION_WINDOW = 3600;

/**
 * Day d since the epoch (UTC, by mtime) belongs to shard d mod N, so consecutive days go round the
 * shards.
 *
 * From `generationStart` (epoch seconds) on an entry belongs to every shard. A file that is written
 * while the jobs run has two mtimes, and which one a job sees depends on when it looks. If one job
 * sees the new one it takes the file; if none does, all saw the old one and agree. That holds for
 * any start that is not after the first look of the first job, and the jobs need not even have the
 * same one. Handing such files to one shard only would lose those that this shard met before they
 * were written.
 */
export function placeByMtime(count: number, generationStart: number): Place {
  return ({ mtimeSeconds }) => {
    if (mtimeSeconds >= generationStart) return EVERY_SHARD;
    const day = Math.floor(mtimeSeconds / BUCKET_SECONDS);
    return ((day % count) + count) % count;
  };
}

/**
 * A start that is not after the first look of any job of a generation. A job waits for its turn as
 * long as it likes, so the time that counts is when it was scheduled: the Director writes it into
 * the job's unique name (`Name.2026-11-25_23.05.00_07`, in its time zone, which must be this
 * machine's). Both times in epoch seconds.
 */
export function generationStart(jobName: string, now: number): number {
  const match = /\.(\d{4})-(\d\d)-(\d\d)_(\d\d)\.(\d\d)\.(\d\d)_\d+$/.exec(jobName);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (
    match?.slice(1) ?? []
  ).map(Number);
  const scheduled =
    match === null ? now : new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
  return Math.floor(Math.min(now, scheduled)) - GENERATION_WINDOW;
}
