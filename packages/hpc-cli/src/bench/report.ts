import { copyFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BackupResult } from "@podheitor/hpc-bench";
import type { Output } from "../output";

/** Says and saves what was measured. */
export class Report {
  /** A contest had no room. */
  leftOut = false;
  measured = 0;

  constructor(
    private readonly output: Output,
    private readonly machine: string,
    private readonly folder: string | undefined,
  ) {}

  async say(name: string, table: string, how: string, data: object, plot: string): Promise<void> {
    const date = new Date().toISOString();
    this.measured++;
    const text = `${table}\n${this.machine}; ${how}; ${date.slice(0, 10)}\n`;
    const facts = { name, machine: this.machine, date, ...data };
    this.output.line(text);
    this.output.object(facts);
    if (this.folder === undefined) return;
    await writeFile(join(this.folder, `${name}.json`), `${JSON.stringify(facts, null, 2)}\n`);
    await writeFile(join(this.folder, `${name}.svg`), plot);
    await writeFile(join(this.folder, `${name}.md`), text);
  }

  /** What the lab has written. */
  async keep({ name, files, text, data }: BackupResult): Promise<void> {
    this.measured++;
    this.output.line(text);
    this.output.object({ name, ...data });
    if (this.folder === undefined) return;
    for (const file of files) await copyFile(file, join(this.folder, basename(file)));
  }
}
