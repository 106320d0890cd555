import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Argv, InferredOptionTypes } from "yargs";
import { absolutePath, toBytes, toText } from "../bytes";
import type { Command } from "../command";
import { UsageError } from "../errors";
import { Exit } from "../exit";
import { json, value } from "../options";
import { Output } from "../output";

const NAMES = ["walk", "archive", "large"] as const;

const options = {
  entries: { ...value("names in a tree"), default: "1000000" },
  "large-mib": { ...value("size of the large file, MiB"), default: "2048" },
  rounds: { ...value("how often each program runs"), default: "5" },
  threads: value("threads of our scan; default: two to a core"),
  folder: value("where trees are made, and removed; default: a folder in the temporary directory"),
  save: value("folder for NAME.json, NAME.svg and NAME.md of each contest, which also say the machine"),
  path: { ...value("scan: the directory to walk once"), hidden: true },
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options> & { readonly what: string };

export const bench: Command<Arguments> = {
  usage: "bench <what>",
  describe: "time our programs beside their peers: walk, archive, large or all",
  options: (parser: Argv) =>
    parser
      .positional("what", {
        choices: [...NAMES, "all", "scan"],
        demandOption: true,
        describe: "the benchmark; scan walks --path once and nothing else",
      })
      .options(options)
      .example(
        "$0 bench walk --entries 100000 --rounds 3",
        "beside find, bfs, fd, fpart and rsync, those that are there",
      )
      .example("$0 bench all --folder /dev/shm --save results", "with tables and plots")
      .epilogue(
        "Each round runs every program once; a ratio is that of two runs of the same round. Peers that are not on PATH are named.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const bench = await import("@podheitor/hpc-bench");
    const threads = args.threads === undefined ? 2 * availableParallelism() : whole(args.threads, "--threads");
    if (args.what === "scan") {
      if (args.path === undefined) throw new UsageError("bench scan needs --path", "name the directory to walk");
      const entries = await bench.scanOnce(absolutePath(toBytes(args.path)), threads);
      output.line(String(entries));
      output.object({ entries });
      return Exit.done;
    }
    const folder = resolve(toText(args.folder ?? tmpdir(), "--folder"), `podheitor-hpc-bench-${process.pid}`);
    const setup = {
      folder,
      entries: whole(args.entries, "--entries"),
      largeBytes: whole(args["large-mib"], "--large-mib") * 2 ** 20,
      ourselves: [process.execPath, process.argv[1] ?? ""] as const,
      scanlimit: scanlimit(),
      threads,
    };
    const rounds = whole(args.rounds, "--rounds");
    const save = args.save === undefined ? undefined : resolve(toText(args.save, "--save"));
    if (save !== undefined) await mkdir(save, { recursive: true });
    await mkdir(folder, { recursive: true });
    const machine = bench.machineFacts(folder);
    const { rm } = await import("node:fs/promises");
    try {
      for (const name of NAMES.filter((one) => args.what === "all" || one === args.what))
        for (const one of bench.benchmarksOf(name, setup)) {
          output.message("info", `${one.title}: ${one.facts}`);
          if (one.missing.length > 0) output.message("info", `not on this machine: ${one.missing.join(", ")}`);
          one.prepare();
          const result = await bench.contest({ ...one, rounds, signal: io.signal });
          one.clean();
          const text = `${bench.table(result)}\n${machine}, ${rounds} rounds, ${new Date().toISOString().slice(0, 10)}${one.missing.length > 0 ? `; not there: ${one.missing.join(", ")}` : ""}\n`;
          output.line(text);
          output.object({ name: one.name, machine, rounds, missing: one.missing, ...result });
          if (save !== undefined) {
            const facts = { machine, date: new Date().toISOString(), rounds, missing: one.missing };
            await writeFile(join(save, `${one.name}.json`), `${JSON.stringify({ ...facts, ...result }, null, 2)}\n`);
            await writeFile(join(save, `${one.name}.svg`), bench.plot(result));
            await writeFile(join(save, `${one.name}.md`), text);
          }
        }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return Exit.done;
  },
};

function whole(text: string, option: string): number {
  const number = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (number === 0) throw new UsageError(`${option} ${text} is no whole number above 0`, `write it as in ${option} 5`);
  return number;
}

/** The C program of the repository, where this command runs out of it. */
function scanlimit(): string | undefined {
  const places = ["../../../shim-c/scan/build/scanlimit", "../../../../shim-c/scan/build/scanlimit"];
  return places.map((place) => join(__dirname, place)).find((path) => existsSync(path));
}
