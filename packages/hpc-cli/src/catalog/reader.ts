import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { CliError } from "../errors";
import type { ShardJob } from "../generation/plan";

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

const BUSY = ".timeout 10000"; // the Director may be writing

/**
 * A Bacula catalog in SQLite, read by the sqlite3 program, which is told to open it read-only. Schemas with and without a table of file
 * names (9.6 and since 11) are both understood.
 */
export class CatalogReader {
  readonly #file: string;

  /** @throws CliError HPC_CATALOG when there is no such file */
  constructor(file: string) {
    this.#file = resolve(file);
    try {
      accessSync(this.#file, constants.R_OK);
    } catch (error) {
      throw unreadable(this.#file, (error as Error).message);
    }
  }

  /** The given jobs, earliest first. @throws CliError HPC_CATALOG when one is missing */
  async jobs(jobIds: readonly number[]): Promise<CatalogJob[]> {
    const found: CatalogJob[] = [];
    const sql = `SELECT JobId, JobStatus, Type, strftime('%s', StartTime, 'utc') FROM Job
      WHERE JobId IN (${jobIds.join()}) ORDER BY JobTDate, JobId`;
    for await (const [jobId, status = "", type = "", start] of this.#rows(sql))
      found.push({ jobId: Number(jobId), status, type, start: Number(start) });
    const missing = jobIds.find((jobId) => !found.some((job) => job.jobId === jobId));
    if (missing !== undefined) throw unreadable(this.#file, `it has no job ${missing}`);
    return found;
  }

  /** Backup jobs whose names begin with `prefix` and a `-`, earliest first. The prefix has passed `checkPrefix`. */
  async jobsNamed(prefix: string): Promise<ShardJob[]> {
    const found: ShardJob[] = [];
    const head = Buffer.from(`${prefix}-`).toString("hex");
    const sql = `SELECT Job.JobId, hex(Job.Name), Job.Level, Job.JobStatus, coalesce(strftime('%s', Job.EndTime, 'utc'), 0),
      Job.PurgedFiles, hex(coalesce(Client.Name, '')), coalesce(strftime('%s', Job.SchedTime, 'utc'), 0), Job.FileSetId FROM Job LEFT JOIN Client ON Client.ClientId = Job.ClientId
      WHERE Job.Type = 'B' AND substr(hex(Job.Name), 1, ${head.length}) = '${head.toUpperCase()}' ORDER BY Job.JobTDate, Job.JobId`;
    for await (const [
      jobId,
      name = "",
      level = "",
      status = "",
      end,
      purged,
      client = "",
      scheduled,
      fileSet,
    ] of this.#rows(sql))
      found.push({
        jobId: Number(jobId),
        name: text(name),
        level,
        status,
        scheduled: Number(scheduled),
        end: Number(end),
        fileSet: Number(fileSet),
        purged: purged !== "0",
        client: text(client),
      });
    return found;
  }

  /** Every name of these jobs, ordered by directory, name, and then as `jobs` are. */
  async *files(jobs: readonly CatalogJob[]): AsyncGenerator<CatalogFile> {
    let apart = false;
    for await (const [count] of this.#rows("SELECT count(*) FROM sqlite_master WHERE name = 'Filename'"))
      apart = count !== "0";
    const [name, join] = apart
      ? ["Filename.Name", "JOIN Filename ON Filename.FilenameId = File.FilenameId"]
      : ["File.Filename", ""];
    const order = jobs.map(({ jobId }, index) => `WHEN ${jobId} THEN ${index}`).join(" ");
    const sql = `SELECT hex(Path.Path), hex(${name}), File.JobId, File.FileIndex, File.LStat
      FROM File JOIN Path ON Path.PathId = File.PathId ${join}
      WHERE File.JobId IN (${jobs.map(({ jobId }) => jobId).join()}) ORDER BY 1, 2, CASE File.JobId ${order} END`;
    for await (const [directory = "", file = "", jobId, index, lstat = ""] of this.#rows(sql))
      yield { directory: text(directory), name: text(file), jobId: Number(jobId), deleted: Number(index) <= 0, lstat };
  }

  /** What the jobs said: the lines that name `path` (latin1) before a colon, without the daemon's prefix. */
  async said(jobs: readonly CatalogJob[], path: string): Promise<string[]> {
    const hex = Buffer.from(`${path}:`, "latin1").toString("hex");
    const sql = `SELECT hex(LogText) FROM Log WHERE JobId IN (${jobs.map(({ jobId }) => jobId).join()})
      AND instr(CAST(LogText AS BLOB), x'${hex}') > 0 ORDER BY LogId`;
    const lines: string[] = [];
    for await (const [words = ""] of this.#rows(sql)) {
      const line = Buffer.from(words, "hex")
        .toString()
        .replace(/\n\\?$/, "");
      lines.push(line.replace(/^\S+ JobId \d+: (?:Error: |Warning: )?/, ""));
    }
    return lines;
  }

  async *#rows(sql: string): AsyncGenerator<string[]> {
    const argv = ["-batch", "-readonly", "-noheader", "-separator", "|", "-cmd", BUSY, this.#file, sql];
    const child = spawn("sqlite3", argv, { stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ended = new Promise<number | null>((done, failed) => {
      child.once("error", failed);
      child.once("close", done);
    });
    ended.catch(() => {}); // looked at below
    try {
      for await (const line of createInterface({ input: child.stdout })) yield line.split("|");
      if ((await ended) !== 0) throw unreadable(this.#file, stderr.trim());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw new CliError("HPC_CATALOG", "there is no sqlite3 program", "install the package sqlite3", { cause: error });
    } finally {
      child.kill();
    }
  }
}

function text(hex: string): string {
  return Buffer.from(hex, "hex").toString("latin1");
}

function unreadable(file: string, why: string): CliError {
  return new CliError(
    "HPC_CATALOG",
    `catalog ${file}: ${why}`,
    "name the Director's SQLite file, and jobs that it has",
  );
}
