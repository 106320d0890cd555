import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { KEYS } from "@podheitor/hpc-backend/keys";
import type { BenchSetup } from "@podheitor/hpc-bench";
import { builtBackend } from "@podheitor/hpc-cdylib";
import type { Argv, InferredOptionTypes } from "yargs";
import { casesChosen, peersChosen } from "../bench/choice";
import { runMemory } from "../bench/memory";
import { Report } from "../bench/report";
import { runBackups, runContests } from "../bench/run";
import { scanThreads } from "../bench/threads";
import type { Command } from "../command";
import { HpcError } from "../errors";
import { Exit } from "../exit";
import { json, value, valueOr, whole } from "../options";
import { Output } from "../output";
import { toText } from "../text/bytes";

const NAMES = ["walk", "latency", "read", "archive", "emit", "relay", "memory", "backup"] as const;

const options = {
  entries: valueOr(
    "1000000",
    "make trees of this many names; latency, read-latency, read-cold and backup take a part of it, walk-small-dirs, -flat and -deep twice and walk-large four times as many",
  ),
  synthetic: valueOr("100000000", "memory: take this many entries from memory"),
  "large-mib": valueOr("8192", "make the large file of this many MiB"),
  "latency-us": valueOr("150", "latency: slow each metadata operation down by so many µs"),
  case: value(
    "run only the contest of this name, or else those whose name holds it, e.g. walk-flat",
    "all",
  ),
  peers: value("run only peers whose name begins so, separated by commas", "all that are there"),
  rounds: valueOr("5", "run each program so often"),
  threads: value(
    `scan with this many threads in walk and read-cold (${KEYS.threads.form.values}); other contests name theirs`,
    "two to a core",
  ),
  folder: value(
    "make trees in this existing folder, and remove them; those of backup are always in the temporary directory",
    "the temporary directory",
  ),
  save: value(
    "write NAME.json, NAME.svg and NAME.md of each contest into this folder, which also say the machine",
    "nothing is written",
  ),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options> & { readonly what: readonly string[] };

export const bench: Command<Arguments> = {
  usage: "bench <what..>",
  describe: `time our programs beside their peers: ${NAMES.join(", ")} or all`,
  options: (parser: Argv) =>
    parser
      .positional("what", {
        array: true as const,
        choices: [...NAMES, "all"],
        demandOption: true,
        describe: "the benchmarks",
      })
      .options(options)
      .example(
        "$0 bench walk --entries 100000 --rounds 3",
        "beside find, bfs, fd, fpart and rsync, those that are there",
      )
      .example("$0 bench walk --case flat --peers find,bfs", "one contest, two peers")
      .example(
        "$0 bench backup --case 15.0.3",
        "real Bacula jobs, in a checkout, as root; half an hour",
      )
      .example("$0 bench all --folder /dev/shm --save results", "with tables and plots; hours")
      .epilogue(
        "Each round runs every program once; a ratio is that of two runs of the same round, as their median (least to most); below half a second it is mostly the start of a program. Peers that are not on PATH, and programs of the repository that are not built, are named. read-cold, which needs root and a disk, drops the caches of the whole machine.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const bench = await import("@podheitor/hpc-bench");
    const threads = scanThreads(args.threads);
    const entries = whole(args.entries, "--entries");
    const folder = resolve(
      toText(args.folder ?? tmpdir(), "--folder"),
      `podheitor-hpc-bench-${process.pid}`,
    );
    const setup: BenchSetup = {
      folder,
      entries,
      largeBytes: whole(args["large-mib"], "--large-mib") * 2 ** 20,
      ourselves: [process.execPath, process.argv[1] ?? ""] as const,
      backend: backend(),
      tools: {
        scanlimit: built("scan/build/scanlimit"),
        pipelimit: built("scan/build/pipelimit"),
        latency: built("latency/build/latency.so"),
        labfs: built("labfs/build/labfs"),
      },
      threads,
      latencyMicroseconds: whole(args["latency-us"], "--latency-us"),
    };
    const rounds = whole(args.rounds, "--rounds");
    const save = args.save === undefined ? undefined : resolve(toText(args.save, "--save"));
    const asked = (name: string) => args.what.includes("all") || args.what.includes(name);
    const synthetic = whole(args.synthetic, "--synthetic");
    if (save !== undefined && !existsSync(save)) await mkdir(save);
    // Its parent must be there: a folder that was made for a mistyped --folder would stay.
    await mkdir(folder).catch((cause: Error) => {
      throw new HpcError(
        "HPC_OUTPUT",
        `--folder cannot be used: ${cause.message}`,
        "Name a folder that is there.",
        {
          cause,
        },
      );
    });
    let report: Report;
    try {
      report = new Report(output, bench.machineFacts(folder), save);
      const contests = bench.BENCHES.filter(asked).flatMap((name) =>
        bench.benchmarksOf(name, setup),
      );
      const names = [
        ...contests.map(({ name }) => name),
        ...(asked("memory") ? ["memory"] : []),
        ...(asked("backup") ? bench.BACKUPS.map(({ name }) => name) : []),
      ];
      const inCase = casesChosen(names, args.case);
      const run = { setup, rounds, output, report, signal: io.signal };
      const peers = peersChosen(contests, args.peers);
      await runContests(
        contests.filter(({ name }) => inCase(name)),
        peers,
        run,
      );
      if (names.includes("memory") && inCase("memory")) await runMemory(synthetic, run);
      const backups = asked("backup") ? bench.BACKUPS.filter(({ name }) => inCase(name)) : [];
      const checkout = process.geteuid?.() === 0 ? above(bench.LAB) : undefined;
      if (backups.length > 0) await runBackups(backups, checkout, run);
    } finally {
      output.endProgress();
      if (io.signal.aborted) output.message("info", `removing ${folder}`);
      // Its error must not hide one of a contest.
      await bench
        .remove(folder)
        .catch((error: Error) =>
          output.message("warning", `left behind: ${folder}: ${error.message}`),
        );
    }
    return report.leftOut || report.measured === 0 || output.warnings > 0
      ? Exit.warnings
      : Exit.done;
  },
};

/** What make left in the repository's shim-c, where this command runs out of it. */
function built(path: string): string | undefined {
  const checkout = above(join("shim-c", path));
  return checkout === undefined ? undefined : join(checkout, "shim-c", path);
}

/** The nearest folder above this file that holds `path`. */
function above(path: string): string | undefined {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, path))) return folder;
  return undefined;
}

function backend(): [string, string] | undefined {
  try {
    return [process.execPath, builtBackend()];
  } catch {
    return undefined; // not built
  }
}
