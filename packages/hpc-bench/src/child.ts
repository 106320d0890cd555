import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/** How a program ended: its exit code, or the signal that killed it. */
export interface End {
  readonly code: number | null;
  readonly killed: string | null;
}

/** Less than a cancelled command has to remove what it has begun. */
const KILL_AFTER_MS = 3000;

/**
 * Runs a program in a process group of its own, and waits for its end. At `signal` the whole group
 * gets SIGTERM, all of a pipeline, SIGKILL if it is still there after KILL_AFTER_MS, and is waited
 * for all the same: what it writes to may be removed afterwards. When this process ends, its group
 * does. Rejects with the signal's reason, or with what spawn(2) says.
 *
 * @param started is given the process at once
 */
export async function runToEnd(
  [program, ...rest]: readonly [string, ...string[]],
  options: SpawnOptions,
  signal: AbortSignal | undefined,
  started: (child: ChildProcess) => void,
): Promise<End> {
  signal?.throwIfAborted();
  const child = spawn(program, rest, { ...options, detached: true });
  const kill = () => killGroup(child, "SIGKILL");
  let patience: NodeJS.Timeout | undefined;
  const stop = () => {
    killGroup(child, "SIGTERM");
    patience = setTimeout(kill, KILL_AFTER_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  process.once("exit", kill);
  try {
    started(child);
    const [code, killed] = (await once(child, "close")) as [number | null, string | null];
    signal?.throwIfAborted();
    return { code, killed };
  } finally {
    clearTimeout(patience);
    process.off("exit", kill);
    signal?.removeEventListener("abort", stop);
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}
