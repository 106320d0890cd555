import type { Frame, JobInfo } from "@podheitor/hpc-ptcomm";
import type { Emitter } from "./emitter";
import { HpcError } from "./errors";
import type { Messages } from "./messages";
import type { BackupTask, Work } from "./work";

export class ClassicBackup implements Work {
  constructor(readonly task: BackupTask) {}
  run(): Promise<void> {
    return Promise.reject(new HpcError("HPC_DIALOGUE", "classic", "x"));
  }
  frame(_frame: Frame): void {}
}
export class ClassicRestore implements Work {
  constructor(
    readonly emitter: Emitter,
    readonly job: JobInfo,
    readonly messages: Messages,
    readonly signal: AbortSignal,
  ) {}
  run(): Promise<void> {
    return Promise.reject(new HpcError("HPC_DIALOGUE", "classic", "x"));
  }
  frame(_frame: Frame): void {}
}
