import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import {
  type ContestResult,
  contestTable,
  machineFacts,
  makeBenchTree,
  median,
  plot,
} from "@podheitor/hpc-bench";
import { installPlugin } from "@podheitor/hpc-cdylib";
import type { BaculaLab, Release } from "../src";
import { watchStorageTime } from "../src/bacula/storage-time";
import {
  backendName,
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  repository,
  scratch,
} from "./support";

/*
 * One job of the plugin beside one of the stock File Daemon, on the same tree, in turn; and beside
 * one whose files come from memory, which is all that a File Daemon can take.
 * The stock one saves no ACLs and extended attributes unless it is told to, so ours that is
 * compared saves none; the one that does, as by default, runs too.
 * Part of test:long for its time, and because it measures: nothing is asserted but that all save
 * what they should. `podheitor-hpc bench backup` runs it; PODHEITOR_HPC_BENCH_SAVE is the folder
 * that it is recorded in.
 */
const ENTRIES = Number(process.env["PODHEITOR_HPC_BENCH_FILES"] ?? 100_000);
const SLOW_ENTRIES = 2 * ENTRIES;
const ROUNDS = Number(process.env["PODHEITOR_HPC_BENCH_ROUNDS"] ?? 5);
const LATENCY_US = 150;
const LIMIT_MS = 3_600_000;
const date = new Date().toISOString().slice(0, 10);

afterAll(cleanUp, LIMIT_MS);

interface Runner {
  readonly name: string;
  readonly lab: BaculaLab;
  readonly job: string;
  readonly entries: number;
}

/** 15.0.3 makes a TLS record of each packet, unless it is told not to. */
const clear: readonly [string, Release, string[]] = [
  "15.0.3-without-tls",
  "15.0.3",
  ["TLS PSK Enable = no"],
];
const configurations = [
  ...chosenReleases.map((release): typeof clear => [release, release, []]),
  ...(chosenReleases.includes("15.0.3") ? [clear] : []),
];

test.each(configurations)(
  "file-daemon-%s: Full of small files",
  async (name, release, fileDaemon) => {
    const tree = join(scratch(), "tree");
    await makeBenchTree(tree, "ordinary", ENTRIES, 1024);
    const jobs = [
      pluginJob("Plugin", tree, "xattrs=no"),
      pluginJob("Attributes", tree),
      stockJob(tree),
    ];
    const lab = await labWith(release, jobs, { pluginDir: installedPlugin(), fileDaemon });
    const ceiling = [pluginJob("Memory", "/tmp/podheitor", `scene=memory;files=${ENTRIES}`)];
    const memory = await labWith(release, ceiling, {
      pluginDir: pluginWith(fakeBackend()),
      fileDaemon,
    });
    const entries = namesIn(tree);
    const runners = [
      { name: "podheitor-hpc, xattrs=no", lab, job: "Plugin", entries },
      { name: "stock File Daemon", lab, job: "Stock", entries },
      { name: "files from memory", lab: memory, job: "Memory", entries: ENTRIES },
      { name: "podheitor-hpc", lab, job: "Attributes", entries },
    ];
    const facts = `${ENTRIES.toLocaleString("en-US")} names, 1 KiB in each file; MD5; read once before each job`;
    const title = [`Full through Bacula ${release}`, ...fileDaemon].join(", ");
    await measure(title, `file-daemon-${name}`, facts, tree, runners);
  },
  LIMIT_MS,
);

test.each(chosenReleases)(
  `latency-%s: Full of small files with ${LATENCY_US} µs to each metadata operation and open`,
  async (release) => {
    const folder = scratch();
    const tree = join(folder, "tree");
    await makeBenchTree(tree, "ordinary", SLOW_ENTRIES, 1024);
    execFileSync("make", ["-s", "-C", join(repository, "shim-c/latency")]);
    const latency = {
      LD_PRELOAD: join(repository, "shim-c/latency/build/latency.so"),
      LATENCY_US: String(LATENCY_US),
      LATENCY_BELOW: tree,
    };
    // The plugin's child inherits next to nothing, so a script gives it what the File Daemon was
    // given.
    const backend = join(folder, backendName);
    const set = Object.entries(latency).map(([name, value]) => `${name}='${value}'`);
    const bundle = join(repository, "packages/hpc-backend/dist", `${backendName}.cjs`);
    writeFileSync(
      backend,
      `#!/bin/sh\nexec env ${set.join(" ")} '${process.execPath}' '${bundle}' "$@"\n`,
      {
        mode: 0o755,
      },
    );
    const jobs = [
      pluginJob("Plugin", tree, "threads=32;xattrs=no"),
      pluginJob("Attributes", tree, "threads=32"),
      stockJob(tree),
    ];
    const lab = await labWith(release, jobs, {
      pluginDir: pluginWith(backend),
      env: { ...process.env, ...latency },
    });
    const entries = namesIn(tree);
    const runners = [
      { name: "podheitor-hpc, 32 threads, xattrs=no", lab, job: "Plugin", entries },
      { name: "stock File Daemon", lab, job: "Stock", entries },
      { name: "podheitor-hpc, 32 threads", lab, job: "Attributes", entries },
    ];
    const facts = `${SLOW_ENTRIES.toLocaleString("en-US")} names, 1 KiB in each file; MD5; ${LATENCY_US} µs to each stat, open and listing`;
    await measure(
      `Full with latency through Bacula ${release}`,
      `latency-${release}`,
      facts,
      tree,
      runners,
    );
  },
  LIMIT_MS,
);

/**
 * Reads all of it, and writes nothing: the stock File Daemon drops the pages of what it has read.
 */
function warm(tree: string): void {
  execFileSync("sh", ["-c", 'tar cf - -C "$0" . | cat >/dev/null', tree]);
}

function stockJob(tree: string) {
  return { name: "Stock", files: [tree] };
}

function namesIn(tree: string): number {
  return execFileSync("find", [tree, "-printf", "x"], { maxBuffer: 2 ** 30 }).length;
}

/** The built program as a backend that the plugin trusts. */
function fakeBackend(): string {
  execFileSync("make", ["-s", "-C", join(repository, "shim-c/fd-plugin"), "build/fake-backend"]);
  const backend = join(scratch(), "fake-backend");
  copyFileSync(join(repository, "shim-c/fd-plugin/build/fake-backend"), backend);
  return backend;
}

function pluginWith(backend: string): string {
  const pluginDir = join(scratch(), "plugins");
  mkdirSync(pluginDir, { mode: 0o755 });
  installPlugin({ pluginDir, backend });
  return pluginDir;
}

/**
 * The first round is not measured. What is compared is the File Daemon's own time; the table says
 * the whole job's, too.
 */
async function measure(
  title: string,
  name: string,
  facts: string,
  tree: string,
  runners: readonly Runner[],
) {
  const seconds = runners.map((): number[] => []);
  const whole = runners.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++)
    for (const turn of runners.keys()) {
      const at = (turn + round) % runners.length;
      const { lab, job, entries } = runners[at] as Runner;
      warm(tree);
      const watched = watchStorageTime(lab.fdPid, lab.storagePort);
      const started = performance.now();
      const { status, errors, files } = await lab.run(job, "Full", LIMIT_MS);
      const [all, own] = [(performance.now() - started) / 1000, watched()];
      expect([status, errors, files]).toEqual(["ok", 0, entries]);
      if (round === 0) continue;
      seconds[at]?.push(own);
      whole[at]?.push(all);
    }
  for (const lab of new Set(runners.map((runner) => runner.lab))) await lab.stop();
  const [ours = []] = seconds;
  const result: ContestResult = {
    title,
    facts: `${facts}; from the File Daemon's connection to the Storage Daemon to its end`,
    standings: runners.map((runner, at) => {
      const own = seconds[at] ?? [];
      return {
        name: runner.name,
        seconds: own,
        ratios: own.map((one, round) => one / (ours[round] ?? one)),
      };
    }),
  };
  const jobs = runners.map(
    (runner, at) => `${runner.name} ${median(whole[at] ?? []).toFixed(1)} s`,
  );
  const text = `${contestTable(result)}\nWhole jobs, from the console's \`run\` to their end in the catalog: ${jobs.join(", ")}.\n\n${machineFacts(tree)}, ${ROUNDS} rounds, ${date}\n`;
  process.stderr.write(text);
  const folder = process.env["PODHEITOR_HPC_BENCH_SAVE"];
  if (folder === undefined) return;
  const path = join(folder, name);
  writeFileSync(`${path}.svg`, plot(result));
  const about = { name, machine: machineFacts(tree), date, rounds: ROUNDS, wholeJobs: whole };
  writeFileSync(`${path}.json`, `${JSON.stringify({ ...about, ...result }, null, 2)}\n`);
  writeFileSync(`${path}.md`, text); // the last, because a result is there when this is
}
