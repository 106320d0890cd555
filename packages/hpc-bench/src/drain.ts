import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { widenPipe } from "@podheitor/hpc-walker";
import { HpcError } from "./errors";

/**
 * A pipe whose other end `dd` reads, a mebibyte at a time, and forgets. No byte passes through this
 * process.
 */
export interface Drain {
  /** The end to write to. */
  readonly fd: number;
  /** Closes it here, and waits until `dd` has read all. */
  end(): Promise<void>;
}

/**
 * A fifo, because what Node gives a child as a pipe is a socket. bytes: what it holds at least;
 * default: what the system gives. Throws HPC_BENCH_FAILED when it may not.
 */
export function startDrain(bytes?: number): Drain {
  const folder = mkdtempSync(join(tmpdir(), "hpc-drain-"));
  const fifo = join(folder, "fifo");
  try {
    execFileSync("mkfifo", [fifo]);
    const dd = spawn("dd", [`if=${fifo}`, "bs=1M", "of=/dev/null", "status=none"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const closed = once(dd, "close");
    const fd = openSync(fifo, "w"); // waits for dd
    if (bytes !== undefined && (widenPipe(fd, bytes) ?? 0) < bytes) {
      closeSync(fd);
      throw new HpcError(
        "HPC_BENCH_FAILED",
        `a pipe cannot hold ${bytes} bytes`,
        "Raise fs.pipe-max-size and fs.pipe-user-pages-soft (sysctl), or run it as root.",
      );
    }
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
