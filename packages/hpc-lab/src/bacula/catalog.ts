import { type Attributes, decodeLstat } from "@podheitor/hpc-cli";
import { command } from "../command";
import { labError } from "../errors";
import type { Release } from "./release";

/** One row of a job's File table. */
export interface CatalogRow {
  /** Full name as bytes; directories end in `/`. */
  readonly name: Buffer;
  /** 1, 2, …; 0 or less marks a name that this job recorded as deleted. */
  readonly fileIndex: number;
  readonly deleted: boolean;
  readonly attributes: Attributes;
  /** The digest's base 64 text; "0" where none was computed. */
  readonly digest: string;
}

/**
 * A job's row. Status letters: T ok, W warnings, E or f failed, A cancelled; others are on their
 * way.
 */
export interface JobRow {
  readonly jobId: number;
  readonly name: string;
  readonly status: string;
  readonly errors: number;
  readonly files: number;
  readonly bytes: number;
  readonly level: string;
}

const busy = ".timeout 10000"; // the director may be writing

/** Reads a lab's catalog with the sqlite3 program; it never writes. */
export class Catalog {
  constructor(
    private readonly database: string,
    private readonly release: Release,
  ) {}

  /**
   * Rows of a query, columns split at `|`; text columns that may hold any byte go through hex().
   */
  private async query(sql: string): Promise<string[][]> {
    const argv = [
      "sqlite3",
      "-batch",
      "-readonly",
      "-noheader",
      "-separator",
      "|",
      "-cmd",
      busy,
      this.database,
      sql,
    ];
    const { stdout } = await command(argv);
    return stdout
      .toString("latin1")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("|"));
  }

  async files(jobId: number): Promise<CatalogRow[]> {
    // Schema 16 (9.6) keeps last components in a table of their own, schema 1026 (15) in the File
    // table.
    const [name, join] =
      this.release === "9.6.7"
        ? ["Filename.Name", "JOIN Filename ON Filename.FilenameId = File.FilenameId"]
        : ["File.Filename", ""];
    const rows = await this.query(
      `SELECT hex(Path.Path) || hex(${name}), File.FileIndex, File.LStat, File.MD5
       FROM File JOIN Path ON Path.PathId = File.PathId ${join} WHERE File.JobId = ${Number(jobId)}`,
    );
    return rows.map(([hex = "", index = "", lstat = "", digest = ""]) => ({
      name: Buffer.from(hex, "hex"),
      fileIndex: Number(index),
      deleted: Number(index) <= 0,
      attributes: decodeLstat(lstat),
      digest,
    }));
  }

  async job(jobId: number): Promise<JobRow | undefined> {
    const [row] = await this.jobs(`WHERE JobId = ${Number(jobId)}`);
    return row;
  }

  async jobs(where = ""): Promise<JobRow[]> {
    const columns = "JobId, Name, JobStatus, JobErrors, JobFiles, JobBytes, Level";
    const rows = await this.query(`SELECT ${columns} FROM Job ${where} ORDER BY JobId`);
    return rows.map(([id, name = "", status = "", errors, files, bytes, level = ""]) => ({
      jobId: Number(id),
      name,
      status,
      errors: Number(errors),
      files: Number(files),
      bytes: Number(bytes),
      level,
    }));
  }

  /** What a job said, in order. */
  async messages(jobId: number): Promise<string> {
    const rows = await this.query(
      `SELECT hex(LogText) FROM Log WHERE JobId = ${Number(jobId)} ORDER BY LogId`,
    );
    // A text is stored with a lone backslash behind its last newline.
    return rows
      .map(([hex = ""]) => Buffer.from(hex, "hex").toString().replace(/\n\\$/, "\n"))
      .join("");
  }

  /** Names of the volumes that a job was written to, first one first. */
  async volumes(jobId: number): Promise<string[]> {
    const rows = await this.query(
      `SELECT DISTINCT VolumeName FROM JobMedia JOIN Media ON Media.MediaId = JobMedia.MediaId
       WHERE JobMedia.JobId = ${Number(jobId)} ORDER BY JobMediaId`,
    );
    return rows.map(([name = ""]) => name);
  }

  /** Creates an empty catalog from the schema that the release ships. */
  static async create(database: string, schema: string): Promise<void> {
    const { stderr } = await command(["sqlite3", "-batch", "-bail", database, `.read ${schema}`]);
    if (stderr.length > 0)
      throw labError("HPC_LAB_INSTALL", `${schema}: ${stderr}`, "Reinstall the director.");
  }
}
