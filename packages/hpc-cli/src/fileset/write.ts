import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import { HpcError } from "../errors";
import { shardInName } from "./names";

const HEAD =
  "# Written by podheitor-hpc gen-fileset. Run it again rather than edit this file: it does not overwrite what was edited.";
const SUM = /^# checksum ([0-9a-f]{16})\n/m;

/** What becomes of a file: `edited` ones are left alone unless forced. */
export type State = "new" | "same" | "changed" | "edited";

export interface Planned {
  readonly name: string;
  readonly path: string;
  readonly state: State;
  /** As the file will be, latin1. */
  readonly text: string;
  /** As it is; empty when there is none. */
  readonly before: string;
}

/**
 * The text with a head by which a later run knows whether somebody edited it. Comments are not part
 * of what Bacula compares of a FileSet.
 */
export function withHead(text: string): string {
  return `${HEAD}\n# checksum ${checksum(text)}\n\n${text}`;
}

/** Looks at what lies in `folder`. @throws HpcError HPC_OUTPUT when a file cannot be read */
export function plan(folder: string, files: ReadonlyMap<string, string>): Planned[] {
  return [...files].map(([name, body]) => {
    const path = join(folder, name);
    const text = withHead(body);
    const before = existing(path);
    const state =
      before === undefined
        ? "new"
        : before === text
          ? "same"
          : isEdited(before)
            ? "edited"
            : "changed";
    return { name, path, state, text, before: before ?? "" };
  });
}

/** Files of the same prefix that an earlier run with another number of shards left. */
export function leftovers(folder: string, prefix: string, count: number): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return []; // no folder yet
  }
  return names.filter((name) => {
    const shard = name.endsWith(".conf") ? shardInName(name.slice(0, -".conf".length)) : undefined;
    return shard !== undefined && shard.prefix === prefix && shard.count !== count;
  });
}

/**
 * Writes the new and the changed ones, each at once under its name. @throws HpcError HPC_OUTPUT,
 * HPC_EDITED: then nothing was written
 */
export function write(folder: string, planned: readonly Planned[], force: boolean): void {
  const edited = planned.filter(({ state }) => state === "edited");
  if (edited.length > 0 && !force)
    throw new HpcError(
      "HPC_EDITED",
      `${edited.map(({ path }) => path).join(", ")}: edited since gen-fileset wrote ${edited.length === 1 ? "it" : "them"}`,
      "Look at the difference with --diff; overwrite with --force.",
    );
  attempt(folder, () => mkdirSync(folder, { recursive: true }));
  for (const { path, text } of planned.filter(({ state }) => state !== "same"))
    attempt(path, () => replace(path, text));
}

function replace(path: string, text: string): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true }); // of a run that was killed; nothing that is there is written through
  try {
    writeFileSync(draft, text, { encoding: "latin1", mode: 0o644, flag: "wx", flush: true });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** A unified diff of all that would change; empty when nothing would. */
export function difference(planned: readonly Planned[]): string {
  return planned
    .filter(({ state }) => state !== "same")
    .map(({ path, before, text, state }) =>
      createTwoFilesPatch(state === "new" ? "/dev/null" : path, path, before, text),
    )
    .join("");
}

function existing(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(path, error);
  }
}

function isEdited(text: string): boolean {
  const sum = SUM.exec(text);
  if (sum === null || !text.startsWith(`${HEAD}\n`)) return true;
  return checksum(text.slice(sum.index + sum[0].length + 1)) !== sum[1];
}

function checksum(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex").slice(0, 16);
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): HpcError {
  const why = error instanceof Error ? error.message : String(error);
  return new HpcError(
    "HPC_OUTPUT",
    `${path} cannot be used: ${why}`,
    "Choose another folder with --output, or mend its permissions.",
  );
}
