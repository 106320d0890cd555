import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { labError } from "../errors";
import { limits } from "../limits";
import { until } from "../wait";

/** A process that cannot be mistaken for another one that got its number later. */
export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot (proc(5), stat field 22). */
  readonly started: string;
}

/** Start time of a living process; undefined when there is none, or only a zombie. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name in parentheses may hold blanks
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function processOf(pid: number): ProcessId | undefined {
  const started = startTime(pid);
  return started === undefined ? undefined : { pid, started };
}

export function alive(id: ProcessId): boolean {
  return startTime(id.pid) === id.started;
}

export interface DaemonOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly port: number;
  /** Receives its standard output and error. */
  readonly log: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Dies with the process that started it, however that ends. */
  readonly tied: boolean;
}

function launch(options: Omit<DaemonOptions, "name" | "port">): ChildProcess {
  const argv = options.tied ? ["setpriv", "--pdeathsig", "KILL", ...options.argv] : options.argv;
  const output = openSync(options.log, "a");
  const child = spawn(argv[0] as string, argv.slice(1), {
    stdio: ["ignore", output, output],
    env: options.env ?? process.env,
    detached: true, // its own session: a terminal's interrupt is for us, and we stop it in order
  });
  closeSync(output);
  child.unref();
  return child;
}

/**
 * Starts a program in the background, its output in a log. @throws HpcError HPC_LAB_DAEMON when it
 * does not even start
 */
export function startProcess(options: Omit<DaemonOptions, "name" | "port">): ProcessId {
  const child = launch(options);
  child.once("error", () => {}); // it has no number then, which is said here
  const id = child.pid === undefined ? undefined : processOf(child.pid);
  if (id === undefined) {
    const text = `${options.argv[0]} does not start; ${options.log} ends in:\n${tail(options.log)}`;
    throw labError("HPC_LAB_DAEMON", text, `Run it by hand: ${options.argv.join(" ")}.`);
  }
  return id;
}

/**
 * Starts a daemon in the foreground mode and waits until it listens. @throws HpcError
 * HPC_LAB_DAEMON with its log's end
 */
export async function startDaemon(options: DaemonOptions): Promise<ProcessId> {
  const child = launch(options);
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  const id = child.pid === undefined ? undefined : processOf(child.pid);
  const problem = () =>
    `${options.name} does not listen on port ${options.port}; ${options.log} ends in:\n${tail(options.log)}`;
  if (child.pid === undefined) await failed; // throws: the program could not be started
  if (id === undefined) {
    throw labError("HPC_LAB_DAEMON", problem(), `Run it by hand: ${options.argv.join(" ")}.`);
  }
  failed.catch(() => {}); // it has started: nothing more can come
  await until(problem, limits.daemonStart, () => {
    if (!alive(id))
      throw labError("HPC_LAB_DAEMON", problem(), `Run it by hand: ${options.argv.join(" ")}.`);
    return listening(options.port);
  });
  return id;
}

/** Asks politely, then insists. Returns when none of them lives. */
export async function stopProcesses(ids: readonly ProcessId[]): Promise<void> {
  const rest = () => ids.filter(alive);
  const send = (signal: NodeJS.Signals) => {
    for (const id of rest()) signalProcess(id, signal);
  };
  send("SIGTERM");
  const gone = () => rest().length === 0;
  try {
    await until("daemons end on SIGTERM", limits.daemonTerm, gone);
  } catch {
    send("SIGKILL");
    await until(
      () => `processes ${rest().map((id) => id.pid)} survive SIGKILL`,
      limits.daemonKill,
      gone,
    );
  }
}

export function signalProcess(id: ProcessId, signal: NodeJS.Signals): void {
  try {
    if (alive(id)) process.kill(id.pid, signal);
  } catch {
    // it ended between the look and the call
  }
}

export function tail(file: string, bytes = 2000): string {
  try {
    return readFileSync(file, "latin1").slice(-bytes).trimEnd();
  } catch {
    return "(no log)";
  }
}

/**
 * Is somebody listening on this loopback port? Read from the kernel's table: connecting would leave
 * lines in daemon logs.
 */
function listening(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return state === "0A" && local?.endsWith(wanted) === true;
    });
}

/** Free loopback ports, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  const span = limits.portLast - limits.portFirst + 1;
  while (found.size < count) {
    const port = limits.portFirst + Math.floor(Math.random() * span);
    if (await canListen(port)) found.add(port);
  }
  return [...found];
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Living children of a process, whose command line holds `text`. */
export function childrenOf(parent: number, text: string): ProcessId[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (
          fields[1] !== String(parent) ||
          !readFileSync(`/proc/${name}/cmdline`, "latin1").includes(text)
        )
          return [];
        return processOf(Number(name)) ?? [];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/**
 * Bytes that a process has read and written through system calls (proc(5), io); what it splices is
 * not counted. 0 once it is gone.
 */
export function transferred(id: ProcessId): number {
  try {
    const text = readFileSync(`/proc/${id.pid}/io`, "latin1");
    return Number(/rchar: (\d+)/.exec(text)?.[1]) + Number(/wchar: (\d+)/.exec(text)?.[1]);
  } catch {
    return 0;
  }
}
