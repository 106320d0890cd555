import type { StdioOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { runToEnd } from "./child";
import { type Drain, startDrain } from "./drain";
import { environment } from "./environment";
import { HpcError } from "./errors";

/** A program that takes part. */
export interface Contestant {
  readonly name: string;
  readonly argv: readonly [program: string, ...rest: string[]];
  /**
   * Where its standard output goes: nowhere (default), through a pipe that `dd` drains, which holds
   * what the system gives or so many bytes, or to a new file.
   */
  readonly output?: "pipe" | { readonly pipeBytes: number } | { readonly file: string };
  /** Added to the little that it has of our environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are no failure. Default: 0. */
  readonly exits?: readonly number[];
  /** Run before each time, not timed. */
  prepare?(): void | Promise<void>;
}

export interface Contest {
  readonly title: string;
  /** What is done: the tree, its size, the state of the caches. */
  readonly facts: string;
  /** The first one is ours: ratios are to it. */
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  readonly signal?: AbortSignal;
  /** Before each run: its number, from 1, of how many, and who runs. */
  progress?(run: number, of: number, name: string): void;
}

export interface Standing {
  readonly name: string;
  /** Of each round, in their order. */
  readonly seconds: readonly number[];
  /** Its time as a multiple of ours, of each round: above 1 it is slower. */
  readonly ratios: readonly number[];
}

export interface ContestResult {
  readonly title: string;
  readonly facts: string;
  readonly standings: readonly Standing[];
}

/**
 * Runs each contestant once unmeasured, which warms the caches, then `rounds` times in turn; each
 * round begins with another one. Throws HPC_BENCH_FAILED when one of them fails, and the signal's
 * reason.
 */
export async function contest(asked: Contest): Promise<ContestResult> {
  const { title, facts, contestants, rounds, signal } = asked;
  const seconds = contestants.map((): number[] => []);
  const total = contestants.length * (rounds + 1);
  let run = 0;
  for (let round = 0; round <= rounds; round++)
    for (const turn of contestants.keys()) {
      const at = (turn + round) % contestants.length;
      const contestant = contestants[at];
      if (contestant === undefined) continue;
      signal?.throwIfAborted();
      asked.progress?.(++run, total, contestant.name);
      const took = await timed(contestant, signal);
      if (round > 0) seconds[at]?.push(took);
    }
  const ours = seconds[0] ?? [];
  const standings = contestants.map(({ name }, at) => {
    const own = seconds[at] ?? [];
    return { name, seconds: own, ratios: own.map((one, round) => one / (ours[round] ?? one)) };
  });
  return { title, facts, standings };
}

/** Seconds from the start of a program to its end. */
async function timed(contestant: Contestant, signal: AbortSignal | undefined): Promise<number> {
  try {
    await contestant.prepare?.();
  } catch (error) {
    await turn(); // what ended a program of its may be a signal to us all
    signal?.throwIfAborted();
    throw failed(contestant, `cannot be prepared: ${String(error)}`);
  }
  const { drain, file } = opened(contestant.output);
  const stdio: StdioOptions = ["ignore", drain?.fd ?? file ?? "ignore", "pipe"];
  let complaint = "";
  const started = performance.now();
  try {
    const { code, killed } = await runToEnd(
      contestant.argv,
      { stdio, env: environment(contestant.env) },
      signal,
      (child) =>
        child.stderr?.on("data", (chunk: Buffer) => {
          complaint = (complaint + chunk.toString()).slice(-500);
        }),
    );
    const took = (performance.now() - started) / 1000;
    if (code === null || !(contestant.exits ?? [0]).includes(code))
      throw failed(contestant, `ended with ${killed ?? code}: ${complaint.trim()}`);
    return took;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error instanceof HpcError ? error : failed(contestant, String(error));
  } finally {
    if (file !== undefined) closeSync(file);
    await drain?.end();
  }
}

function opened(output: Contestant["output"]): { readonly drain?: Drain; readonly file?: number } {
  if (output === undefined) return {};
  if (output === "pipe") return { drain: startDrain() };
  return "file" in output
    ? { file: openSync(output.file, "w") }
    : { drain: startDrain(output.pipeBytes) };
}

function failed({ name, argv }: Contestant, why: string): HpcError {
  return new HpcError(
    "HPC_BENCH_FAILED",
    `${name} failed: ${why}`,
    `Run it by hand: ${argv.join(" ")}.`,
  );
}
