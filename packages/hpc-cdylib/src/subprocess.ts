import { spawn } from "node:child_process";

/** How a program ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program is expected to say little: more than this of either stream is dropped. */
const MAX_TEXT = 256 * 1024;

/**
 * Runs a program to its end. Rejects only when it cannot be started, with Node's error (`code`
 * ENOENT, EACCES …).
 */
export function runProgram(
  file: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    // Not spawn's own `timeout`: that one runs on after a failed start, and keeps the process
    // alive.
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text: string) => {
        if (texts[name].length < MAX_TEXT) texts[name] += text;
      });
    }
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...texts });
    });
  });
}
