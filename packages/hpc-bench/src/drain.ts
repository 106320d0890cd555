import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A pipe whose other end `dd` reads, a mebibyte at a time, and forgets. No byte passes through this process. */
export interface Drain {
  /** The end to write to. */
  readonly fd: number;
  /** Closes it here, and waits until `dd` has read all. */
  end(): Promise<void>;
}

/** A fifo, because what Node gives a child as a pipe is a socket. */
export function startDrain(): Drain {
  const folder = mkdtempSync(join(tmpdir(), "hpc-drain-"));
  const fifo = join(folder, "fifo");
  try {
    execFileSync("mkfifo", [fifo]);
    const dd = spawn("dd", [`if=${fifo}`, "bs=1M", "of=/dev/null", "status=none"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const closed = once(dd, "close");
    const fd = openSync(fifo, "w"); // waits for dd
    return {
      fd,
      async end() {
        closeSync(fd);
        await closed;
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
