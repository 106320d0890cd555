import { constants } from "node:fs";
import { access, lstat, open, stat } from "node:fs/promises";
import { counted, HpcError, printable } from "@podheitor/hpc-archive";
import { causeOf, errnoRemedy } from "@podheitor/hpc-base";
import { rootLink } from "@podheitor/hpc-walker";

/** A path that lies inside another one of the same job, or is one. */
export interface NestedRoot {
  readonly root: Buffer;
  readonly outer: Buffer;
}

/** The paths of a job, as `JobParams` has them. */
interface JobRoots {
  readonly paths: readonly Buffer[];
  readonly nested: readonly NestedRoot[];
}

/**
 * Looks whether all paths of a job can be read. Throws HPC_BAD_PATH for one that cannot: a job on
 * it is no job, and not one with an entry less; and for a path that lies inside another one by name
 * only. Waits for the filesystems, as long as they take, and blocks nothing else.
 */
export async function requireRoots({ paths, nested }: JobRoots): Promise<void> {
  for (const root of [...paths, ...nested.map(({ root }) => root)]) {
    try {
      await counted(requireReadable(root));
    } catch (error) {
      throw unreadableRoot(root, causeOf(error));
    }
  }
  for (const { root, outer } of nested) await refuseThroughSymlink(root, outer);
}

/** Rejects with the system's error. */
async function requireReadable(root: Buffer): Promise<void> {
  const found = await stat(root);
  if (found.isDirectory()) {
    const directory = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
    await directory.close(); // listing it would move its access time; the scan says what that brings
  } else if (found.isFile()) {
    await access(root, constants.R_OK); // opening it would break a lease, or recall it from tape
  }
}

/** HPC_BAD_PATH: `root` was named in the job and cannot be saved. `cause`: the errno's name. */
export function unreadableRoot(root: Buffer, cause: string): HpcError {
  if (cause === "ELOOP") {
    const link = rootLink(root);
    const which = link === undefined ? "a symbolic link" : `the symbolic link ${printable(link)}`;
    return new HpcError(
      "HPC_BAD_PATH",
      `path "${printable(root)}" cannot be used: ${which} on the way may lead where another user wants`,
      "Name the resolved path (as a path of the FileSet, or with --path).",
      { key: "path" },
    );
  }
  const denied = cause === "EACCES" || cause === "EPERM";
  return new HpcError(
    "HPC_BAD_PATH",
    `path "${printable(root)}" cannot be used: ${cause}`,
    denied
      ? "Run the job as root, or as a user who may read it and search the directories above it."
      : (errnoRemedy(cause) ?? "Check the spelling, the mount and the permissions."),
    { key: "path" },
  );
}

/** What may keep the walk of a path from a directory below it. */
interface LeftOut {
  readonly excludes: readonly Buffer[];
  readonly excludeMarkers: readonly Buffer[];
  readonly oneFilesystem: boolean;
}

/**
 * Drops roots that lie inside another root (or are one), saying so in `notes`: every entry travels
 * once. Where something may be left out they stay, for what is named is saved: the scan walks each
 * of them by itself then, and not from above.
 */
export function withoutNested(
  roots: readonly Buffer[],
  { excludes, excludeMarkers, oneFilesystem }: LeftOut,
): { paths: Buffer[]; nested: NestedRoot[]; notes: string[] } {
  const mayMiss = excludes.length > 0 || excludeMarkers.length > 0 || oneFilesystem;
  const paths: Buffer[] = [];
  const nested: NestedRoot[] = [];
  const notes: string[] = [];
  const named = new NamedRoots(roots);
  for (const [at, root] of roots.entries()) {
    const { first, outer } = named.around(root, at);
    const again = first < at;
    if (outer !== undefined) nested.push({ root, outer });
    if (outer === undefined || (mayMiss && !again)) paths.push(root);
    else
      notes.push(
        `path ${printable(root)} lies inside path ${printable(outer)} and is saved with it`,
      );
  }
  return { paths, nested, notes };
}

/**
 * Finds a root's outer ones by their names, in time that does not grow with the number of roots: a
 * list of files has many.
 */
class NamedRoots {
  /** In latin1, with the place of the first of its name. */
  readonly #places = new Map<string, number>();
  readonly #lengths = new Set<number>();

  constructor(private readonly roots: readonly Buffer[]) {
    for (const [at, root] of roots.entries()) {
      const name = root.toString("latin1");
      if (!this.#places.has(name)) this.#places.set(name, at);
      this.#lengths.add(root.length);
    }
  }

  /**
   * Of the root at a place: that of the first of its name, and the first root that it lies inside,
   * or that is the same and comes before.
   */
  around(root: Buffer, at: number): { first: number; outer: Buffer | undefined } {
    const name = root.toString("latin1");
    const first = this.#places.get(name) ?? at;
    let place = first < at ? first : Number.POSITIVE_INFINITY;
    for (let slash = 0; slash >= 0 && name.length > 1; slash = name.indexOf("/", slash + 1)) {
      const end = Math.max(slash, 1); // "/" is the one that ends in a slash
      if (!this.#lengths.has(end)) continue;
      place = Math.min(place, this.#places.get(name.slice(0, end)) ?? place);
    }
    return { first, outer: this.roots[place] };
  }
}

/**
 * The scan of `outer` does not follow symlinks, so what `root` reaches through one is not saved
 * with it.
 */
async function refuseThroughSymlink(root: Buffer, outer: Buffer): Promise<void> {
  for (let end = root.length; end > outer.length; end = root.lastIndexOf(0x2f, end - 1)) {
    if (!(await counted(isSymlink(root.subarray(0, end))))) continue;
    throw new HpcError(
      "HPC_BAD_PATH",
      `path "${printable(root)}" lies inside path ${printable(outer)} by name only: ${printable(root.subarray(0, end))} is a symbolic link`,
      "Write the directory that the link leads to.",
      { key: "path" },
    );
  }
}

async function isSymlink(path: Buffer): Promise<boolean> {
  // It vanished since it was looked at; the scan will say so. One whose path is longer than the
  // kernel takes was not readable either.
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}
