import { once } from "node:events";
import { errorLine } from "@podheitor/hpc-base";
import { reportOf } from "./errors";
import type { Io, Sink } from "./io";
import { type ProgressFigures, ProgressLine } from "./progress";
import { escapeText } from "./text/escape";
import { plural } from "./text/format";

export type MessageLevel = "info" | "warning" | "error" | "not-saved";

/** Where results are large (list), lines are gathered to this size before they are written. */
const CHUNK_BYTES = 64 * 1024;

/**
 * What a command says. People read results on standard output, and messages, progress and errors on
 * standard error; with --json standard output has one JSON object per line and nothing else.
 */
export class Output {
  private readonly results: Sink;
  private readonly progressLine: ProgressLine;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  /** Messages of a level above info. */
  warnings = 0;

  /**
   * @param resultsToStderr the command's standard output is an archive, so results go to standard
   * error.
   */
  constructor(
    private readonly io: Io,
    readonly json: boolean,
    resultsToStderr = false,
  ) {
    this.results = resultsToStderr ? io.stderr : io.stdout;
    this.progressLine = new ProgressLine(io.stderr, !json);
  }

  /** True when results are read by a person at a terminal. */
  get terminal(): boolean {
    return this.results.isTTY === true;
  }

  /** One result line; only without --json. */
  line(text: string): void {
    if (this.json) return;
    this.progressLine.clear();
    this.results.write(`${text}\n`);
  }

  /** The same by the million: waits for a slow reader. Call `flush` at the end. */
  async lineInBulk(text: string): Promise<void> {
    if (this.json) return;
    this.progressLine.clear();
    await this.bulk(Buffer.from(`${text}\n`));
  }

  /** One result object by the million; only with --json. */
  async objectInBulk(value: unknown): Promise<void> {
    if (this.json) await this.bulk(Buffer.from(`${toJson(value)}\n`));
  }

  /** One result object; only with --json. */
  object(value: unknown): void {
    if (this.json) this.results.write(`${toJson(value)}\n`);
  }

  /**
   * Results by the million: gathered, but for a person at a terminal, and waiting for a slow
   * reader. Call `flush` at the end.
   */
  async bulk(bytes: Buffer): Promise<void> {
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
    if (this.pendingBytes >= CHUNK_BYTES || this.terminal) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.pendingBytes === 0) return;
    const chunk = Buffer.concat(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
    if (!this.results.write(chunk)) await once(this.results, "drain", { signal: this.io.signal });
  }

  message(level: MessageLevel, text: string): void {
    if (level !== "info") this.warnings++;
    if (this.json) {
      this.object({ message: { level, text } });
      return;
    }
    this.progressLine.clear();
    this.io.stderr.write(
      `podheitor-hpc: ${level === "not-saved" ? "not saved" : level}: ${escapeText(text)}\n`,
    );
  }

  /**
   * The last line of a command's results where there were warnings: with others before it, one is
   * easily missed.
   */
  countWarnings(): void {
    if (this.warnings > 0) this.line(`  ${plural(this.warnings, "warning")}`);
  }

  progress(figures: ProgressFigures): void {
    this.progressLine.update(figures);
  }

  /** What is being done, where entries are not what it is counted in. */
  activity(text: string): void {
    this.progressLine.show(text);
  }

  /** Takes the progress line away; the last thing before results are printed. */
  endProgress(): void {
    this.progressLine.clear();
  }

  error(error: unknown): void {
    this.progressLine.clear();
    const report = reportOf(error);
    if (this.json) this.results.write(`${toJson({ error: report })}\n`);
    else this.io.stderr.write(`podheitor-hpc: ${escapeText(errorLine(report))}\n`);
  }
}

/**
 * JSON in which 64-bit integers are numbers as far as a double holds them exactly, and strings of
 * digits beyond.
 */
export function toJson(value: unknown): string {
  // JSON.rawJSON is not in Node 20: BigInts beyond 2^53 become strings, so that nothing is rounded
  // on our side.
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "bigint"
      ? BigInt(Number(item)) === item && Math.abs(Number(item)) <= Number.MAX_SAFE_INTEGER
        ? Number(item)
        : item.toString()
      : item,
  );
}
