import { existsSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { BackupResult, Benchmark, BenchSetup, MemoryRun } from "@podheitor/hpc-bench";
import { builtBackend } from "@podheitor/hpc-cdylib";
import type { Argv, InferredOptionTypes } from "yargs";
import { absolutePath, toBytes, toText } from "../bytes";
import type { Command } from "../command";
import { UsageError } from "../errors";
import { Exit } from "../exit";
import { json, value } from "../options";
import { Output } from "../output";

type Bench = typeof import("@podheitor/hpc-bench");

const NAMES = ["walk", "latency", "read", "archive", "emit", "relay", "memory", "backup"] as const;
/** What contestants of ours do; they are this command, too. */
const PARTS = ["scan", "synthetic", "relay-once"] as const;

const options = {
  entries: {
    ...value(
      "names in a tree; latency, read-latency, read-cold and backup take a part of it, walk-small-dirs, -flat and -deep twice and walk-large four times as many",
    ),
    default: "1000000",
  },
  synthetic: { ...value("memory: entries that come from memory; default: 100000000") },
  "large-mib": { ...value("size of the large file, MiB"), default: "8192" },
  "latency-us": { ...value("latency: of each metadata operation, µs"), default: "150" },
  case: value("only the contests whose name holds this, e.g. walk-flat"),
  peers: value("only peers whose name begins so, separated by commas; default: all that are there"),
  rounds: { ...value("how often each program runs"), default: "5" },
  threads: value("threads of our scan in walk and read-cold; default: two to a core; other contests name theirs"),
  folder: value(
    "existing folder, in which trees are made, and removed; default: the temporary directory, where those of backup are always",
  ),
  save: value("folder for NAME.json, NAME.svg and NAME.md of each contest, which also say the machine"),
  path: { ...value("scan: the directory to walk once"), hidden: true },
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
        choices: [...NAMES, "all", ...PARTS],
        demandOption: true,
        describe: "the benchmarks; scan, synthetic and relay-once are what they start of ours",
      })
      .options(options)
      .example(
        "$0 bench walk --entries 100000 --rounds 3",
        "beside find, bfs, fd, fpart and rsync, those that are there",
      )
      .example("$0 bench walk --case flat --peers find,bfs", "one contest, two peers")
      .example("$0 bench backup --case 15.0.3", "real Bacula jobs, in a checkout, as root; half an hour")
      .example("$0 bench all --folder /dev/shm --save results", "with tables and plots; hours")
      .epilogue(
        "Each round runs every program once; a ratio is that of two runs of the same round, as their median (least to most); below half a second it is mostly the start of a program. Peers that are not on PATH, and programs of the repository that are not built, are named. read-cold, which needs root and a disk, drops the caches of the whole machine.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const bench = await import("@podheitor/hpc-bench");
    const threads = args.threads === undefined ? 2 * availableParallelism() : whole(args.threads, "--threads");
    const entries = whole(args.entries, "--entries");
    const part = PARTS.find((name) => args.what.includes(name));
    if (part !== undefined && args.what.length > 1)
      throw new UsageError(`${part} is no benchmark, but a part of one`, `give it alone: bench ${part}`);
    if (part === "scan") {
      if (args.path === undefined) throw new UsageError("bench scan needs --path", "name the directory to walk");
      const found = await bench.scanOnce(absolutePath(toBytes(args.path)), threads);
      output.line(String(found));
      output.object({ entries: found });
      return Exit.done;
    }
    if (part === "synthetic") {
      await bench.emitSynthetic(entries, io.signal);
      return Exit.done;
    }
    if (part === "relay-once") {
      await bench.relay();
      return Exit.done;
    }
    const folder = resolve(toText(args.folder ?? tmpdir(), "--folder"), `podheitor-hpc-bench-${process.pid}`);
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
    const synthetic = whole(args.synthetic ?? "100000000", "--synthetic");
    if (save !== undefined && !existsSync(save)) await mkdir(save);
    await mkdir(folder); // its parent must be there: a folder that was made for a mistyped --folder would stay
    try {
      const contests = bench.BENCHES.filter(asked).flatMap((name) => bench.benchmarksOf(name, setup));
      const names = [
        ...contests.map(({ name }) => name),
        ...(asked("memory") ? ["memory"] : []),
        ...(asked("backup") ? bench.BACKUPS.map(({ name }) => name) : []),
      ];
      const inCase = (name: string) => name.includes(args.case ?? "");
      if (!names.some(inCase))
        throw new UsageError(
          `no contest of ${args.what.join(", ")} has "${args.case}" in its name`,
          `they are: ${names.join(", ")}`,
        );
      const report = new Report(output, bench.machineFacts(folder), save);
      const hasRoom = (title: string, files: number) => {
        const room = bench.roomFor(folder, files);
        if (!room)
          output.message(
            "warning",
            `${title}: left out: ${folder} has no room for so many files; choose another --folder`,
          );
        report.leftOut ||= !room;
        return room;
      };
      const chosen = peersChosen(contests, args.peers);
      for (const one of contests.filter(({ name }) => inCase(name))) {
        const { name, title, facts, missing, against } = one;
        const contestants = one.contestants.filter(({ name }) => isOurs(name) || chosen(name));
        output.message("info", `${title}: ${facts}`);
        if (missing.length > 0) output.message("info", `not on this machine: ${missing.join(", ")}`);
        if (contestants.length === 0) continue;
        if (!hasRoom(title, one.names ?? 0)) continue;
        const result = await inItsTree(one, () =>
          bench.contest({ title, facts, contestants, rounds, signal: io.signal }),
        );
        const absent = missing.length > 0 ? `; not there: ${missing.join(", ")}` : "";
        const data = { rounds, missing, ...result };
        await report.say(name, bench.table(result, against), `${rounds} rounds${absent}`, data, bench.plot(result));
      }
      if (names.includes("memory") && inCase("memory") && hasRoom("Memory", entries)) {
        output.message("info", `Memory: up to ${entries.toLocaleString("en-US")} names, and entries from memory`);
        const runs = await memory(bench, setup, synthetic, io.signal);
        const facts = "hpc/1 frames to a drained pipe";
        await report.say("memory", bench.memoryTable(runs), facts, { runs }, bench.memoryPlot(runs));
      }
      const backups = asked("backup") ? bench.BACKUPS.filter(({ name }) => inCase(name)) : [];
      if (backups.length > 0) {
        const checkout = process.geteuid?.() === 0 ? above(bench.LAB) : undefined;
        const files = Math.ceil(entries / 10);
        const keep = (one: BackupResult) => report.keep(one);
        const how = {
          folder: join(folder, "backup"),
          entries: files,
          rounds,
          contests: backups,
          signal: io.signal,
        };
        if (checkout === undefined) {
          output.message("info", "not on this machine: the lab of a real Bacula; run it in a checkout, as root");
        } else {
          const left = (scratch: string) =>
            output.message(
              "warning",
              `left behind: ${scratch}; TMPDIR=${scratch} npm run lab -- bacula down; then remove it`,
            );
          await bench.measureBackups({ checkout, ...how, keep, left });
        }
      }
      return report.leftOut || report.measured === 0 ? Exit.warnings : Exit.done;
    } finally {
      bench.remove(folder);
    }
  },
};

async function inItsTree<T>({ prepare, clean }: Benchmark, run: () => Promise<T>): Promise<T> {
  try {
    prepare();
    return await run();
  } finally {
    clean();
  }
}

const isOurs = (name: string) => name.startsWith("podheitor-hpc");

/** Whether a peer was asked for by the words of --peers. Throws UsageError for one that no contest has. */
function peersChosen(contests: readonly Benchmark[], peers: string | undefined): (name: string) => boolean {
  if (peers === undefined) return () => true;
  const starts = peers.split(",").map((start) => start.trim());
  const all = contests.flatMap(({ contestants, missing }) => [...contestants.map(({ name }) => name), ...missing]);
  const known = [...new Set(all.filter((name) => !isOurs(name)))];
  const wrong = starts.find((start) => start === "" || !known.some((name) => name.startsWith(start)));
  if (wrong !== undefined)
    throw new UsageError(`--peers: no peer's name begins with "${wrong}"`, `they are: ${known.join("; ")}`);
  return (name) => starts.some((start) => name.startsWith(start));
}

/** Says and saves what was measured. */
class Report {
  /** A contest had no room. */
  leftOut = false;
  measured = 0;

  constructor(
    private readonly output: Output,
    private readonly machine: string,
    private readonly folder: string | undefined,
  ) {}

  async say(name: string, table: string, how: string, data: object, plot: string): Promise<void> {
    const date = new Date().toISOString();
    this.measured++;
    const text = `${table}\n${this.machine}; ${how}; ${date.slice(0, 10)}\n`;
    const facts = { name, machine: this.machine, date, ...data };
    this.output.line(text);
    this.output.object(facts);
    if (this.folder === undefined) return;
    await writeFile(join(this.folder, `${name}.json`), `${JSON.stringify(facts, null, 2)}\n`);
    await writeFile(join(this.folder, `${name}.svg`), plot);
    await writeFile(join(this.folder, `${name}.md`), text);
  }

  /** What the lab has written. */
  async keep({ name, files, text, data }: BackupResult): Promise<void> {
    this.measured++;
    this.output.line(text);
    this.output.object({ name, ...data });
    if (this.folder === undefined) return;
    for (const file of files) await copyFile(file, join(this.folder, basename(file)));
  }
}

/** Real trees of a tenth of the entries and of all, in many directories and in one, and of hard links; then entries that come from memory. */
async function memory(bench: Bench, setup: BenchSetup, synthetic: number, signal: AbortSignal): Promise<MemoryRun[]> {
  const { folder, entries, ourselves, backend } = setup;
  const tenth = Math.ceil(entries / 10);
  const tree = join(folder, "tree");
  const count = (number: number) => number.toLocaleString("en-US");
  const trees: [string, () => void][] = [
    [`${count(tenth)} files`, () => bench.makeBenchTree(tree, "ordinary", tenth, 0)],
    [`${count(entries)} files`, () => bench.makeBenchTree(tree, "ordinary", entries, 0)],
    [`${count(entries)} files in one directory`, () => bench.makeBenchTree(tree, "flat", entries, 0)],
    [`${count(tenth)} hard links`, () => bench.makeLinkTree(tree, tenth)],
  ];
  const runs: MemoryRun[] = [];
  for (const [name, make] of trees) {
    if (backend === undefined) break;
    make();
    const argv = [...backend, "backup", `--path=${tree}`] as [string, ...string[]];
    runs.push(await bench.watchMemory(name, argv, signal));
    bench.remove(tree);
  }
  const argv = [...ourselves, "bench", "synthetic", "--entries", String(synthetic)] as [string, ...string[]];
  runs.push(await bench.watchMemory(`${count(synthetic)} entries from memory`, argv, signal));
  return runs;
}

function whole(text: string, option: string): number {
  const number = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (number === 0) throw new UsageError(`${option} ${text} is no whole number above 0`, `write it as in ${option} 5`);
  return number;
}

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
