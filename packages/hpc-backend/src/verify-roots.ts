import { lstatSync } from "node:fs";
import { fullName } from "./entry-sink";
import { isInside } from "./paths";

/** A root of the archive and the place in the tree that stands for it. */
export interface Root {
  readonly archived: Buffer;
  readonly actual: Buffer;
}

/**
 * What `against` stands for. Where the roots' full names exist below it (the `where` of a restore, or "/"), it takes the place of "/";
 * otherwise, and only when the archive has one root, it takes the place of that root.
 */
export function rootsOf(archived: readonly Buffer[], against: Buffer): Root[] {
  const below = archived.map((root) => ({ archived: root, actual: joined(against, root) }));
  const [only] = archived;
  if (archived.length === 1 && only !== undefined && !below.some(({ actual }) => exists(actual))) {
    return [{ archived: only, actual: against }];
  }
  return below;
}

/** Where an archived name is in the tree; undefined: under none of the roots. */
export function actualName(roots: readonly Root[], name: Buffer): Buffer | undefined {
  for (const { archived, actual } of roots) {
    if (name.equals(archived)) return actual;
    if (isInside(name, archived)) return joined(actual, name.subarray(archived.length === 1 ? 0 : archived.length));
  }
  return undefined;
}

/** The other way round. */
export function archivedName({ archived, actual }: Root, dir: Buffer, name: Buffer): Buffer {
  const full = fullName(dir, name);
  if (full.equals(actual)) return archived;
  return joined(archived, full.subarray(actual.length === 1 ? 0 : actual.length));
}

/** `rest` begins with "/" or is empty. */
function joined(directory: Buffer, rest: Buffer): Buffer {
  if (rest.length === 0 || rest.equals(SLASH)) return directory;
  return directory.equals(SLASH) ? rest : Buffer.concat([directory, rest]);
}

const SLASH = Buffer.from("/");

function exists(path: Buffer): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
