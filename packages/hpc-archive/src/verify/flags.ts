import { release } from "node:os";
import { filesystemOf } from "@podheitor/hpc-native";

/**
 * Filesystems that tell of project ids and all inode flags without a request for each file, from
 * Linux 6.17 on: shim-c/scan/entry/flags.c.
 */
const TELL: ReadonlySet<string> = new Set(["ext2", "ext3", "ext4", "xfs", "f2fs"]);
/** Filesystems whose statx(2) tells of no flag. */
const TELL_NONE: ReadonlySet<string> = new Set(["lustre", "fuse", "nfs"]);

/**
 * What of project ids and inode flags is neither saved nor compared where `path` lies, as a
 * sentence; undefined: all of it is compared. `project`: how the backup was told to ask for them.
 */
export function unreadFlags(path: Buffer, project: string, kernel = release()): string | undefined {
  if (project === "yes") return undefined;
  let filesystem: ReturnType<typeof filesystemOf>;
  try {
    filesystem = filesystemOf(path);
  } catch {
    return undefined; // there is nothing to compare, and that is said
  }
  const { type, fstype } = filesystem;
  const name = fstype === "" ? type : fstype;
  if (type === "lustre" && project === "auto")
    return "project ids and inode flags of files in directories without a project are not read with project=auto, and not compared";
  if (TELL_NONE.has(type))
    return `project ids and inode flags are not read on ${name}, and not compared`;
  if (TELL.has(name) && isAtLeast(kernel, 6, 17)) return undefined;
  const why = TELL.has(name) ? `${name} before Linux 6.17` : name;
  return `project ids, and inode flags other than immutable, append-only, compressed and no-dump, are not read on ${why}, and not compared`;
}

function isAtLeast(kernel: string, major: number, minor: number): boolean {
  const [, have = "0", point = "0"] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  return Number(have) > major || (Number(have) === major && Number(point) >= minor);
}
