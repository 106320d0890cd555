import { readdirSync, readFileSync } from "node:fs";
import { HpcError } from "@podheitor/hpc-archive";
import { DESCRIPTORS_FREE } from "../limits";

/**
 * With too few file descriptors every file would be waited for, and fail in the end. Throws
 * HPC_DESCRIPTORS. Where /proc does not tell, nothing is known beforehand.
 * `what` needs them, for the message; `limits`, `open`: for tests.
 */
export function requireDescriptors(
  what = "a backup",
  limits = readLimits(),
  open = countOpen(),
): void {
  const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  if (most - open >= DESCRIPTORS_FREE) return;
  throw new HpcError(
    "HPC_DESCRIPTORS",
    `this process may have ${most} open files, and has ${open}: ${what} needs ${DESCRIPTORS_FREE} more`,
    "Raise the limit: `ulimit -n`, or LimitNOFILE= in the File Daemon's unit.",
  );
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return "";
  }
}

function countOpen(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}
