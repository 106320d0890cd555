import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HpcError } from "./errors";

/**
 * A contest of jobs of a real Bacula, which a test of the lab runs; the test's name begins with the
 * contest's.
 */
export interface Backup {
  readonly name: string;
  /** Of the test, in packages/hpc-lab/test. */
  readonly file: string;
}

const FILE_DAEMON = [
  ...["file-daemon-9.6.7", "file-daemon-15.0.3", "file-daemon-15.0.3-without-tls"],
  ...["latency-9.6.7", "latency-15.0.3"],
];
export const BACKUPS: readonly Backup[] = [
  ...FILE_DAEMON.map((name) => ({ name, file: "file-daemon.lab.ts" })),
  { name: "topologies", file: "topologies.lab.ts" },
];
/**
 * What a checkout holds that can measure them: a real Bacula is started for tests only, so none is
 * installed with the command.
 */
export const LAB = "packages/hpc-lab/jest.lab.config.cjs";

/** One contest of real jobs, as the lab has saved it. */
export interface BackupResult {
  readonly name: string;
  /** NAME.md, NAME.svg, and NAME.json where it is compared by rounds. */
  readonly files: readonly string[];
  readonly text: string;
  readonly data: object | undefined;
}

export interface BackupSetup {
  /** A folder that holds `LAB`. */
  readonly checkout: string;
  /** Where the results go; made if need be, and holding nothing else. */
  readonly folder: string;
  /** Names in a tree; with latency twice as many. */
  readonly entries: number;
  readonly rounds: number;
  readonly contests: readonly Backup[];
  /** Ends the lab and its daemons. */
  readonly signal: AbortSignal;
  /** Receives each result, those too that were there when another test failed. */
  keep(result: BackupResult): Promise<void>;
  /**
   * Hears of the folder with trees and daemons of the lab when it could not be cleared away:
   * `TMPDIR=FOLDER npm run lab -- bacula down` ends them.
   */
  left(folder: string): void;
}

/**
 * Full backups through real File Daemons beside the stock one, and shards on volumes of their own
 * and on one, by the lab in which they are tested; needs root. What it says while it runs goes to
 * standard error.
 * Throws HPC_BENCH_FAILED, and the signal's reason.
 */
export async function measureBackups(setup: BackupSetup): Promise<void> {
  const { folder, contests, signal } = setup;
  signal.throwIfAborted();
  mkdirSync(folder, { recursive: true });
  // Trees and daemons of the lab; its name is short because sockets of daemons lie below it.
  const scratch = mkdtempSync(join(tmpdir(), "hpc-bench-"));
  try {
    const ended = await runTests(setup, scratch);
    const results = resultsIn(folder);
    for (const result of results) await setup.keep(result);
    signal.throwIfAborted();
    const absent = contests.filter(({ name }) => results.every((result) => result.name !== name));
    if (ended === 0 && absent.length === 0) return;
    const listed = absent.map(({ name }) => name).join(", ");
    throw new HpcError(
      "HPC_BENCH_FAILED",
      absent.length === 0
        ? `the lab ended with ${ended}`
        : `not measured: ${listed}; the lab ended with ${ended}`,
      "Look at what it said above; `npm run lab -- bacula check` says what is missing.",
    );
  } finally {
    if (!(await tidied(setup.checkout, scratch))) setup.left(scratch);
  }
}

/** The exit code, or the signal that ended them. */
async function runTests(setup: BackupSetup, scratch: string): Promise<number | string | null> {
  const { checkout, folder, signal } = setup;
  const tests = spawn(
    process.execPath,
    [join(checkout, "node_modules/jest/bin/jest.js"), ...jestArguments(setup)],
    {
      cwd: checkout,
      env: {
        ...process.env,
        TMPDIR: scratch,
        PODHEITOR_HPC_LONG: "1",
        PODHEITOR_HPC_BENCH_SAVE: folder,
        PODHEITOR_HPC_BENCH_FILES: String(setup.entries),
        PODHEITOR_HPC_BENCH_ROUNDS: String(setup.rounds),
      },
      stdio: ["ignore", 2, "inherit"],
    },
  );
  const end = () => tests.kill();
  signal.addEventListener("abort", end, { once: true });
  const closed = once(tests, "close").finally(() => signal.removeEventListener("abort", end));
  const [code, killed] = (await closed) as [number | null, string | null];
  return killed ?? code;
}

/** Ends the daemons of tests that could not, and removes the folder with all that they left. */
async function tidied(checkout: string, scratch: string): Promise<boolean> {
  try {
    if (readdirSync(scratch).length > 0) {
      const env = { ...process.env, TMPDIR: scratch };
      await once(
        spawn("npm", ["run", "-s", "lab", "--", "bacula", "down"], {
          cwd: checkout,
          env,
          stdio: "ignore",
        }),
        "close",
      );
    }
    rmSync(scratch, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function jestArguments({ checkout, contests }: BackupSetup): string[] {
  const files = new Set(contests.map(({ file }) => join(checkout, "packages/hpc-lab/test", file)));
  const names = contests.map(({ name }) => name.replaceAll(".", "\\.")).join("|");
  return [
    "--config",
    join(checkout, LAB),
    "--testNamePattern",
    `^(${names}):`,
    "--runTestsByPath",
    ...files,
  ];
}

function resultsIn(folder: string): BackupResult[] {
  const all = readdirSync(folder).sort();
  return all
    .filter((file) => file.endsWith(".md"))
    .map((file) => {
      const name = file.slice(0, -".md".length);
      const json = join(folder, `${name}.json`);
      return {
        name,
        files: all.filter((one) => one.startsWith(`${name}.`)).map((one) => join(folder, one)),
        text: readFileSync(join(folder, file), "utf8"),
        data: existsSync(json) ? (JSON.parse(readFileSync(json, "utf8")) as object) : undefined,
      };
    });
}
