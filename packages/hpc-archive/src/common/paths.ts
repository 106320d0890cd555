import type { Sentence } from "@podheitor/hpc-base";
import { HpcError } from "./errors";
import { printable } from "./printable";

/*
 * Arithmetic of paths as bytes. Nothing here looks at a filesystem.
 */

const SLASH = 0x2f;
const SEPARATOR = Buffer.of(SLASH);

/** True when `path` lies below `directory`, by component. */
export function isInside(path: Buffer, directory: Buffer): boolean {
  if (directory.length === 1) return path.length > 1;
  return (
    path.length > directory.length &&
    path[directory.length] === SLASH &&
    path.indexOf(directory) === 0
  );
}

/** "/a" of "/a/b"; "/" of "/a" and of "/". */
export function parentOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(1, path.lastIndexOf(SLASH)));
}

/**
 * Without `.`, doubled and trailing slashes; it need not exist. Throws HPC_BAD_PATH, naming the
 * plugin key, for what is not absolute, or holds a NUL byte or a `..`.
 */
export function absolutePath(value: Buffer, key: string): Buffer {
  const bad = (what: string, remedy: Sentence) =>
    new HpcError("HPC_BAD_PATH", `${key} "${printable(value)}" ${what}`, remedy, { key });
  if (value[0] !== SLASH) throw bad("is not absolute", "Begin it with /.");
  if (value.includes(0)) throw bad("holds a NUL byte", "Remove it.");
  const components: Buffer[] = [];
  for (let start = 1; start <= value.length; ) {
    const slash = value.indexOf(SLASH, start);
    const end = slash < 0 ? value.length : slash;
    const component = value.subarray(start, end);
    const text = component.toString("latin1");
    // Whether /a/../b is /b depends on what /a is; the catalog must not have to guess.
    if (text === "..") throw bad('has a ".." component', "Write the directory itself.");
    if (text !== "" && text !== ".") components.push(component);
    start = end + 1;
  }
  const path = Buffer.concat(components.flatMap((component) => [SEPARATOR, component]));
  return path.length === 0 ? Buffer.from("/") : path;
}

/** The full name of an entry, as one new Buffer. */
export function fullName(dir: Buffer, name: Buffer): Buffer {
  if (name.length === 0) return Buffer.from(dir);
  // "/" is the only directory that ends in a slash.
  return dir.length === 1 ? Buffer.concat([dir, name]) : Buffer.concat([dir, SEPARATOR, name]);
}
