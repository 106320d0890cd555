import { encodeAccounting, type Frame, type JobInfo, ProtocolError } from "@podheitor/hpc-ptcomm";
import { runBackup } from "./backup-job";
import type { Emitter } from "./emitter";
import { Hpc1Checks } from "./hpc1-checks";
import { Hpc1Sink } from "./hpc1-sink";
import type { Messages } from "./messages";
import { RestoreStream } from "./restore-stream";
import { Sums } from "./sums";
import type { BackupTask, Work } from "./work";

/** Backup or estimate over hpc/1: entries, CHECK batches and messages, then `U` and `F`. */
export class Hpc1Backup implements Work {
  readonly #task: BackupTask;
  readonly #checks: Hpc1Checks;

  constructor(task: BackupTask) {
    this.#task = task;
    this.#checks = new Hpc1Checks(task.emitter, task.signal);
  }

  async run(): Promise<void> {
    const { emitter, job } = this.#task;
    const sums = new Sums();
    const since = sinceOf(job);
    const ask = job.accurate && since !== undefined ? this.#checks.ask : undefined;
    const sink = new Hpc1Sink(emitter, { digests: false });
    await runBackup({
      ...this.#task,
      since,
      ask,
      sink,
      sums,
      jobName: job.name,
      workDirectory: job.workingDir?.toString(),
    });
    emitter.frames.frame("U", encodeAccounting(sums));
    emitter.frames.signal("F");
  }

  frame(frame: Frame): void {
    if (frame.status !== "K") throw unexpected(frame);
    this.#checks.answer(frame.payload);
  }
}

/** Restore over hpc/1: entries come in; messages, `U` and `F` go out. */
export class Hpc1Restore implements Work {
  readonly #stream: RestoreStream;

  constructor(
    private readonly emitter: Emitter,
    job: JobInfo,
    messages: Messages,
    signal: AbortSignal,
  ) {
    this.#stream = new RestoreStream(job, messages, signal);
  }

  async run(): Promise<void> {
    const sums = await this.#stream.finished;
    this.emitter.frames.frame("U", encodeAccounting(sums));
    this.emitter.frames.signal("F");
  }

  frame(frame: Frame): void {
    switch (frame.status) {
      case "M":
      case "B":
      case "D":
      case "Z":
      case "X":
        this.#stream.frame(frame);
        return;
      case "F":
        this.#stream.end();
        return;
      default:
        throw unexpected(frame);
    }
  }
}

/** Only incremental and differential jobs look at `since`; a Director that has none sends 0. */
export function sinceOf(job: JobInfo): bigint | undefined {
  return job.level !== "F" && job.since !== undefined && job.since > 0n ? job.since : undefined;
}

export function unexpected(frame: Frame): ProtocolError {
  return new ProtocolError("HPC_UNEXPECTED_FRAME", `the plugin sent a frame ${frame.status} where none belongs`);
}
