import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Of /proc/net/tcp (proc(5)): a connection that stands. */
const ESTABLISHED = "01";
const LOOK_MS = 10;
/**
 * The kernel walks half a million buckets for /proc/net/tcp, some milliseconds: so often it is read
 * after the File Daemon's sockets have changed, and no more.
 */
const LOOKS_AFTER_CHANGE = 5;

/**
 * How long a File Daemon is connected to its Storage Daemon: the time of a job that is the File
 * Daemon's, without the Director's and the catalog's. Seconds, to a hundredth, where the job's
 * report has whole seconds. What is returned ends the watch.
 */
export function watchStorageTime(fdPid: number, storagePort: number): () => number {
  let [first, last] = [0, 0];
  const connected = connectionOf(fdPid, storagePort);
  const timer = setInterval(() => {
    if (!connected()) return;
    last = performance.now();
    first ||= last;
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    return (last - first) / 1000;
  };
}

/** Whether the one connection of a job stands, to be asked again and again. */
function connectionOf(pid: number, port: number): () => boolean {
  let connection: string | undefined;
  let before = "";
  let looks = 0;
  return () => {
    const sockets = socketsOf(pid);
    if (connection !== undefined) return sockets.includes(connection);
    const now = sockets.join();
    looks = now === before ? looks - 1 : LOOKS_AFTER_CHANGE;
    before = now;
    if (looks <= 0) return false;
    const established = establishedTo(port);
    connection = sockets.find((socket) => established.has(socket));
    return connection !== undefined;
  };
}

function establishedTo(port: number): Set<string> {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const fields = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((field) => field[2]?.endsWith(remote) && field[3] === ESTABLISHED);
  return new Set(fields.map((field) => `socket:[${field[9]}]`));
}

function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => target(pid, fd))
    .filter((link) => link.startsWith("socket:"));
}

function target(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ""; // closed meanwhile
  }
}
