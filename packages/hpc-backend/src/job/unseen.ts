import { HpcError, StateDir } from "@podheitor/hpc-base";
import { UNSEEN_BYTES, UNSEEN_FILE_MAX, UNSEEN_JOBS, UNSEEN_NAMES } from "../limits";
import type { JobParams } from "../params/params";
import { idOf, stateDirectoryOf } from "./shard-set";

/** What a job could not see of its tree, with all that is below. `all`: too much to be listed. */
export interface UnseenPaths {
  readonly paths: readonly Buffer[];
  readonly all: boolean;
}

interface UnseenRecord extends UnseenPaths {
  /** The Director's unique name of the job. */
  readonly job: string;
}

/** Stands for a file that cannot be understood: it holds for every job. */
const UNREADABLE = "";

/**
 * What jobs could not see because a server was away, kept in the state directory by job: what lies
 * there is older than the job, so the next one would leave it out.
 * It is the next job's to take it whole, and which job that follows only the Director knows: a
 * record counts for the jobs that name its job as the one before. One file for each set of paths
 * and shard.
 */
export class Unseen {
  readonly #directory: readonly string[];
  readonly #file: string;
  readonly #paths: Buffer[] = [];
  #bytes = 0;
  #all = false;

  constructor(
    { paths, strategy, shard }: Pick<JobParams, "paths" | "strategy" | "shard">,
    stateDirectory = stateDirectoryOf(),
  ) {
    const { index, count } = shard ?? { index: 0, count: 1 };
    const facts = [strategy, String(index), String(count)].map((fact) => Buffer.from(fact));
    this.#directory = [stateDirectory, "unseen"];
    this.#file = `${idOf([facts, [...paths].sort(Buffer.compare)])}.json`;
  }

  /**
   * What the job of this name could not see; without a name, what any of the last jobs could not.
   */
  of(job: string | undefined): UnseenPaths {
    const all = this.#records();
    const records =
      job === undefined
        ? all.slice(0, UNSEEN_JOBS)
        : all.filter((record) => record.job === job || record.job === UNREADABLE);
    return { paths: records.flatMap(({ paths }) => paths), all: records.some(({ all }) => all) };
  }

  /** This job cannot see the entry. */
  add(path: Buffer): void {
    if (this.#all) return;
    this.#bytes += path.length + 16;
    if (this.#bytes > UNSEEN_BYTES) {
      this.#all = true;
      this.#paths.length = 0;
    } else this.#paths.push(Buffer.from(path));
  }

  /** For people. */
  get text(): string {
    const { length } = this.#paths;
    return this.#all
      ? "what lies below many paths"
      : `what lies at and below ${length === 1 ? "a path" : `${length} paths`}`;
  }

  get isEmpty(): boolean {
    return !this.#all && this.#paths.length === 0;
  }

  /** Remembers it under this job's name. Throws the system's error, or HpcError HPC_STATE_DIR. */
  save(job: string): void {
    const before = this.#records();
    const others = before.filter((record) => record.job !== job && record.job !== UNREADABLE);
    if (this.isEmpty && others.length === before.length) return;
    const own: UnseenRecord = { job, paths: this.#paths, all: this.#all };
    const jobs = [...(this.isEmpty ? [] : [own]), ...others]
      .slice(0, UNSEEN_NAMES)
      .map((record, at) => ({
        job: record.job,
        all: record.all || at >= UNSEEN_JOBS,
        paths: at >= UNSEEN_JOBS ? [] : record.paths.map((path) => path.toString("base64")),
      }));
    StateDir.within(this.#directory, true, (dir) => dir.write(this.#file, 1, { jobs }));
  }

  /**
   * A file that this release cannot read, or that others may have written, says nothing about what
   * is missing: then everything is.
   */
  #records(): UnseenRecord[] {
    try {
      return StateDir.within(
        this.#directory,
        false,
        (dir) => dir.readVersion(this.#file, UNSEEN_FILE_MAX, { 1: parseRecords }) ?? [],
      );
    } catch (error) {
      return error instanceof HpcError ? [{ job: UNREADABLE, paths: [], all: true }] : [];
    }
  }
}

function parseRecords({ jobs }: Record<string, unknown>): UnseenRecord[] {
  if (!Array.isArray(jobs)) throw new TypeError("no records");
  return jobs.map(({ job, all, paths }: { job: unknown; all: unknown; paths: unknown }) => {
    if (typeof job !== "string" || !Array.isArray(paths)) throw new TypeError("no record");
    return {
      job,
      all: all === true,
      paths: paths.map((path: unknown) => Buffer.from(String(path), "base64")),
    };
  });
}
