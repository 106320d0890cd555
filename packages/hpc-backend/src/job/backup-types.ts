import type { JobLog, NoteOperation } from "@podheitor/hpc-archive";
import type { Ask } from "../dialogue/checks";
import type { EntrySink } from "../emit/entry-sink";
import type { ContentDriver } from "../entry/content-reader";
import type { JobParams } from "../params/params";
import type { OpenSource } from "../source/source";
import type { Tally } from "./tally";

/** What a backup needs to run. */
export interface BackupJob {
  readonly params: JobParams;
  /** Only what changed at or after this epoch second. */
  readonly since: bigint | undefined;
  /**
   * Accurate jobs with `since`: asks the file list about older entries; without it they are
   * dropped.
   */
  readonly ask: Ask | undefined;
  /** false: an estimate. */
  readonly content: boolean;
  readonly sink: EntrySink;
  readonly sums: Tally;
  readonly messages: JobLog;
  readonly signal: AbortSignal | undefined;
  /** The Director's unique name of the job; undefined without a Director. */
  readonly jobName?: string | undefined;
  /** That of the job which this one continues. */
  readonly previousJobName?: string | undefined;
  /** Other ways to read files than CONTENT_DRIVERS. */
  readonly contentDrivers?: readonly ContentDriver[];
  /** Number of this stream of entries, where several are merged into one job. Default 0. */
  readonly stream?: number | undefined;
  /** Where temporary files go; undefined: the system's directory for them. */
  readonly workDirectory?: string | undefined;
  /** Another source of entries than a scan of the paths. */
  readonly openSource?: OpenSource;
  /** An entry could not be looked at, opened or read. */
  readonly trouble?: (errno: number, operation: NoteOperation, name: Buffer) => void;
  /** Called after every batch, and after every piece of a large file. */
  readonly progress?: () => void;
}
