import { digestOf, printable } from "@podheitor/hpc-archive";
import { causeOf, errorLine, HpcError, StateDir } from "@podheitor/hpc-base";
import { formatShard, type Shard, type StrategyName } from "@podheitor/hpc-shard";
import { SHARD_RECORD_MAX, SHARD_RECORDS_MAX } from "../limits";
import type { JobParams } from "../params/params";

/**
 * What is remembered of one shard's jobs, in epoch seconds. One file for each, so that the jobs of
 * a set never write the same one.
 */
interface ShardRecord {
  readonly strategy: StrategyName;
  readonly shard: Shard;
  /** When its last jobs started, the latest first, at most two. */
  readonly starts: readonly number[];
  /** When a job of it last ended well. */
  readonly completed?: number | undefined;
}

/**
 * For the job log. What no job saved is an error: the Director counts no warnings, and the job
 * would end as if the tree were saved.
 */
interface Oddity {
  readonly level: "warning" | "error";
  readonly text: string;
}

/** Shards that one message names; it counts the others. */
const MISSING_NAMED = 8;
const NAME = /^[a-z+-]{1,32}\.\d{1,4}\.\d{1,4}\.json$/;

/**
 * The set that a shard belongs to: jobs on the same paths with the same strategy and the same N.
 */
export class ShardSet {
  readonly #strategy: StrategyName;
  readonly #shard: Shard;
  readonly #paths: readonly Buffer[];
  readonly #directory: readonly string[];

  constructor(
    params: Pick<JobParams, "paths" | "strategy">,
    shard: Shard,
    stateDirectory = stateDirectoryOf(),
  ) {
    this.#strategy = params.strategy;
    this.#shard = shard;
    this.#paths = [...params.paths].sort(Buffer.compare);
    this.#directory = [stateDirectory, "shard-sets", idOf(this.#paths.map((path) => [path]))];
  }

  /** 16 hex digits, the same in every shard of the set. */
  get id(): string {
    const facts = [Buffer.from(this.#strategy), Buffer.from(String(this.#shard.count))];
    return idOf([facts, this.#paths]);
  }

  /** For the job log. */
  get description(): string {
    const { index, count } = this.#shard;
    const paths =
      this.#paths.slice(0, 4).map(printable).join(", ") + (this.#paths.length > 4 ? ", …" : "");
    return `shard ${index} of ${count} (counted from 0) of set ${this.id}: strategy ${this.#strategy}, paths ${paths}`;
  }

  /**
   * Remembers that a job starts, and says what is odd about the others. State that cannot be read
   * or written never fails a job.
   */
  start(now: number): Oddity[] {
    try {
      const records = this.#records();
      const own = records.find((record) => this.#isMine(record, this.#shard.index));
      this.#write({
        ...this.#facts(),
        starts: [now, ...(own?.starts ?? [])].slice(0, 2),
        completed: own?.completed,
      });
      return [
        ...this.#missing(records, own).map((text): Oddity => ({ level: "error", text })),
        ...this.#otherSplits(records, own, now).map((text): Oddity => ({ level: "warning", text })),
      ];
    } catch (error) {
      // Without a directory there is nothing to compare with.
      return error instanceof HpcError ? [{ level: "warning", text: errorLine(error) }] : [];
    }
  }

  /** A job that began at `started` ended well. */
  completed(now: number): void {
    try {
      const own = this.#records().find((record) => this.#isMine(record, this.#shard.index));
      this.#write({ ...this.#facts(), starts: own?.starts ?? [], completed: now });
    } catch {
      // The next job will say that this one is missing, which is the safe side.
    }
  }

  /**
   * In whatever order the jobs of a generation run: since this shard's last start but one, every
   * other must have run once. Those that have never run are missing once this shard begins its
   * second generation.
   */
  #missing(records: readonly ShardRecord[], own: ShardRecord | undefined): string[] {
    const [last, before = 0] = own?.starts ?? [];
    if (last === undefined) return [];
    const others = Array.from({ length: this.#shard.count }, (_, index) => index).filter(
      (at) => at !== this.#shard.index,
    );
    const missing = others.flatMap((index) => {
      const completed = records.find((record) => this.#isMine(record, index))?.completed;
      if (completed !== undefined && completed >= before) return [];
      const since =
        completed === undefined
          ? "never completed here"
          : `not completed since ${dateOf(completed)}`;
      return [`${formatShard({ index, count: this.#shard.count })} ${since}`];
    });
    if (missing.length === 0) return [];
    const named =
      missing.slice(0, MISSING_NAMED).join("; ") + (missing.length > MISSING_NAMED ? "; …" : "");
    return [
      `of the ${others.length} other shards of this set ${missing.length} ${missing.length === 1 ? "has" : "have"} no new backup, nor has what belongs to them: ${named}`,
    ];
  }

  #otherSplits(
    records: readonly ShardRecord[],
    own: ShardRecord | undefined,
    now: number,
  ): string[] {
    const since = own?.starts[0] ?? now - 86_400;
    const others = records.filter(({ strategy, shard, starts }) => {
      const same = strategy === this.#strategy && shard.count === this.#shard.count;
      return !same && shard.count > 1 && (starts[0] ?? 0) >= since;
    });
    const splits = new Set(others.map(({ strategy, shard }) => `${shard.count} by ${strategy}`));
    if (splits.size === 0) return [];
    return [
      `these paths were also split in another way since ${dateOf(since)} (shards of ${[...splits].join("; of ")}): ` +
        "together such jobs are not the tree; use one strategy and one N, and restore from jobs of one set",
    ];
  }

  #isMine({ strategy, shard }: ShardRecord, index: number): boolean {
    return (
      strategy === this.#strategy && shard.count === this.#shard.count && shard.index === index
    );
  }

  #facts(): Pick<ShardRecord, "strategy" | "shard"> {
    return { strategy: this.#strategy, shard: this.#shard };
  }

  #records(): ShardRecord[] {
    try {
      return StateDir.within(this.#directory, false, (dir) =>
        dir
          .names()
          .filter((name) => NAME.test(name))
          .slice(0, SHARD_RECORDS_MAX)
          .flatMap((name) => readRecord(dir, name) ?? []),
      );
    } catch (error) {
      if (causeOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  #write(record: ShardRecord): void {
    const { index, count } = this.#shard;
    StateDir.within(this.#directory, true, (dir) =>
      dir.write(`${this.#strategy}.${count}.${index}.json`, 1, record),
    );
  }
}

export function stateDirectoryOf(env: NodeJS.ProcessEnv = process.env): string {
  return env["PODHEITOR_HPC_STATE_DIR"] ?? "/var/lib/podheitor-hpc";
}

/** undefined for what this release did not write. */
function readRecord(dir: StateDir, name: string): ShardRecord | undefined {
  try {
    return dir.readVersion(name, SHARD_RECORD_MAX, { 1: parseRecord });
  } catch (error) {
    if (error instanceof HpcError) return undefined;
    throw error;
  }
}

function parseRecord({ strategy, shard, starts, completed }: Record<string, unknown>): ShardRecord {
  const { index, count } = shard as Record<string, unknown>;
  if (
    typeof strategy !== "string" ||
    !Number.isSafeInteger(index) ||
    !Number.isSafeInteger(count) ||
    !Array.isArray(starts) ||
    !starts.every(Number.isSafeInteger)
  )
    throw new TypeError("no record of a shard");
  return {
    strategy: strategy as StrategyName,
    shard: shard as Shard,
    starts: starts as number[],
    ...(Number.isSafeInteger(completed) ? { completed: completed as number } : {}),
  };
}

/** Every field with its length before it, so that no two lists read alike. */
export function idOf(lists: readonly (readonly Buffer[])[]): string {
  const fields = lists.flatMap((list) =>
    list.map((field) => Buffer.concat([Buffer.from(`${field.length}:`), field])),
  );
  return digestOf(Buffer.concat(fields)).toString(16).padStart(16, "0");
}

function dateOf(epoch: number): string {
  return new Date(epoch * 1000).toISOString();
}
