import { usageError } from "./errors";

/*
 * Evaluated before anything that asks for the current directory, as the option parser does when it
 * is loaded: one that was removed has no name, and Node then throws.
 */

/** A path that leads to it also when it has no name: what is looked for below it is not there. */
const NAMELESS = "/proc/self/cwd";

const removed = isRemoved();
if (removed) process.cwd = () => NAMELESS;

function isRemoved(): boolean {
  try {
    process.cwd();
    return false;
  } catch {
    return true;
  }
}

/** Options, and other arguments, whose values name files. */
const FILES = [
  "path",
  "path-from",
  "files-from",
  "archive",
  "where",
  "against",
  "tree",
  "catalog",
  "output",
  "svg",
  "folder",
  "save",
  "plugin-dir",
  "plugin",
  "backend",
  "node",
  "file",
];

/**
 * Throws HpcError for a relative name of a file where there is nothing that it could be relative
 * to.
 */
export function refuseRelative(args: Readonly<Record<string, unknown>>, isGone = removed): true {
  const relative = (value: unknown) =>
    typeof value === "string" && value !== "-" && !/^(\/|[a-z]+:\/\/)/.test(value);
  for (const name of isGone ? FILES : []) {
    const value = [args[name]].flat().find(relative);
    if (value !== undefined)
      throw usageError(
        `${name} ${String(value)} is relative, and the current directory was removed`,
        "Go to a directory that is there, or write the whole path.",
      );
  }
  return true;
}
