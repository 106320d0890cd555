import {
  ArchiveWriter,
  archiveHeader,
  cancelled,
  digestOf,
  HpcError,
  type JobEvents,
  JobLog,
  type Note,
  openArchiveOutput,
  throttled,
} from "@podheitor/hpc-archive";
import { causeOf } from "@podheitor/hpc-base";
import { formatShard } from "@podheitor/hpc-shard";
import { Emitter } from "../emit/emitter";
import { Hpc1Sink } from "../emit/hpc1-sink";
import { requireDescriptors } from "../params/descriptors";
import type { JobParams } from "../params/params";
import { requireRoots } from "../params/roots";
import { VERSION } from "../version";
import { runBackup } from "./backup-job";
import type { BackupSummary } from "./backup-summary";
import { Tally } from "./tally";

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
    const writer = new ArchiveWriter(emitter.frames);
    facts(writer, options);
    const confirmed = await runBackup({
      params,
      since: options.since,
      ask: undefined,
      content: true,
      sink: new ArchiveSink(emitter, writer, options.archive),
      sums,
      messages: new JobLog((level, text) => events?.message?.(level, text)),
      signal,
      progress: throttled(() => events?.progress?.(sums.progress())),
    });
    writer.end(sums);
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

/** What the archive says of the job that made it. */
function facts(writer: ArchiveWriter, { params, since }: BackupToArchive): void {
  writer.fact("version", VERSION);
  writer.fact("created", String(Math.floor(Date.now() / 1000)));
  for (const path of params.paths) writer.fact("path", path);
  if (params.shard !== undefined) writer.fact("shard", formatShard(params.shard));
  if (since !== undefined) writer.fact("since", String(since));
  // What was left out on purpose, so that a comparison does not miss it.
  for (const pattern of params.excludes) writer.fact("exclude", pattern);
  for (const marker of params.excludeMarkers) writer.fact("exclude-marker", marker);
  if (params.oneFilesystem) writer.fact("one-filesystem", "yes");
  if (!params.xattrs) writer.fact("xattrs", "no");
  writer.fact("project", params.project);
}

/** The archive's sink, whose write errors say so. */
class ArchiveSink extends Hpc1Sink {
  readonly #archive: string;
  readonly #writer: ArchiveWriter;

  constructor(emitter: Emitter, writer: ArchiveWriter, archive: string) {
    super(emitter, { digests: true });
    this.#archive = archive;
    this.#writer = writer;
  }

  note(note: Note): void {
    this.#writer.note(note);
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
