import { access, constants, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { MAX_SHARDS } from "@podheitor/hpc-shard";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { HpcError } from "../errors";
import { Exit } from "../exit";
import type { Io } from "../io";
import { keyOptions, keyPairs } from "../key-options";
import { json, value, valueOr } from "../options";
import { Output } from "../output";
import { rateOptions, ratesOf, survey } from "../probe/run";
import { parseSample, Sample } from "../probe/sample";
import { shardChart } from "../probe/shard-chart";
import { reportJson } from "../probe/shard-json";
import { type ShardReport, shardReport } from "../probe/shard-report";
import { printReport } from "../probe/shard-text";
import { parseShards } from "../shards";
import { toText } from "../text/bytes";

const options = {
  ...keyOptions("shard-probe"),
  shards: valueOr("4", "try this number of shards"),
  sample: value(
    "look at one entry of N only, chosen by lot, and say how far off the figures may be; K/N: that part",
    "every entry",
  ),
  svg: value("draw the entries of each shard into this file, as SVG"),
  ...rateOptions,
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const shardProbe: Command<Arguments> = {
  usage: "shard-probe",
  describe: "say what each of N shards of a tree would save, and how many shards are worth while",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example(
        "$0 shard-probe --path /lustre/scratch --shards 8",
        "entries, bytes and time of each of 8 shards",
      )
      .example(
        "$0 shard-probe --path /data --strategy mtime-bucket --json",
        "another strategy, for a program",
      )
      .example("$0 shard-probe --path /lustre/scratch --sample 50", "in less time, with error bars")
      .epilogue(
        "Looks at every entry, so the split is exact, and takes as long as a walk. With --sample it lists every directory and stats one entry of N (where readdir tells inode numbers reliably; elsewhere all). Bytes of sparse files count with their holes.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    // Before hours are spent on what cannot be written.
    const svg = args.svg === undefined ? undefined : await writable(args.svg);
    const report = await probe(args, io, output);
    printReport(report, output);
    output.object(reportJson(report));
    if (svg !== undefined) {
      await writeFile(svg, shardChart(report)).catch((error: Error) => refuse(svg, error));
      output.message("info", `wrote ${svg}`);
    }
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

/** The name of a file that can be written in its folder; nothing is written yet. */
async function writable(svg: string): Promise<string> {
  const file = toText(svg, "--svg");
  const { W_OK, X_OK } = constants;
  await access(dirname(resolve(file)), W_OK | X_OK).catch((error: Error) => refuse(file, error));
  return file;
}

function refuse(file: string, cause: Error): never {
  throw new HpcError(
    "HPC_OUTPUT",
    `--svg ${file} cannot be written: ${cause.message}`,
    "Name a file in a folder that is there, with room.",
    {
      cause,
    },
  );
}

/**
 * Throws HpcError for options that make no sense, before anything is scanned; rejects as `survey`
 * does.
 */
async function probe(args: Arguments, io: Io, output: Output): Promise<ShardReport> {
  const rates = ratesOf(args);
  // Nothing is written for each, as by backup: as many as the key `shard` takes.
  const count = parseShards(args.shards, MAX_SHARDS);
  const pairs = await keyPairs("shard-probe", args, io);
  const strategy = pairs.find(([key]) => key === "strategy")?.[1].toString();
  const part = args.sample === undefined ? undefined : parseSample(args.sample, strategy, count);
  const sample = part && { part, sums: new Sample(part.count, count) };
  return shardReport(await survey(pairs, count, output, io, sample), rates, sample);
}
