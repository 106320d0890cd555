import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "./errors";

/** The lab's tests that measure jobs of a real Bacula. */
export const BACKUPS = ["file-daemon", "topologies"] as const;
/** What a checkout holds that can measure them: a real Bacula is started for tests only, so none is installed with the command. */
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
  /** Only tests whose name holds this: `file-daemon`, `topologies`. */
  readonly only: string;
  readonly signal: AbortSignal;
  /** Receives each result, those too that were there when another test failed. */
  keep(result: BackupResult): Promise<void>;
}

/**
 * Full backups through real File Daemons beside the stock one, and shards on four volumes and on one, by the lab in which they are tested; needs root. What it says while it runs goes to standard error.
 * Throws HPC_BENCH_FAILED.
 */
export async function measureBackups(setup: BackupSetup): Promise<void> {
  const { checkout, folder, entries, rounds, only, signal } = setup;
  const tests = BACKUPS.filter((name) => name.includes(only));
  mkdirSync(folder, { recursive: true });
  const argv = [join(checkout, "node_modules/jest/bin/jest.js"), "--config", join(checkout, LAB), ...tests];
  const env = {
    ...process.env,
    PODHEITOR_HPC_LONG: "1",
    PODHEITOR_HPC_BENCH_SAVE: folder,
    PODHEITOR_HPC_BENCH_FILES: String(entries),
    PODHEITOR_HPC_BENCH_ROUNDS: String(rounds),
  };
  const lab = spawn(process.execPath, argv, { cwd: checkout, env, stdio: ["ignore", 2, "inherit"], signal });
  const [code, killed] = (await once(lab, "close")) as [number | null, string | null];
  for (const result of resultsIn(folder)) await setup.keep(result);
  if (code !== 0) {
    const why = `the lab ended with ${killed ?? code}`;
    throw new BenchError(
      "HPC_BENCH_FAILED",
      why,
      "Look at what it said above; `npm run lab -- bacula check` says what is missing.",
    );
  }
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
