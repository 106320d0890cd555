import { accessSync, constants, lstatSync, opendirSync, statSync } from "node:fs";
import { errnoRemedy } from "@podheitor/hpc-native";
import { causeOf, HpcError } from "./errors";
import { atAnyLength } from "./long-path";
import { absolutePath, isInside } from "./paths";
import { printable } from "./printable";

/**
 * The value of the key `path`, normalised. Throws HPC_BAD_PATH for what cannot be read: a job on it is no job, and not
 * one with an entry less.
 */
export function readableRoot(value: Buffer): Buffer {
  const root = absolutePath(value, "path");
  try {
    requireReadable(root);
  } catch (error) {
    throw unreadableRoot(root, causeOf(error));
  }
  return root;
}

/** Throws the system's error. */
function requireReadable(root: Buffer): void {
  const stat = statSync(root);
  if (stat.isDirectory()) {
    opendirSync(root).closeSync(); // listing it would move its access time; the scan says what that brings
  } else if (stat.isFile()) {
    accessSync(root, constants.R_OK); // opening it would break a lease, or recall it from tape
  }
}

/** HPC_BAD_PATH: `root` was named in the job and cannot be saved. `cause`: the errno's name. */
export function unreadableRoot(root: Buffer, cause: string): HpcError {
  const denied = cause === "EACCES" || cause === "EPERM";
  const remedy = errnoRemedy(cause);
  return new HpcError(
    "HPC_BAD_PATH",
    `path "${printable(root)}" cannot be used: ${cause}`,
    denied
      ? "Run the job as root, or as a user who may read it and search the directories above it."
      : remedy === undefined
        ? "Check the spelling, the mount and the permissions."
        : `${remedy[0]?.toUpperCase()}${remedy.slice(1)}.`,
    "path",
  );
}

/**
 * Drops roots that lie inside another root (or are one), saying so in `notes`: every entry travels once. Throws
 * HPC_BAD_PATH where one lies inside the other by name only.
 */
export function withoutNested(roots: readonly Buffer[]): { paths: Buffer[]; notes: string[] } {
  const paths: Buffer[] = [];
  const notes: string[] = [];
  for (const [at, root] of roots.entries()) {
    const outer = roots.find((other, otherAt) => (other.equals(root) ? otherAt < at : isInside(root, other)));
    if (outer !== undefined) refuseThroughSymlink(root, outer);
    if (outer === undefined) paths.push(root);
    else notes.push(`path ${printable(root)} lies inside path ${printable(outer)} and is saved with it`);
  }
  return { paths, notes };
}

/** The scan of `outer` does not follow symlinks, so what `root` reaches through one is not saved with it. */
function refuseThroughSymlink(root: Buffer, outer: Buffer): void {
  for (let end = root.length; end > outer.length; end = root.lastIndexOf(0x2f, end - 1)) {
    if (!isSymlink(root.subarray(0, end))) continue;
    throw new HpcError(
      "HPC_BAD_PATH",
      `path "${printable(root)}" lies inside path ${printable(outer)} by name only: ${printable(root.subarray(0, end))} is a symbolic link`,
      "Write the directory that the link leads to.",
      "path",
    );
  }
}

function isSymlink(path: Buffer): boolean {
  try {
    return atAnyLength(path, (reachable) => lstatSync(reachable)).isSymbolicLink();
  } catch {
    return false; // it vanished since it was looked at; the scan will say so
  }
}
