import { type Accounting, type Frame, FrameWriter, isSignal, type JobInfo } from "@podheitor/hpc-ptcomm";
import { causeOf, HpcError } from "./errors";
import { FEED_SIZE } from "./limits";
import type { Messages } from "./messages";
import { printable } from "./printable";
import { attributeText, failureText, REPLACE, RestoreCore, type RestoreFailure } from "./restore-core";

/** Of an entry that an `X` frame ended. */
const DROPPED = "its sender dropped it before it was whole";

/** Entries that arrive as hpc/1 frames, on their way through the restore core into the job's `Where`. */
export class RestoreStream {
  /** Settles after `end`, with what was restored. Rejects when the core cannot go on. */
  readonly finished: Promise<Partial<Accounting>>;
  readonly #core: RestoreCore;
  readonly #frames = new FrameWriter({ capacity: FEED_SIZE + FEED_SIZE / 4 });
  readonly #messages: Messages;
  #resolve: (sums: Partial<Accounting>) => void = () => undefined;
  #failed = 0;
  #closed = false;

  constructor(job: JobInfo, messages: Messages, signal: AbortSignal) {
    const where = job.where ?? Buffer.from("/");
    this.#messages = messages;
    try {
      this.#core = new RestoreCore(where, job.replace ?? REPLACE.always);
    } catch (error) {
      throw new HpcError(
        "HPC_RESTORE_TARGET",
        `nothing can be restored to ${printable(where)}: ${causeOf(error)}`,
        "Choose a Where that exists or can be created, with room and write permission.",
      );
    }
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      signal.addEventListener("abort", () => {
        this.#close();
        reject(signal.reason);
      });
    });
    this.finished.catch(() => undefined);
  }

  frame(frame: Frame): void {
    if (this.#closed) return;
    const { status, payload } = frame;
    if (isSignal(status)) this.#frames.signal(status);
    else this.#frames.frame(status, payload);
    if (this.#frames.byteLength >= FEED_SIZE) this.flush();
  }

  /** Hands over what was collected; afterwards every failure so far has been told. */
  flush(): void {
    if (this.#closed || this.#frames.byteLength === 0) return;
    const bytes = this.#frames.takeBytes();
    this.#core.feed(bytes, this.#hear);
    this.#frames.recycle(bytes);
  }

  readonly #hear = (failure: RestoreFailure): void => {
    if (failure.operation === "attribute") {
      this.#messages.entry("warning", attributeText(failure));
      return;
    }
    this.#failed++;
    this.#messages.entry("error", failureText(failure, DROPPED));
  };

  /** Failures so far. */
  get failed(): number {
    return this.#failed;
  }

  /** Nothing more comes: directory times and modes, and the sums. */
  end(): void {
    if (this.#closed) return;
    this.flush();
    try {
      this.#core.finish(this.#hear);
    } catch (error) {
      this.#messages.say("warning", `modes or times of some directories could not be set: ${causeOf(error)}`);
    }
    const stats = this.#core.stats();
    if (stats.attributes_failed > 0) {
      this.#messages.say(
        "warning",
        `${stats.attributes_failed} entries have not got all of their owner, extended attributes, mode and times`,
      );
    }
    this.#close();
    this.#messages.close();
    const { files, directories, symlinks, hardlinks, specials, bytes, skipped, failed } = stats;
    const restored = files + directories + symlinks + hardlinks + specials;
    this.#resolve({ files, directories, symlinks, hardlinks, specials, bytes, skipped, failed, restored });
  }

  /** The core's memory may be given back once only. */
  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#core.close();
  }
}
