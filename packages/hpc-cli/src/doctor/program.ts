import { execFile } from "node:child_process";

/**
 * No program that the doctor asks for its version needs longer; one on a hung filesystem must not
 * hang us.
 */
const LIMIT_MS = 10_000;

/**
 * What a program prints on both streams, whatever its exit code; undefined if it cannot be started
 * or does not end.
 */
export function outputOf(file: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: LIMIT_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const started = error === null || typeof error.code === "number";
      resolve(started ? `${stdout}${stderr}`.trim() : undefined);
    });
  });
}
