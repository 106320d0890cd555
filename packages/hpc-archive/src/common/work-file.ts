import { randomBytes } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { causeOf } from "@podheitor/hpc-base";
import { HpcError } from "./errors";

/**
 * A temporary file without a name: whatever ends the process, nothing is left. Calls are
 * synchronous, because they answer from the page cache in microseconds. All throw HPC_WORK_FILE.
 */
export class WorkFile {
  readonly #fd: number;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    const path = join(directory, `.podheitor-hpc-${process.pid}-${randomBytes(6).toString("hex")}`);
    this.#fd = this.#try(() => {
      const fd = openSync(path, "wx+", 0o600);
      unlinkSync(path);
      return fd;
    });
  }

  /** Fills `to` from there. What was never written reads as zeros. */
  read(to: Buffer, position: number): void {
    this.#try(() => {
      for (let have = 0; have < to.length; ) {
        const got = readSync(this.#fd, to, have, to.length - have, position + have);
        if (got === 0) {
          to.fill(0, have);
          return;
        }
        have += got;
      }
    });
  }

  write(from: Buffer, position: number): void {
    this.#try(() => {
      for (let done = 0; done < from.length; )
        done += writeSync(this.#fd, from, done, from.length - done, position + done);
    });
  }

  close(): void {
    closeSync(this.#fd);
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new HpcError(
        "HPC_WORK_FILE",
        `a temporary file in ${this.#directory} cannot be used: ${causeOf(error)}`,
        "Make room there and check that it can be written to, or set TMPDIR to another directory.",
      );
    }
  }
}
