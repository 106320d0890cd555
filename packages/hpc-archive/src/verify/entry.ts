import { type Entry, EntryFlag, EntryKind } from "@podheitor/hpc-ptcomm";
import { kindOfMode } from "@podheitor/hpc-wire";
import type { Difference } from "../job/job-events";
import type { Looked } from "../restore/held-tree";
import type { Times } from "./times";

export type Found = (what: Difference["what"], archived?: string, found?: string) => void;

const PERMISSIONS = 0o7777;

/** Compares what stat tells. Times of symlinks count too: restore sets them. */
export function compareStat(entry: Entry, stat: Looked, times: Times, found: Found): void {
  const mode = Number(stat.mode);
  if (kindOfMode(mode) !== entry.kind) {
    found("type", octal(entry.mode), octal(mode));
    return;
  }
  if (entry.kind !== EntryKind.SYMLINK && (mode & PERMISSIONS) !== (entry.mode & PERMISSIONS)) {
    found("mode", octal(entry.mode), octal(mode));
  }
  if (stat.uid !== BigInt(entry.uid) || stat.gid !== BigInt(entry.gid)) {
    found("owner", `${entry.uid}:${entry.gid}`, `${stat.uid}:${stat.gid}`);
  }
  const mtime = mtimeOf(entry);
  if (!times.same(mtime, stat)) found("mtime", seconds(mtime), seconds(stat.mtimeNs));
  if (isDevice(entry) && stat.rdev !== entry.rdev)
    found("type", `device ${entry.rdev}`, `device ${stat.rdev}`);
  const hasNoData = (entry.flags & EntryFlag.HAS_DATA) === 0;
  if (
    entry.kind === EntryKind.REGULAR &&
    hasNoData &&
    (entry.flags & EntryFlag.LINK) === 0 &&
    stat.size !== 0n
  ) {
    found("size", "0", String(stat.size));
  }
}

/** Nanoseconds since the epoch. */
export function mtimeOf({ mtime, mtimeNs }: Entry): bigint {
  return mtime * 1_000_000_000n + BigInt(mtimeNs);
}

function isDevice({ kind }: Entry): boolean {
  return kind === EntryKind.CHARDEV || kind === EntryKind.BLOCKDEV;
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}

function seconds(ns: bigint): string {
  // Truncation towards minus infinity, so that the fraction stays positive before 1970.
  const whole = (ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n;
  return `${whole}.${String(ns - whole * 1_000_000_000n).padStart(9, "0")}`;
}
