import type { JobLog } from "@podheitor/hpc-archive";
import type { Frame, JobInfo } from "@podheitor/hpc-ptcomm";
import type { Emitter } from "../emit/emitter";
import type { JobParams } from "../params/params";

/** The work of one job between its start and its end. */
export interface JobDialogue {
  /** Settles when everything has been appended to the output. */
  run(): Promise<void>;
  /** A frame that the plugin sends meanwhile. Throws HpcError for one that has no place. */
  frame(frame: Frame): void;
  /** The plugin has taken all of it and confirmed the end. Rejects with what cannot be kept. */
  confirmed(): Promise<void>;
}

/** What a backup or estimate over the pipe is given. */
export interface BackupRequest {
  readonly emitter: Emitter;
  readonly job: JobInfo;
  readonly params: JobParams;
  /** false: an estimate. */
  readonly content: boolean;
  readonly messages: JobLog;
  readonly signal: AbortSignal;
}
