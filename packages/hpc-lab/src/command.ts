import { spawn } from "node:child_process";
import { labError } from "./errors";
import { limits } from "./limits";

export interface CommandOptions {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds; then SIGKILL. Default `limits.console`. */
  readonly limit?: number;
  /** Exit codes that are not an error. Default only 0. */
  readonly accept?: readonly number[];
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs a program to its end, output as bytes. @throws HpcError HPC_LAB_COMMAND with the end of its
 * output
 */
export function command(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program, ...rest] = argv;
  if (program === undefined) throw labError("HPC_LAB_COMMAND", "empty command", "Name a program.");
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      env: options.env,
      cwd: options.cwd,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const limit = options.limit ?? limits.console;
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on("error", () => {}); // the program may end before it has read everything: its exit code tells
    child.stdin.end(options.input ?? "");
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(labError("HPC_LAB_COMMAND", `${program}: ${error.message}`, "Install it."));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const result = {
        code: code ?? -1,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr),
      };
      if ((options.accept ?? [0]).includes(result.code)) return resolve(result);
      const tail = Buffer.concat([result.stdout, result.stderr]).toString().slice(-2000);
      const how = signal ? `ended by ${signal} (limit ${limit} ms)` : `exit code ${code}`;
      reject(labError("HPC_LAB_COMMAND", `${argv.join(" ")}: ${how}: ${tail}`, "See its output."));
    });
  });
}
