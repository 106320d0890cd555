import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Every child of a process, also one that has ended and was not reaped: `pid state command`. */
export function childrenAndZombies(parent: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        const end = stat.lastIndexOf(")");
        const [state, ppid] = stat.slice(end + 2).split(" ");
        return ppid === String(parent)
          ? [`${pid} ${state} ${stat.slice(stat.indexOf("(") + 1, end)}`]
          : [];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** Descriptors of a process that a job opens and must close: pipes and event counters. */
export function pipesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return /^(pipe:|anon_inode:\[?eventfd)/.test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

/** Names below a folder that match, at any depth; symlinks are not followed. */
export function namesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const found = pattern.test(name) ? [path] : [];
    return lstatSync(path).isDirectory() ? [...found, ...namesBelow(path, pattern)] : found;
  });
}
