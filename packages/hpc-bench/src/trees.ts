import { closeSync, linkSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { HpcError } from "./errors";
import { type Making, Turns } from "./making";

export const SHAPES = ["ordinary", "small-dirs", "flat", "deep"] as const;
export type Shape = (typeof SHAPES)[number];

/** Files to a directory. */
const PER_DIRECTORY: Readonly<Record<Shape, number>> = {
  ordinary: 100,
  "small-dirs": 4,
  flat: Number.POSITIVE_INFINITY,
  deep: 50,
};
/** Names to a directory of hard links. */
const LINKS_PER_DIRECTORY = 10_000;
/** Directories below one another in `deep`: a path of 64 names. */
const DEPTH = 64;

/**
 * Makes `folder`, which must not exist, with about `entries` names in all; each file holds `bytes`.
 * ordinary: two levels; small-dirs: four files to a directory; flat: one directory; deep: chains of
 * 64 directories. Throws HPC_BENCH_TREE, and the signal's reason.
 */
export async function makeBenchTree(
  folder: string,
  shape: Shape,
  entries: number,
  bytes: number,
  how: Making = {},
): Promise<void> {
  const content = Buffer.alloc(bytes, "podheitor ");
  const perDirectory = PER_DIRECTORY[shape];
  const turns = new Turns(how);
  await making(folder, how, async () => {
    let left = entries - 1;
    let directory = folder;
    for (let number = 0; left > 0; number++) {
      if (shape !== "flat") {
        directory = nextDirectory(folder, directory, shape, number);
        left--;
      }
      for (let file = 0; file < perDirectory && left > 0; file++, left--) {
        const fd = openSync(`${directory}/file-${file}`, "wx");
        if (bytes > 0) writeSync(fd, content);
        closeSync(fd);
        if (turns.due) await turns.take(1 - left / entries);
      }
    }
  });
}

/** Of the names of such a tree. */
export function directoriesOf(shape: Shape, entries: number): number {
  return Math.ceil(entries / (PER_DIRECTORY[shape] + 1)) + 1;
}

/**
 * Makes `folder`, which must not exist, with `names` names of one empty file; where the filesystem
 * allows a file fewer names, of as few files as it takes. Throws HPC_BENCH_TREE, and the signal's
 * reason.
 */
export async function makeLinkTree(folder: string, names: number, how: Making = {}): Promise<void> {
  const turns = new Turns(how);
  await making(folder, how, async () => {
    let directory = folder;
    let file = "";
    for (let number = 0; number < names; number++) {
      if (turns.due) await turns.take(number / names);
      if (number % LINKS_PER_DIRECTORY === 0) {
        directory = `${folder}/d${number / LINKS_PER_DIRECTORY}`;
        mkdirSync(directory);
      }
      const name = `${directory}/name-${number}`;
      if (file !== "" && linked(file, name)) continue;
      closeSync(openSync(name, "wx"));
      file = name;
    }
  });
}

/**
 * Makes `folder`, which must not exist, with one file of `bytes`, `name`. Throws HPC_BENCH_TREE,
 * and the signal's reason.
 */
export async function makeLargeFile(
  folder: string,
  name: string,
  bytes: number,
  how: Making = {},
): Promise<void> {
  const block = Buffer.alloc(2 ** 20, "large ");
  const turns = new Turns(how);
  await making(folder, how, async () => {
    const fd = openSync(join(folder, name), "wx");
    try {
      for (let left = bytes; left > 0; ) {
        left -= writeSync(fd, block, 0, Math.min(left, block.length));
        if (turns.due) await turns.take(1 - left / bytes);
      }
    } finally {
      closeSync(fd);
    }
  });
}

/** Whether `file` has got another name: false where it has as many as the filesystem allows. */
function linked(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EMLINK") return false;
    throw error;
  }
}

async function making(
  folder: string,
  { signal }: Making,
  fill: () => Promise<void>,
): Promise<void> {
  try {
    mkdirSync(folder);
    await fill();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const why = error instanceof Error ? error.message : String(error);
    throw new HpcError(
      "HPC_BENCH_TREE",
      `the tree ${folder} cannot be made: ${why}`,
      "Name a folder with room: --folder.",
    );
  }
}

function nextDirectory(root: string, before: string, shape: Shape, number: number): string {
  const chained = number % DEPTH === 0 ? root : before;
  const parent = shape === "deep" ? chained : join(root, `d${Math.floor(number / 100)}`);
  const directory = join(parent, `s${number}`);
  mkdirSync(directory, { recursive: true });
  return directory;
}
