import { lstatSync } from "node:fs";
import { fullName, isInside } from "../common/paths";
import { HeldTree, type Looked } from "../restore/held-tree";

/** A root of the archive and the place in the tree that stands for it. */
export interface Root {
  readonly archived: Buffer;
  readonly actual: Buffer;
}

/** Roots whose top is held at the same time. */
const HELD_MAX = 64;
const SLASH = Buffer.from("/");

/**
 * Where the names of an archive are in a tree. Each root is reached as the backup reached it,
 * through symbolic links if need be, and then held; below it none is followed. `close` must be
 * called.
 */
export class Roots {
  readonly list: readonly Root[];
  /** By root; undefined: it cannot be reached. */
  readonly #held = new Map<Root, HeldTree | undefined>();

  constructor(archived: readonly Buffer[], against: Buffer) {
    this.list = rootsOf(archived, against);
  }

  /** The tree is what was backed up, and not a copy. */
  get areOrigin(): boolean {
    return this.list.every(({ archived, actual }) => archived.equals(actual));
  }

  /**
   * As lstat(2), but of a root itself as stat(2); undefined: there is nothing, or it cannot be
   * looked at, or is under none of the roots.
   */
  stat(name: Buffer): Looked | undefined {
    return this.#look(name, (tree, rest) => tree.stat(rest));
  }

  readlink(name: Buffer): Buffer | undefined {
    return this.#look(name, (tree, rest) => tree.readlink(rest));
  }

  /** Descriptor of a regular file. Throws HpcError; undefined: it is under none of the roots. */
  open(name: Buffer): number | undefined {
    return this.#look(name, (tree, rest) => tree.open(rest));
  }

  /** What is nearest above `name`, and there. */
  above(name: Buffer): Looked | undefined {
    const root = this.#rootOf(name);
    if (root === undefined) return undefined;
    for (let at = parentIn(root, name); at !== undefined; at = parentIn(root, at)) {
      const stat = this.stat(at);
      if (stat !== undefined) return stat;
    }
    return aboveRoot(root.actual);
  }

  close(): void {
    for (const tree of this.#held.values()) tree?.close();
    this.#held.clear();
  }

  #rootOf(name: Buffer): Root | undefined {
    return this.list.find(({ archived }) => name.equals(archived) || isInside(name, archived));
  }

  #look<T>(name: Buffer, how: (tree: HeldTree, rest: Buffer) => T): T | undefined {
    const root = this.#rootOf(name);
    const tree = root && this.#treeOf(root);
    return root && tree && how(tree, restOf(root, name));
  }

  #treeOf(root: Root): HeldTree | undefined {
    if (this.#held.has(root)) return this.#held.get(root);
    for (const [oldest, tree] of this.#held) {
      if (this.#held.size < HELD_MAX) break;
      tree?.close();
      this.#held.delete(oldest);
    }
    const tree = held(root.actual);
    this.#held.set(root, tree);
    return tree;
  }
}

/** The name that the archive has, or would have, of what lies in `dir` of the tree. */
export function archivedName({ archived, actual }: Root, dir: Buffer, name: Buffer): Buffer {
  const full = fullName(dir, name);
  if (full.equals(actual)) return archived;
  return joined(archived, full.subarray(actual.length === 1 ? 0 : actual.length));
}

/**
 * What `against` stands for. Where the roots' full names exist below it (the `where` of a restore,
 * or "/"), it takes the place of "/"; otherwise, and only when the archive has one root, it takes
 * the place of that root.
 */
function rootsOf(archived: readonly Buffer[], against: Buffer): Root[] {
  const below = archived.map((root) => ({ archived: root, actual: joined(against, root) }));
  const [only] = archived;
  if (archived.length === 1 && only !== undefined && !below.some(({ actual }) => exists(actual))) {
    return [{ archived: only, actual: against }];
  }
  return below;
}

/** Begins with "/", or is empty: the root itself. */
function restOf({ archived }: Root, name: Buffer): Buffer {
  if (name.length === archived.length) return name.subarray(name.length);
  return archived.length === 1 ? name : name.subarray(archived.length);
}

/** The directory of `name`, up to the root; undefined above it. */
function parentIn({ archived }: Root, name: Buffer): Buffer | undefined {
  if (name.length <= archived.length) return undefined;
  return name.subarray(0, Math.max(archived.length, name.lastIndexOf(0x2f)));
}

/** `rest` begins with "/" or is empty. */
function joined(directory: Buffer, rest: Buffer): Buffer {
  if (rest.length === 0 || rest.equals(SLASH)) return directory;
  return directory.equals(SLASH) ? rest : Buffer.concat([directory, rest]);
}

function held(path: Buffer): HeldTree | undefined {
  try {
    return new HeldTree(path);
  } catch {
    return undefined; // it is missing, and said to be, like all that should be in it
  }
}

function aboveRoot(path: Buffer): Looked | undefined {
  for (let end = path.lastIndexOf(0x2f); end >= 0; end = path.lastIndexOf(0x2f, end - 1)) {
    const tree = held(path.subarray(0, Math.max(1, end)));
    const stat = tree?.stat(Buffer.alloc(0));
    tree?.close();
    if (stat !== undefined || end === 0) return stat;
  }
  return undefined;
}

function exists(path: Buffer): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
