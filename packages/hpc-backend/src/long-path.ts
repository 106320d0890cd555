import { closeSync, constants } from "node:fs";
import { openFile } from "@podheitor/hpc-walker";
import { errnoError } from "./errors";

/** Bytes of a path that the kernel takes, with its NUL. */
export const PATH_MAX = 4096;

/**
 * Calls `use` with a path that Node's functions take and that leads to the same object: longer ones go through a
 * descriptor of their directory, which is closed afterwards. Throws as `use` does, or the errno of opening the directory.
 */
export function atAnyLength<T>(path: Buffer, use: (reachable: Buffer) => T): T {
  if (path.length < PATH_MAX) return use(path);
  const slash = path.lastIndexOf(0x2f);
  const directory = openFile(path.subarray(0, slash), constants.O_RDONLY | constants.O_DIRECTORY);
  if (directory < 0) throw errnoError(-directory);
  try {
    return use(Buffer.concat([Buffer.from(`/proc/self/fd/${directory}`), path.subarray(slash)]));
  } finally {
    closeSync(directory);
  }
}
