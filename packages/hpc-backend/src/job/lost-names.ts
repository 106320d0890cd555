import { NoteOperation } from "@podheitor/hpc-archive";
import { causeOf } from "@podheitor/hpc-base";
import type { BackupJob } from "./backup-types";
import type { TargetWatch } from "./target-watch";
import { Unseen, type UnseenPaths } from "./unseen";

/**
 * Errnos of a server that is away, not of a file that is as it is: ESHUTDOWN, ENOTCONN, EHOSTDOWN,
 * ETIMEDOUT, EIO.
 */
const AWAY: ReadonlySet<number> = new Set([108, 107, 112, 110, 5]);
/** Operations whose failure hides names. */
const HIDES: ReadonlySet<NoteOperation> = new Set([
  NoteOperation.STAT,
  NoteOperation.OPEN_DIRECTORY,
  NoteOperation.LIST_DIRECTORY,
]);

type Job = Pick<
  BackupJob,
  "params" | "jobName" | "previousJobName" | "since" | "content" | "messages"
>;

/**
 * What a job cannot see because a server is away: it is remembered, and the Director's next job
 * takes it whole, however old it is.
 */
export class LostNames {
  readonly #job: Job;
  readonly #watch: Pick<TargetWatch, "suspect" | "degraded">;
  readonly #before: UnseenPaths | undefined;
  readonly #unseen: Unseen;

  constructor(
    job: Job,
    watch: Pick<TargetWatch, "suspect" | "degraded">,
    before: UnseenPaths | undefined,
  ) {
    this.#job = job;
    this.#watch = watch;
    this.#before = before;
    this.#unseen = new Unseen(job.params);
  }

  /**
   * What this job has to take whole; undefined: nothing. Only jobs that leave older entries out
   * look.
   */
  static before({ params, jobName, previousJobName, since }: Job): UnseenPaths | undefined {
    if (jobName === undefined || since === undefined) return undefined;
    const found = new Unseen(params).of(previousJobName);
    return found.all || found.paths.length > 0 ? found : undefined;
  }

  /** As BackupJob has it. */
  readonly trouble = (errno: number, operation: NoteOperation, name: Buffer): void => {
    this.#watch.suspect(errno);
    if (AWAY.has(errno) && HIDES.has(operation)) this.#unseen.add(name);
  };

  /** The scan has ended well. */
  end(): void {
    const { jobName, content, messages } = this.#job;
    if (jobName === undefined || !content) return;
    // What was to be taken whole, and perhaps was not seen again.
    if (this.#watch.degraded) for (const path of this.#before?.paths ?? []) this.#unseen.add(path);
    if (!this.#unseen.isEmpty)
      messages.say(
        "warning",
        `${this.#unseen.text} could not be seen: the next job that follows this one takes it whole`,
      );
    try {
      this.#unseen.save(jobName);
    } catch (error) {
      messages.say(
        "warning",
        `what could not be seen cannot be remembered (${causeOf(error)}): run a Full when all servers are back`,
      );
    }
  }
}

/** For the job log. */
export function wholeText({ paths, all }: UnseenPaths): string {
  const what = all
    ? "everything"
    : `what lies at and below ${paths.length === 1 ? "a path" : `${paths.length} paths`}`;
  return `the job before this one could not see all names: ${what} is saved whole, however old it is`;
}
