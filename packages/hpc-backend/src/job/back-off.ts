import type { JobLog } from "@podheitor/hpc-archive";
import type { ScanStats } from "@podheitor/hpc-walker";

type BackOffs = Pick<ScanStats, "backOffs" | "threadsLeast" | "threadsNow">;

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

  look({ backOffs, threadsNow }: BackOffs): void {
    if (this.#begun || backOffs === 0) return;
    this.#begun = true;
    this.#messages.say(
      "info",
      `the filesystem answers much slower than it did: ${threadsNow} of ${this.#threads} scan threads go on (back-off=no: all)`,
    );
  }

  end(stats: BackOffs): void {
    this.look(stats);
    if (!this.#begun) return;
    this.#messages.say(
      "info",
      `the scan gave way to a slow filesystem ${stats.backOffs} times, down to ${stats.threadsLeast} of ${this.#threads} threads; ${stats.threadsNow} at its end`,
    );
  }
}
