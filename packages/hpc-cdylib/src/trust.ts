import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** As many as the kernel follows (path_resolution(7)). */
const LINKS_MAX = 40;

/**
 * Why a file that root runs cannot be trusted, or undefined if it can: it, and every folder and symbolic link on the way to it, must belong to root (or to
 * the user that we run as), and file and folders must be writable by no one else. A folder above it with the sticky bit (/tmp) protects what root puts there. As the
 * plugin does (shim-c/fd-plugin/conf.c).
 */
export function untrusted(file: string): string | undefined {
  let at = "/";
  let rest = componentsOf(file);
  for (let links = 0; ; ) {
    const [name = "", ...more] = rest;
    const next = name === ".." ? dirname(at) : join(at, name);
    let stat: Stats;
    let target: string | undefined;
    try {
      stat = lstatSync(next);
      if (stat.isSymbolicLink()) target = readlinkSync(next);
    } catch (error) {
      return `${next}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    }
    const isLast = target === undefined && more.length === 0;
    const doubt = doubtOf(next, stat, isLast);
    if (isLast || doubt !== undefined) return doubt;
    if (target !== undefined && ++links > LINKS_MAX) return `${next}: ELOOP`;
    if (target === undefined) at = next;
    else if (isAbsolute(target)) at = "/";
    rest = target === undefined ? more : [...componentsOf(target), ...more];
  }
}

/** The root is the first component, so that it is looked at, too. */
function componentsOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return isAbsolute(path) ? ["", ...names] : names;
}

function doubtOf(path: string, stat: Stats, isLast: boolean): string | undefined {
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) return `${path} belongs to uid ${stat.uid}`;
  const isProtected = stat.isSymbolicLink() || (!isLast && (stat.mode & STICKY) !== 0);
  if ((stat.mode & WRITABLE_BY_OTHERS) === 0 || isProtected) return undefined;
  return `${path} is writable by group or others (mode ${(stat.mode & 0o7777).toString(8).padStart(4, "0")})`;
}
