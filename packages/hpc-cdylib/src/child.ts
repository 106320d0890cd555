import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { isScript, nodeOf, type PluginConf } from "./conf";
import { HpcError } from "./errors";
import { END_LIMIT_MS, STDERR_TAIL } from "./limits";

/**
 * Names that reach a backend: NODE_OPTIONS or LD_PRELOAD would choose code that runs as root. As in
 * shim-c/fd-plugin/backend/child.c.
 */
const PASSED = /^(PATH|LANG|LC_.*|TZ|HOME|PODHEITOR_HPC_.*)$/;

/** Program and arguments of a backend. */
export type BackendCommand = readonly [program: string, ...args: string[]];

/** How the plugin starts what its configuration names. */
export function backendCommand(conf: PluginConf): BackendCommand {
  return isScript(conf.backend) ? [nodeOf(conf), conf.backend] : [conf.backend];
}

/** A backend as a child process: its own process group, a scrubbed environment, and three pipes. */
export class BackendChild {
  /** Bytes from the backend. */
  readonly output: Readable;
  /** Bytes to the backend. Errors of a backend that has gone show at `output`. */
  readonly input: Writable;
  private readonly closed: Promise<unknown>;
  private stderrTail = Buffer.alloc(0);

  private constructor(
    private readonly child: ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable },
  ) {
    this.output = child.stdout;
    this.input = child.stdin;
    this.closed = once(child, "exit");
    // EPIPE: the backend has gone. Reading from it tells the same, and more.
    child.stdin.on("error", () => undefined);
    child.stderr.on("data", (chunk: Buffer) => {
      this.stderrTail = Buffer.concat([this.stderrTail, chunk]).subarray(-STDERR_TAIL);
    });
  }

  /** @throws HpcError HPC_BACKEND_START when the program is missing or cannot be executed */
  static async start(command: BackendCommand): Promise<BackendChild> {
    const [program, ...args] = command;
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => PASSED.test(name)),
    );
    const child = spawn(program, [...args, "backup"], {
      stdio: ["pipe", "pipe", "pipe"],
      env,
      cwd: "/",
      detached: true,
    });
    const started = new BackendChild(child);
    started.closed.catch(() => undefined);
    try {
      await once(child, "spawn");
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const why =
        code === "ENOENT"
          ? "does not exist"
          : code === "EACCES"
            ? "is not executable"
            : String(code);
      throw new HpcError(
        "HPC_BACKEND_START",
        `the backend ${program} ${why}`,
        "Name an existing executable (`podheitor-hpc plugin install --backend FILE`).",
        { cause },
      );
    }
    return started;
  }

  /**
   * Gives the backend `limitMs` to end by itself, then SIGTERM, then SIGKILL to its whole group.
   * Never throws.
   */
  async end(limitMs: number): Promise<void> {
    this.input.end();
    // Unread output would keep a backend that writes from seeing anything else.
    this.output.resume();
    if (limitMs > 0 && (await this.exited(limitMs))) return;
    this.child.kill("SIGTERM");
    if (!(await this.exited(END_LIMIT_MS))) this.killGroup();
    await this.exited(END_LIMIT_MS);
  }

  /** True when the process has ended, within `limitMs`. */
  async exited(limitMs: number): Promise<boolean> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), limitMs);
    });
    const ended = await Promise.race([this.closed.then(() => true), late]);
    clearTimeout(timer);
    return ended;
  }

  /** `was killed by SIGKILL`, `ended with exit code 1 (last words)`. */
  describe(): string {
    const { exitCode, signalCode } = this.child;
    const words = this.stderrTail
      .toString("utf8")
      .trim()
      .replaceAll(/\s*\n\s*/g, "; ");
    const how =
      signalCode !== null
        ? `was killed by ${signalCode}`
        : exitCode === null
          ? "closed its output but runs on"
          : `ended with exit code ${exitCode}`;
    return words === "" ? how : `${how} (${words})`;
  }

  /** Exit code 0, by itself. */
  get endedWell(): boolean {
    return this.child.exitCode === 0;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  private killGroup(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // It ended in the meantime.
    }
  }
}
