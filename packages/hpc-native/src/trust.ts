import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** As many as the kernel follows (path_resolution(7)). */
const LINKS_MAX = 40;

/**
 * Why a file that root runs cannot be trusted, or undefined if it can: it, and every folder and
 * symbolic link on the way to it, must belong to root (or to the user that we run as), and file and
 * folders must be writable by no one else. A folder above it with the sticky bit (/tmp) protects
 * what root puts there. As the plugin does (shim-c/fd-plugin/backend/conf.c).
 *
 * @param trusted others who may own it
 */
export function untrusted(file: string, trusted: readonly number[] = []): string | undefined {
  const owners = [0, process.geteuid?.(), ...trusted];
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
    const doubt = doubtOf(next, stat, isLast, owners);
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

function doubtOf(
  path: string,
  stat: Stats,
  isLast: boolean,
  owners: readonly (number | undefined)[],
): string | undefined {
  if (!owners.includes(stat.uid)) return `${path} belongs to uid ${stat.uid}`;
  const isProtected = stat.isSymbolicLink() || (!isLast && (stat.mode & STICKY) !== 0);
  if ((stat.mode & WRITABLE_BY_OTHERS) === 0 || isProtected) return undefined;
  return `${path} is writable by group or others (mode ${(stat.mode & 0o7777).toString(8).padStart(4, "0")})`;
}

/**
 * What a program of ours, a launcher that was bundled, loads from its folder: its text, what was
 * compiled of it, addons and libraries.
 */
export function loadedBeside(launcher: string): string[] {
  const real = realpathSync(launcher);
  const stem = basename(real).replace(/\.c?js$/, "");
  const isLoaded = (file: string) =>
    [`${stem}.main.cjs`, `${stem}.cache`].includes(file) || /\.(?:node|so)$/.test(file);
  return readdirSync(dirname(real))
    .filter(isLoaded)
    .sort()
    .map((file) => join(dirname(real), file));
}

/**
 * Why this file of our own may not be loaded by the code in `by`; always undefined where we are not
 * root, who alone has more to lose than whoever runs it could do anyway. Who owns `by`, or a folder
 * above it, may own the file: it is their program that root has started.
 */
export function unfitForRoot(file: string, by: string): string | undefined {
  return process.geteuid?.() === 0 ? untrusted(file, ownersOf(by)) : undefined;
}

function ownersOf(program: string): number[] {
  const owners = new Set<number>();
  for (let at = realpathSync(program); ; at = dirname(at)) {
    owners.add(lstatSync(at).uid);
    if (at === "/") return [...owners];
  }
}

export const TRUST_REMEDY =
  "Run `chown root` and `chmod go-w` on what is named, or install it where only root can write.";
