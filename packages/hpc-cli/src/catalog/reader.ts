import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { HpcError } from "../errors";
import type { ShardJob } from "../generation/plan";
import { catalogError, SqliteSession } from "./session";

/** One backup job as the catalog has it. */
export interface CatalogJob {
  readonly jobId: number;
  /** T ok, W warnings; anything else did not end well. */
  readonly status: string;
  /** B backup. */
  readonly type: string;
  /** Seconds since 1970; the catalog holds local time. */
  readonly start: number;
}

/** One name in one job; names as bytes in latin1. */
export interface CatalogFile {
  /** With a `/` at its end. */
  readonly directory: string;
  /** Last component; empty for the directory itself. */
  readonly name: string;
  readonly jobId: number;
  readonly deleted: boolean;
  readonly lstat: string;
}

/** Names that are asked for at once. */
const PAGE = 10_000;

/**
 * A Bacula catalog in SQLite, read by one process of the sqlite3 program, which is told to open it
 * read-only. Schemas with and without a table of file names (9.6 and since 11) are both understood.
 * To be closed.
 */
export class CatalogReader {
  readonly #file: string;
  readonly #session: SqliteSession;

  /**
   * @throws HpcError HPC_CATALOG when there is no such file, or when it is a database of another
   * kind
   */
  constructor(file: string) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(file)?.[1];
    if (scheme !== undefined)
      throw new HpcError(
        "HPC_CATALOG",
        `--catalog ${scheme}://… is not a file, and only catalogs in SQLite are read so far`,
        "With another database, bconsole's `list jobs` tells the jobs of a tree, `restore jobid=…` restores them, and a Job of type Verify compares them with it.",
      );
    this.#file = resolve(file);
    try {
      accessSync(this.#file, constants.R_OK);
    } catch (error) {
      throw catalogError(this.#file, (error as Error).message);
    }
    this.#session = new SqliteSession(this.#file);
  }

  close(): void {
    this.#session.close();
  }

  /** The given jobs, earliest first. @throws HpcError HPC_CATALOG when one is missing */
  async jobs(jobIds: readonly number[]): Promise<CatalogJob[]> {
    const found: CatalogJob[] = [];
    const sql = `SELECT JobId, JobStatus, Type, strftime('%s', StartTime, 'utc') FROM Job
      WHERE JobId IN (${jobIds.join()}) ORDER BY JobTDate, JobId`;
    for await (const [jobId, status = "", type = "", start] of this.#session.rows(sql))
      found.push({ jobId: Number(jobId), status, type, start: Number(start) });
    const missing = jobIds.find((jobId) => !found.some((job) => job.jobId === jobId));
    if (missing !== undefined) throw catalogError(this.#file, `it has no job ${missing}`);
    return found;
  }

  /**
   * Backup jobs whose names begin with `prefix` and a `-`, earliest first. The prefix has passed
   * `checkPrefix`.
   */
  async jobsNamed(prefix: string): Promise<ShardJob[]> {
    const found: ShardJob[] = [];
    const head = Buffer.from(`${prefix}-`).toString("hex");
    const sql = `SELECT Job.JobId, hex(Job.Name), Job.Level, Job.JobStatus, coalesce(strftime('%s', Job.EndTime, 'utc'), 0),
      Job.PurgedFiles, Job.JobFiles, hex(coalesce(Client.Name, '')), coalesce(strftime('%s', Job.SchedTime, 'utc'), 0), Job.FileSetId FROM Job LEFT JOIN Client ON Client.ClientId = Job.ClientId
      WHERE Job.Type = 'B' AND substr(hex(Job.Name), 1, ${head.length}) = '${head.toUpperCase()}' ORDER BY Job.JobTDate, Job.JobId`;
    for await (const [
      jobId,
      name = "",
      level = "",
      status = "",
      end,
      purged,
      files,
      client = "",
      scheduled,
      fileSet,
    ] of this.#session.rows(sql))
      found.push({
        jobId: Number(jobId),
        name: text(name),
        level,
        status,
        scheduled: Number(scheduled),
        end: Number(end),
        fileSet: Number(fileSet),
        purged: purged !== "0",
        files: Number(files),
        client: text(client),
      });
    return found;
  }

  /** Every name of these jobs, ordered by directory, name, and then as `jobs` are. */
  async *files(jobs: readonly CatalogJob[]): AsyncGenerator<CatalogFile> {
    let apart = false;
    for await (const [count] of this.#session.rows(
      "SELECT count(*) FROM sqlite_master WHERE name = 'Filename'",
    ))
      apart = count !== "0";
    const [name, join] = apart
      ? ["Filename.Name", "JOIN Filename ON Filename.FilenameId = File.FilenameId"]
      : ["File.Filename", ""];
    const order = jobs.map(({ jobId }, index) => `WHEN ${jobId} THEN ${index}`).join(" ");
    // In a table of the process's own, so that other questions may be asked between the pages.
    const sorted = `CREATE TEMP TABLE wanted AS
      SELECT CAST(Path.Path AS BLOB) AS path, CAST(${name} AS BLOB) AS name, File.JobId AS job, File.FileIndex AS number, File.LStat AS lstat
      FROM File JOIN Path ON Path.PathId = File.PathId ${join}
      WHERE File.JobId IN (${jobs.map(({ jobId }) => jobId).join()}) ORDER BY 1, 2, CASE File.JobId ${order} END`;
    for await (const _ of this.#session.rows(sorted));
    for (let last = "0", before = ""; last !== before; ) {
      before = last;
      const page = `SELECT rowid, hex(path), hex(name), job, number, lstat FROM wanted WHERE rowid > ${before} ORDER BY rowid LIMIT ${PAGE}`;
      const files: CatalogFile[] = [];
      for await (const [
        row = "",
        directory = "",
        file = "",
        jobId,
        index,
        lstat = "",
      ] of this.#session.rows(page)) {
        last = row;
        files.push({
          directory: text(directory),
          name: text(file),
          jobId: Number(jobId),
          deleted: Number(index) <= 0,
          lstat,
        });
      }
      yield* files;
    }
    for await (const _ of this.#session.rows("DROP TABLE wanted"));
  }

  /**
   * What the jobs said: the lines that name `path` (latin1) before a colon, without the daemon's
   * prefix.
   */
  async said(jobs: readonly CatalogJob[], path: string): Promise<string[]> {
    const hex = Buffer.from(`${path}:`, "latin1").toString("hex");
    const sql = `SELECT hex(LogText) FROM Log WHERE JobId IN (${jobs.map(({ jobId }) => jobId).join()})
      AND instr(CAST(LogText AS BLOB), x'${hex}') > 0 ORDER BY LogId`;
    const lines: string[] = [];
    for await (const [words = ""] of this.#session.rows(sql)) {
      const line = Buffer.from(words, "hex")
        .toString()
        .replace(/\n\\?$/, "");
      lines.push(line.replace(/^\S+ JobId \d+: (?:Error: |Warning: )?/, ""));
    }
    return lines;
  }
}

/** What `jobsNamed` says of a catalog of which nothing else is asked. */
export async function jobsIn(file: string, prefix: string): Promise<ShardJob[]> {
  const reader = new CatalogReader(file);
  try {
    return await reader.jobsNamed(prefix);
  } finally {
    reader.close();
  }
}

function text(hex: string): string {
  return Buffer.from(hex, "hex").toString("latin1");
}
