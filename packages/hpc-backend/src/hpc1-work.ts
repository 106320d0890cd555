import { encodeAccounting, type Frame, type JobInfo, ProtocolError } from "@podheitor/hpc-ptcomm";
import { runBackup } from "./backup-job";
import { Hpc1Checks } from "./hpc1-checks";
import { Hpc1Sink } from "./hpc1-sink";
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
      previousJobName: job.prevJobName,
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

/** Only incremental and differential jobs look at `since`; a Director that has none sends 0. */
export function sinceOf(job: JobInfo): bigint | undefined {
  return job.level !== "F" && job.since !== undefined && job.since > 0n ? job.since : undefined;
}

export function unexpected(frame: Frame): ProtocolError {
  return new ProtocolError(
    "HPC_UNEXPECTED_FRAME",
    `the plugin sent a frame ${frame.status} where none belongs`,
  );
}
