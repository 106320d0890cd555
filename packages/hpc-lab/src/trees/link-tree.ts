import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { labError } from "../errors";
import { Random } from "./random";

/** How many names a group of hard links has. */
const names = { fewest: 2, most: 50 } as const;

/**
 * A tree in which most names are hard links: `groups` inodes of 2 to 50 names each, their names
 * shuffled over all directories, so that a walk meets first and last names anywhere; the rest are
 * plain files. `entries` counts all names, the root included.
 */
export function makeLinkTree(root: string, entries: number, groups: number, seed = 1): void {
  const random = new Random(seed);
  const folders = [root];
  mkdirSync(root);
  for (let index = 1; index < entries / 200; index += 1) {
    const folder = `${random.pick(folders.slice(0, 50))}/d${index}`;
    mkdirSync(folder);
    folders.push(folder);
  }
  const room = entries - folders.length;
  // Each name of each inode has one slot; then the slots are dealt out.
  const slots: number[] = [];
  for (let inode = 0; inode < groups; inode += 1)
    for (let count = random.between(names.fewest, names.most); count > 0; count -= 1)
      slots.push(inode);
  if (slots.length > room)
    throw labError(
      "HPC_LAB_USAGE",
      `${groups} groups take ${slots.length} names of ${room}`,
      "Ask for fewer.",
    );
  for (let inode = groups; slots.length < room; inode += 1) slots.push(inode);
  const first = new Map<number, string>();
  for (const [index, inode] of random.shuffled(slots).entries()) {
    const path = `${random.pick(folders)}/n${index}`;
    const leader = first.get(inode);
    if (leader !== undefined) linkSync(leader, path);
    else {
      writeFileSync(path, `inode ${inode} `.repeat(1 + (inode % 20)), { flag: "wx" });
      first.set(inode, path);
    }
  }
}
