import { encodeAccounting, type Frame, type JobInfo, protocolError } from "@podheitor/hpc-ptcomm";
import { Hpc1Sink } from "../emit/hpc1-sink";
import { timeText } from "../emit/waits";
import { type Confirm, runBackup } from "../job/backup-job";
import { Tally } from "../job/tally";
import { Hpc1Checks } from "./hpc1-checks";
import type { BackupRequest, JobDialogue } from "./job-dialogue";

/** Backup or estimate over hpc/1: entries, CHECK batches and messages, then `U` and `F`. */
export class BackupDialogue implements JobDialogue {
  readonly #task: BackupRequest;
  readonly #checks: Hpc1Checks;
  #confirm: Confirm | undefined;

  constructor(task: BackupRequest) {
    this.#task = task;
    this.#checks = new Hpc1Checks(task.emitter, task.signal);
  }

  async run(): Promise<void> {
    const { emitter, job, messages, content } = this.#task;
    const sums = new Tally(emitter.waits);
    const since = sinceOf(job);
    const ask = job.accurate && since !== undefined ? this.#checks.ask : undefined;
    const sink = new Hpc1Sink(emitter, { digests: false });
    this.#confirm = await runBackup({
      ...this.#task,
      since,
      ask,
      sink,
      sums,
      jobName: job.name,
      previousJobName: job.prevJobName,
      workDirectory: job.workingDir?.toString(),
    });
    if (content) messages.say("info", timeText(emitter.waits.timeBy(sums.seconds)));
    emitter.frames.frame("U", encodeAccounting(sums));
    emitter.frames.signal("F");
  }

  async confirmed(): Promise<void> {
    await this.#confirm?.();
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

export function unexpected(frame: Frame): Error {
  return protocolError(
    "HPC_UNEXPECTED_FRAME",
    `the plugin sent a frame ${frame.status} where none belongs`,
  );
}
