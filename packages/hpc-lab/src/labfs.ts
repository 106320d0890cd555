import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alive, type ProcessId, startProcess, stopProcesses, tail } from "./bacula/daemon";
import { command } from "./command";
import { labError } from "./errors";
import { limits } from "./limits";
import { until } from "./wait";

const folder = join(__dirname, "../../../shim-c/labfs");
const program = join(folder, "build/labfs");

/** What labfs needs and this machine does not have; undefined: all there. */
export function missingForLabFs(): string | undefined {
  if (!existsSync("/dev/fuse")) return "/dev/fuse";
  if (!existsSync("/usr/bin/fusermount3") && !existsSync("/bin/fusermount3"))
    return "fusermount3 (package fuse3)";
  if (!existsSync("/usr/include/fuse3/fuse.h")) return "fuse3/fuse.h (package libfuse3-dev)";
  return process.getuid?.() === 0 ? undefined : "root";
}

/**
 * A directory seen through FUSE with faults that rules call up (shim-c/labfs/rules.h has their
 * grammar).
 */
export class LabFs {
  private constructor(
    /** The real directory; what is done here is seen in `mount` at once. */
    readonly source: string,
    readonly mount: string,
    private readonly process: ProcessId,
  ) {}

  /**
   * Builds the program if need be, and mounts. `lustre`: as a client of Lustre shows a directory
   * (lustre-double.ts). @throws HpcError HPC_LAB_INSTALL, HPC_LAB_DAEMON
   */
  static async start(source: string, mount: string, kind?: "lustre"): Promise<LabFs> {
    const missing = missingForLabFs();
    if (missing !== undefined)
      throw labError("HPC_LAB_INSTALL", `labfs: missing ${missing}`, "Install it.");
    await command(["make", "-s", "-C", folder, "all"]);
    for (const directory of [source, mount]) mkdirSync(directory, { recursive: true });
    const outside = statSync(mount).dev;
    const log = `${mount}.log`;
    const process = startProcess({
      argv: [program, source, mount, ...(kind === undefined ? [] : [kind])],
      log,
      tied: true,
    });
    await until(
      () => `labfs mounts ${mount}: ${tail(log)}`,
      limits.daemonStart,
      () => {
        if (!alive(process))
          throw labError("HPC_LAB_DAEMON", `labfs ended: ${tail(log)}`, `Look at ${log}.`);
        return statSync(mount).dev !== outside;
      },
    );
    return new LabFs(source, mount, process);
  }

  /** Adds rules: `read error EIO offset 65536 : /a/b`. Paths start at the root of the mount. */
  rule(...lines: readonly string[]): void {
    for (const line of lines) writeFileSync(this.#control, `${line}\n`);
  }

  /** Drops all rules; what hangs goes on hanging. */
  clear(): void {
    this.rule("clear");
  }

  /** Lets everything that hangs go on. */
  release(): void {
    this.rule("release");
  }

  /** How often each rule was met, in their order, and how many operations hang now. */
  state(): { readonly hits: readonly number[]; readonly hanging: number } {
    const lines = readFileSync(this.#control, "latin1").trimEnd().split("\n");
    const hanging = Number(/^hanging (\d+)$/.exec(lines.pop() ?? "")?.[1]);
    return { hits: lines.map((line) => Number.parseInt(line, 10)), hanging };
  }

  /** Waits until an operation hangs. */
  async hangs(): Promise<void> {
    await until(
      `an operation on ${this.mount} hangs`,
      limits.daemonStart,
      () => this.state().hanging > 0,
    );
  }

  /** Unmounts. Operations that hang fail. */
  async stop(): Promise<void> {
    await stopProcesses([this.process]);
    const parent = statSync(join(this.mount, "..")).dev;
    // fusermount3 unmounts when it sees its program's end; until then the mount answers ENOTCONN.
    await until(`${this.mount} is unmounted`, limits.daemonStart, () => {
      try {
        return statSync(this.mount).dev === parent;
      } catch {
        return false;
      }
    });
  }

  get #control(): string {
    return join(this.mount, ".labfs");
  }
}
