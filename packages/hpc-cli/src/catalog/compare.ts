import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { isDevice, ModeType, S_IFMT } from "@podheitor/hpc-wire";
import { decodeLstat, mtimeNs } from "./lstat";
import type { CatalogFile } from "./reader";

/** Why a tree and a catalog disagree about a name. */
export type Why =
  /** The entry's ctime is later than the one in the catalog: it was touched after it was saved. */
  | "changed"
  /** The catalog has it, the tree has not: removed since (or, in a restored tree, not restored). */
  | "vanished"
  /** The tree has it, and its ctime says that it came after the last job. */
  | "created"
  /** The tree has it, and no job: excluded, of a shard that is not among the jobs, or not saved. */
  | "not-in-catalog"
  /** The last job that names it recorded it as deleted, and it exists. */
  | "recorded-as-deleted"
  /** A socket: never saved. */
  | "socket"
  /** A job said why it was not saved. */
  | "failed"
  /** It differs though it has not been touched since, or the tree is a restored one. */
  | "differs";

export interface CatalogDifference {
  readonly path: Buffer;
  readonly why: Why;
  /** `mode 0100644, found 0100600`; for `failed` what the job said. */
  readonly detail: string;
}

/** lstat of a name in latin1; undefined when there is none. @throws other errors of lstat */
export function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(Buffer.from(path, "latin1"), { bigint: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * A row of the catalog beside what lies on disk. Link targets and contents are not in the catalog,
 * and times there are whole seconds but for our plugin's.
 *
 * @param inPlace the tree is what was saved, so that its ctime tells what was touched since; that
 * of a restored tree is always new
 */
export function compareRow(
  file: CatalogFile,
  stat: BigIntStats,
  inPlace: boolean,
): Omit<CatalogDifference, "path"> | undefined {
  const saved = decodeLstat(file.lstat);
  const details: string[] = [];
  const differ = (what: string, one: unknown, other: unknown): void => {
    if (one !== other) details.push(`${what} ${one}, found ${other}`);
  };
  const type = saved.mode & S_IFMT;
  const mode = Number(stat.mode);
  differ("type", octal(type), octal(mode & S_IFMT));
  if (details.length === 0) {
    if (type !== ModeType.SYMLINK) differ("mode", octal(saved.mode), octal(mode));
    differ("owner", `${saved.uid}:${saved.gid}`, `${stat.uid}:${stat.gid}`);
    if (type === ModeType.REGULAR) differ("size", saved.size, stat.size);
    if (isDevice(type)) differ("device", saved.rdev, stat.rdev);
    const fraction = mtimeNs(saved);
    const whole = stat.mtimeNs - modulo(stat.mtimeNs);
    if (fraction === undefined) differ("mtime", saved.mtime, whole / NANOSECONDS);
    else
      differ(
        "mtime",
        seconds(saved.mtime, fraction),
        seconds(whole / NANOSECONDS, modulo(stat.mtimeNs)),
      );
  }
  if (details.length === 0) return undefined;
  const ctime = (stat.ctimeNs - modulo(stat.ctimeNs)) / NANOSECONDS;
  return {
    why: inPlace && ctime > saved.ctime ? "changed" : "differs",
    detail: details.join("; "),
  };
}

/**
 * Names in a directory on disk: those of subdirectories, and the others. Empty when it cannot be
 * listed (and `failed` is called).
 */
export function listing(
  path: string,
  failed: (error: NodeJS.ErrnoException) => void,
): { folders: string[]; others: string[] } {
  const folders: string[] = [];
  const others: string[] = [];
  try {
    for (const entry of readdirSync(Buffer.from(path, "latin1"), {
      withFileTypes: true,
      encoding: "buffer",
    })) {
      const name = (entry.name as unknown as Buffer).toString("latin1");
      (entry.isDirectory() ? folders : others).push(name);
    }
  } catch (error) {
    failed(error as NodeJS.ErrnoException);
  }
  return { folders, others };
}

const NANOSECONDS = 1_000_000_000n;

/** The fraction of a second, counted upwards before 1970, too. */
function modulo(ns: bigint): bigint {
  return ((ns % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
}

function seconds(whole: bigint, fraction: bigint): string {
  return `${whole}.${String(fraction).padStart(9, "0")}`;
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
