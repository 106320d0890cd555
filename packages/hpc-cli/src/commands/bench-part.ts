import type { Argv, InferredOptionTypes } from "yargs";
import { scanThreads } from "../bench/threads";
import type { Command } from "../command";
import { usageError } from "../errors";
import { Exit } from "../exit";
import { json, value, valueOr, whole } from "../options";
import { Output } from "../output";
import { absolutePath, toBytes } from "../text/bytes";

const PARTS = ["scan", "synthetic", "relay"] as const;

const options = {
  path: value("scan: walk this directory once"),
  threads: value("scan: use this many threads", "two to a core"),
  entries: valueOr("1000000", "synthetic: make this many entries from memory"),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options> & { readonly part: (typeof PARTS)[number] };

/** What `bench` starts of ours and no other command does by itself. */
export const benchPart: Command<Arguments> = {
  usage: "bench-part <part>",
  describe: false,
  options: (parser: Argv) =>
    parser
      .positional("part", {
        choices: PARTS,
        demandOption: true as const,
        describe: "what to do once",
      })
      .options(options)
      .example("$0 bench-part scan --path /data", "walk it, and say how many entries there are")
      .example(
        "$0 bench-part synthetic --entries 5000000 | wc -c",
        "entries from memory, as frames",
      )
      .example(
        "$0 bench-part relay <socket | dd of=/dev/null",
        "standard input to standard output, in frames",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const bench = await import("@podheitor/hpc-bench");
    if (args.part === "synthetic")
      await bench.emitSynthetic(whole(args.entries, "--entries"), io.signal);
    if (args.part === "relay") await bench.relay();
    if (args.part === "scan") {
      if (args.path === undefined)
        throw usageError("scan needs --path", "Name the directory to walk.");
      const threads = scanThreads(args.threads);
      const entries = await bench.scanOnce(absolutePath(toBytes(args.path)), threads, io.signal);
      output.line(String(entries));
      output.object({ entries });
    }
    return Exit.done;
  },
};
