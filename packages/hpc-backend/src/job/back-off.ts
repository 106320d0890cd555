import type { JobLog } from "@podheitor/hpc-archive";
import type { ScanStats } from "@podheitor/hpc-walker";

/**
 * Says in the job log that the scan gives way to a filesystem that has grown slow: when that
 * begins, and at the end how far it went.
 */
export class BackOffReport {
  readonly #threads: number;
  readonly #messages: Pick<JobLog, "say">;
  #begun = false;

  /** `threads`: those of the scan while nothing is slow. */
  constructor(threads: number, messages: Pick<JobLog, "say">) {
    this.#threads = threads;
    this.#messages = messages;
  }

  look({ backOff }: Pick<ScanStats, "backOff">): void {
    if (this.#begun || backOff === undefined || backOff.times === 0) return;
    this.#begun = true;
    this.#messages.say(
      "info",
      `the filesystem answers much slower than it did: ${backOff.threads} of ${this.#threads} scan threads go on (back-off=no: all)`,
    );
  }

  end(stats: Pick<ScanStats, "backOff">): void {
    this.look(stats);
    const { backOff } = stats;
    if (!this.#begun || backOff === undefined) return;
    this.#messages.say(
      "info",
      `the scan gave way to a slow filesystem ${backOff.times} times, down to ${backOff.leastThreads} of ${this.#threads} threads; ${backOff.threads} at its end`,
    );
  }
}
