import { causeOf } from "@podheitor/hpc-base";
import { encodeAccounting } from "@podheitor/hpc-ptcomm";
import { formatShard } from "@podheitor/hpc-shard";
import { archiveHeader } from "../archive/archive-format";
import { encodeNote, type Note } from "../archive/archive-note";
import { openArchiveOutput } from "../archive/archive-output";
import { Emitter } from "../emit/emitter";
import { Hpc1Sink } from "../emit/hpc1-sink";
import { cancelled, HpcError } from "../errors";
import { FACT_COST, FACTS_BYTES, MIB } from "../limits";
import { requireDescriptors } from "../params/descriptors";
import type { JobParams } from "../params/params";
import { requireRoots } from "../params/roots";
import { VERSION } from "../version";
import { digestOf, RunningDigest } from "../xxh";
import { runBackup } from "./backup-job";
import type { BackupSummary, JobEvents } from "./job-events";
import { JobLog } from "./job-log";
import { Tally } from "./tally";
import { throttled } from "./throttled";

export interface BackupToArchive {
  readonly params: JobParams;
  /** Only what changed at or after this epoch second. */
  readonly since?: bigint;
  /** A file, a device or fifo, or "-" for standard output. */
  readonly archive: string;
  readonly events?: JobEvents;
  readonly signal?: AbortSignal;
}

/**
 * Saves everything that `params` names into one archive. A regular archive appears under its name
 * only when it is complete.
 * Rejects with HpcError: HPC_DESCRIPTORS, HPC_ARCHIVE_OPEN, HPC_ARCHIVE_WRITE, HPC_CANCELLED,
 * HPC_ROOT_REFUSED, or the scan engine's error.
 */
export async function backupToArchive(options: BackupToArchive): Promise<BackupSummary> {
  const { params, events, signal } = options;
  if (signal?.aborted) throw cancelled();
  requireDescriptors();
  await requireRoots(params);
  const output = await openArchiveOutput(options.archive, signal);
  const emitter = new Emitter(output.sink, { digest: digestOf });
  const sums = new Tally(emitter.waits);
  emitter.limit(params.bandwidth);
  try {
    await writing(options.archive, output.sink.write(archiveHeader()));
    const digest = facts(emitter, options);
    const confirmed = await runBackup({
      params,
      since: options.since,
      ask: undefined,
      content: true,
      sink: new ArchiveSink(emitter, options.archive),
      sums,
      messages: new JobLog((level, text) => events?.message?.(level, text)),
      signal,
      progress: throttled(() => events?.progress?.(sums.progress())),
    });
    emitter.frames.frame("U", withDigest(digest, encodeAccounting(sums)));
    emitter.frames.signal("F");
    await writing(options.archive, emitter.finish());
    const warning = await writing(options.archive, output.commit());
    if (warning !== undefined) events?.message?.("warning", warning);
    await confirmed();
    events?.progress?.(sums.progress());
    return sums.summary();
  } catch (error) {
    await output.discard().catch(() => undefined);
    throw error;
  } finally {
    emitter.close();
  }
}

/**
 * What the archive says of the job that made it. Returns the digest of that, which the accounting
 * closes.
 */
function facts(emitter: Emitter, { params, since }: BackupToArchive): RunningDigest {
  const digest = new RunningDigest();
  let bytes = 0;
  const say = (key: string, value: Buffer | string): void => {
    const payload = Buffer.concat([Buffer.from(`${key}=`), Buffer.from(value), Buffer.from("\n")]);
    bytes += payload.length + FACT_COST;
    if (bytes > FACTS_BYTES) throw tooMuchSaid();
    digest.update(payload);
    emitter.frames.frame("C", payload);
  };
  say("version", VERSION);
  say("created", String(Math.floor(Date.now() / 1000)));
  for (const path of params.paths) say("path", path);
  if (params.shard !== undefined) say("shard", formatShard(params.shard));
  if (since !== undefined) say("since", String(since));
  // What was left out on purpose, so that a comparison does not miss it.
  for (const pattern of params.excludes) say("exclude", pattern);
  for (const marker of params.excludeMarkers) say("exclude-marker", marker);
  if (params.oneFilesystem) say("one-filesystem", "yes");
  if (!params.xattrs) say("xattrs", "no");
  say("project", params.project);
  return digest;
}

function tooMuchSaid(): HpcError {
  return new HpcError(
    "HPC_BAD_VALUE",
    `the paths and patterns are more than the ${FACTS_BYTES / MIB} MiB that an archive can name`,
    "Name the directories that they lie in.",
    { key: "path" },
  );
}

/**
 * The accounting and, behind it, one digest of the facts and of itself: what no entry's own
 * checksum covers.
 */
function withDigest(digest: RunningDigest, accounting: Buffer): Buffer {
  digest.update(accounting);
  const end = Buffer.alloc(8);
  end.writeBigUInt64LE(digest.take());
  return Buffer.concat([accounting, end]);
}

/** The archive's sink, whose write errors say so. */
class ArchiveSink extends Hpc1Sink {
  readonly #archive: string;
  readonly #frames: Emitter["frames"];

  constructor(emitter: Emitter, archive: string) {
    super(emitter, { digests: true });
    this.#archive = archive;
    this.#frames = emitter.frames;
  }

  note(note: Note): void {
    this.#frames.frame("N", encodeNote(note));
  }

  override drain(): Promise<void> {
    return writing(this.#archive, super.drain());
  }
}

async function writing<T>(archive: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new HpcError(
      "HPC_ARCHIVE_WRITE",
      `writing archive ${archive} failed: ${causeOf(error)}`,
      "Check that there is room and that whoever reads it is still there; nothing was left behind.",
    );
  }
}
