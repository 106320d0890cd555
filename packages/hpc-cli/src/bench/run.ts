import { join } from "node:path";
import type { Backup, Benchmark, BenchSetup, Making, Room } from "@podheitor/hpc-bench";
import type { Output } from "../output";
import { formatBytes, formatCount } from "../text/format";
import type { Report } from "./report";

/** What the benchmarks of one command line have in common. */
export interface BenchRun {
  readonly setup: BenchSetup;
  readonly rounds: number;
  readonly output: Output;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** The contests, those peers of theirs that `chosen` takes. */
export async function runContests(
  contests: readonly Benchmark[],
  chosen: (peer: string) => boolean,
  run: BenchRun,
): Promise<void> {
  const bench = await import("@podheitor/hpc-bench");
  const { output, report, rounds, signal } = run;
  for (const one of contests) {
    const { name, title, facts, missing, against, needs } = one;
    const contestants = one.contestants.filter(({ name }) => isOurs(name) || chosen(name));
    output.message("info", `${title}: ${facts}`);
    if (missing.length > 0) output.message("info", `not on this machine: ${missing.join(", ")}`);
    if (contestants.length === 0) continue;
    if (needs !== undefined && !(await hasRoom(title, needs, run))) continue;
    const progress = (number: number, of: number, who: string) =>
      output.activity(`run ${number} of ${of}: ${who}: ${title}`);
    const result = await inItsTree(one, makingOf(title, run), () =>
      bench.contest({ title, facts, contestants, rounds, signal, progress }),
    );
    const absent = missing.length > 0 ? `; not there: ${missing.join(", ")}` : "";
    const data = { rounds, missing, ...result };
    await report.say(
      name,
      bench.contestTable(result, against),
      `${rounds} rounds${absent}`,
      data,
      bench.plot(result),
    );
  }
}

/**
 * Jobs of a real Bacula. @param checkout of the repository, which has its lab; undefined: there is
 * none
 */
export async function runBackups(
  contests: readonly Backup[],
  checkout: string | undefined,
  run: BenchRun,
): Promise<void> {
  const bench = await import("@podheitor/hpc-bench");
  const { setup, rounds, output, report, signal } = run;
  if (checkout === undefined) {
    output.message(
      "info",
      "not on this machine: the lab of a real Bacula; run it in a checkout, as root",
    );
    return;
  }
  await bench.measureBackups({
    checkout,
    folder: join(setup.folder, "backup"),
    entries: Math.ceil(setup.entries / 10),
    rounds,
    contests,
    signal,
    keep: (one) => report.keep(one),
    left: (scratch) =>
      output.message(
        "warning",
        `left behind: ${scratch}; TMPDIR=${scratch} npm run lab -- bacula down; then remove it`,
      ),
  });
}

/** Says how much of what is made is there. */
export function makingOf(title: string, { output, signal }: BenchRun): Making {
  return {
    signal,
    progress: (part) => output.activity(`making the files, ${Math.floor(part * 100)} %: ${title}`),
  };
}

export const isOurs = (name: string) => name.startsWith("podheitor-hpc");

/** Says so, and notes it, where there is none. */
export async function hasRoom(
  title: string,
  needs: Room,
  { setup, output, report }: BenchRun,
): Promise<boolean> {
  const bench = await import("@podheitor/hpc-bench");
  const short = bench.shortOf(setup.folder, needs);
  if (short === undefined) return true;
  const much = short === "names" ? `${formatCount(needs.names)} files` : formatBytes(needs.bytes);
  output.message(
    "warning",
    `${title}: left out: ${setup.folder} has no room for ${much}; choose another --folder, or less to make`,
  );
  report.leftOut = true;
  return false;
}

/**
 * What a contest leaves behind when it fails is removed with the whole folder: after a signal at
 * once, while there is time.
 */
async function inItsTree<T>(one: Benchmark, how: Making, run: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    await one.prepare(how);
    result = await run();
  } finally {
    one.release?.();
  }
  await one.clean();
  return result;
}
