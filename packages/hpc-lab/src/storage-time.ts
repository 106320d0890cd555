import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Of /proc/net/tcp (proc(5)): a connection that stands. */
const ESTABLISHED = "01";
const LOOK_MS = 10;

/**
 * How long a File Daemon is connected to its Storage Daemon: the time of a job that is the File Daemon's, without the Director's and the catalog's. Seconds, to
 * a hundredth, where the job's report has whole seconds. What is returned ends the watch.
 */
export function watchStorageTime(fdPid: number, storagePort: number): () => number {
  let [first, last] = [0, 0];
  const timer = setInterval(() => {
    if (!connected(fdPid, storagePort)) return;
    last = performance.now();
    first ||= last;
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    return (last - first) / 1000;
  };
}

function connected(pid: number, port: number): boolean {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(remote) && fields[3] === ESTABLISHED)
    .map((fields) => `socket:[${fields[9]}]`);
  return inodes.length > 0 && readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(target(pid, fd)));
}

function target(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ""; // closed meanwhile
  }
}
