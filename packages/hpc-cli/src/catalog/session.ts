import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { HpcError } from "../errors";

const BUSY = ".timeout 10000"; // the Director may be writing
/**
 * Printed behind each answer. Columns are numbers or hexadecimal digits, so that no row looks like
 * it.
 */
const END = "end of answer";

/** One sqlite3 process for as long as it is wanted; it is started by the first question. */
export class SqliteSession {
  #child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  #lines: AsyncIterator<string> | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #stderr = "";

  constructor(private readonly file: string) {}

  /**
   * The rows of one statement, of which none holds a `|` in a column. One question at a time.
   * @throws HpcError HPC_CATALOG
   */
  async *rows(sql: string): AsyncGenerator<string[]> {
    let whole = false;
    try {
      const lines = this.#ask(sql);
      for (let line = await lines.next(); line.value !== END; line = await lines.next()) {
        if (line.done) throw await this.#failure();
        yield line.value.split("|");
      }
      whole = true;
    } finally {
      if (!whole) this.close(); // the rest of the answer would be taken for the next one's
    }
  }

  close(): void {
    this.#child?.kill();
    this.#child = undefined;
    this.#lines = undefined;
  }

  #ask(sql: string): AsyncIterator<string> {
    if (this.#child === undefined || this.#lines === undefined) this.#start();
    this.#child?.stdin.write(`${sql};\n.print ${END}\n`);
    return this.#lines as AsyncIterator<string>;
  }

  #start(): void {
    const argv = [
      "-batch",
      "-bail",
      "-readonly",
      "-noheader",
      "-separator",
      "|",
      "-cmd",
      BUSY,
      this.file,
    ];
    const child = spawn("sqlite3", argv, { stdio: ["pipe", "pipe", "pipe"] });
    this.#stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    child.stdin.on("error", () => {}); // it has ended, which its output says
    this.#ended = once(child, "close");
    this.#ended.catch(() => {}); // looked at where an answer is missing
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async #failure(): Promise<HpcError> {
    try {
      await this.#ended;
      return catalogError(this.file, this.#stderr.trim() || "sqlite3 ended before it had answered");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT")
        return catalogError(this.file, String(cause));
      return new HpcError(
        "HPC_CATALOG",
        "there is no sqlite3 program",
        "Install the package sqlite3.",
        { cause },
      );
    }
  }
}

export function catalogError(file: string, why: string): HpcError {
  return new HpcError(
    "HPC_CATALOG",
    `catalog ${file}: ${why}`,
    "Name the Director's SQLite file, and jobs that it has.",
  );
}
