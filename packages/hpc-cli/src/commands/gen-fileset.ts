import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Params } from "@podheitor/hpc-ptcomm";
import type { Argv, InferredOptionTypes } from "yargs";
import { jobsIn } from "../catalog/reader";
import type { Command } from "../command";
import { HpcError, usageError } from "../errors";
import { Exit, type ExitCode } from "../exit";
import { accuracyOf, namesOfLargest } from "../fileset/accuracy";
import { check, isLookedAt, needs } from "../fileset/concurrency";
import { readConfiguration } from "../fileset/conf-parser";
import {
  generate,
  type Setup,
  sharesStorage,
  TOPOLOGIES,
  type Topology,
} from "../fileset/generate";
import { checkPrefix, prefixOf } from "../fileset/names";
import { reshardPlan } from "../fileset/reshard";
import { difference, leftovers, plan, write } from "../fileset/write";
import { planGeneration } from "../generation/plan";
import type { Io } from "../io";
import { keyOptions, keyPairs } from "../key-options";
import { flag, json, repeated, sizeOf, value, valueOr, whole } from "../options";
import { Output } from "../output";
import { toText } from "../text/bytes";

const options = {
  ...keyOptions("gen-fileset"),
  shards: value("write this many FileSets and Jobs, one for each shard"),
  output: value("write the files into this folder"),
  topology: {
    choices: TOPOLOGIES,
    requiresArg: true,
    describe:
      "give each job a volume of its own by a Pool each, one Pool with one job to a volume, or several Storages",
    defaultDescription: "storage where --storage names several, else pool",
  },
  client: value("name this existing Client", "this machine's name and -fd"),
  storage: valueOr("File1", "name this existing Storage, or several with commas, which take turns"),
  messages: valueOr("Standard", "name this existing Messages resource"),
  pool: value("use this existing Pool for all shards", "generated ones"),
  schedule: value("run the jobs by this existing Schedule", "none: they run when told to"),
  "job-prefix": value("begin the names so", "made of the path"),
  level: {
    choices: ["Full", "Differential", "Incremental"],
    default: "Incremental",
    describe: "run jobs at this level where the schedule names none",
  },
  priority: value("give the jobs this priority", "Bacula's own"),
  accurate: {
    choices: ["yes", "no"],
    requiresArg: true,
    describe: "find names that were deleted, and old ones that were moved, by accurate jobs",
    defaultDescription: "yes up to 20 million names a shard by the last jobs",
  },
  catalog: value("read in the Director's SQLite file how many names the last jobs had"),
  digest: {
    choices: ["MD5", "SHA1", "SHA256", "SHA512", "none"],
    default: "MD5",
    describe: "sign each file so",
  },
  "spool-data": flag("spool data before it goes to the volume (tape)"),
  "spool-attributes": {
    type: "boolean",
    default: true,
    describe: "send attributes to the catalog at the end of the job",
  },
  retention: value("set the Volume Retention of generated Pools, e.g. '60 days'", "Bacula's own"),
  "volume-bytes": value(
    "set the Maximum Volume Bytes of generated Pools, e.g. 100G",
    "Bacula's own",
  ),
  diff: flag("show what would change, write nothing"),
  force: flag("overwrite files that were edited"),
  check: repeated(
    "say what is too low for so many jobs in this configuration of a daemon (bacula-dir.conf, bacula-sd.conf, bacula-fd.conf), write nothing (may be repeated)",
  ),
  "reshard-plan": value("say how to get from this number of shards to --shards, write nothing"),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const genFileset: Command<Arguments> = {
  usage: "gen-fileset",
  describe: "write the Director's configuration for N shards of a tree",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example(
        "$0 gen-fileset --path /lustre/scratch --shards 4 --output /etc/bacula/hpc --client node1-fd",
        "FileSets, Jobs and a Pool each",
      )
      .example(
        "$0 gen-fileset --path /data --shards 8 --output hpc --storage File1,File2",
        "two Storages take turns",
      )
      .example("$0 gen-fileset --path /data --shards 8 --output hpc --diff", "what would change")
      .example(
        "$0 gen-fileset --path /lustre/home --tree /lustre --other-path /lustre/projects --shards 2 --output hpc",
        "the jobs name what of /lustre is in neither",
      )
      .example(
        "$0 gen-fileset --shards 8 --client node1-fd --check /etc/bacula/bacula-dir.conf",
        "may 8 jobs run at once?",
      )
      .example("$0 gen-fileset --path /data --shards 8 --reshard-plan 4", "from 4 shards to 8")
      .epilogue(
        "Include the files in bacula-dir.conf with the @ lines that are printed, then `reload` in bconsole. Paths cannot hold newlines.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    if (args.check !== undefined) return checkConfigurations(args, args.check, output);
    if (args["reshard-plan"] !== undefined)
      return printReshardPlan(args, args["reshard-plan"], output, io);
    if (args.output === undefined)
      throw usageError(
        "there is no --output",
        "Name a folder for the files, e.g. --output /etc/bacula/hpc.",
      );
    const setup = await setupOf(args, output, io);
    return writeFiles(args, resolve(toText(args.output, "--output")), setup, output, io);
  },
};

function writeFiles(
  args: Arguments,
  folder: string,
  setup: Setup,
  output: Output,
  io: Io,
): ExitCode {
  const files = generate(setup);
  const planned = plan(folder, files);
  if (args.diff) {
    if (args.json)
      output.object({
        files: planned.map(({ path, state }) => ({ path, state })),
        diff: difference(planned),
      });
    else io.stdout.write(Buffer.from(difference(planned), "latin1"));
    return Exit.done;
  }
  write(folder, planned, args.force);
  for (const { path, state } of planned)
    output.line(
      `${path}: ${state === "same" ? "as it was" : state === "new" ? "written" : "rewritten"}`,
    );
  const includes = planned.map(({ path }) => `@${path}`);
  const settings = needs(setup);
  output.line("\nIn bacula-dir.conf:");
  for (const line of includes) output.line(`  ${line}`);
  output.line(`\nSo that ${setup.shards} jobs run at once:`);
  for (const { daemon, resource, setting, atLeast } of settings)
    output.line(
      `  ${daemon}: ${resource}: ${setting === "Device" ? `${atLeast} or more Devices` : `${setting} = ${atLeast} or more`}`,
    );
  if (setup.shards > 1)
    output.line(
      `\nCheck a configuration for it with: podheitor-hpc gen-fileset --shards ${setup.shards} --client ${setup.client} --storage ${setup.storages.join(",")} --check FILE`,
    );
  const warnings = traps(setup, leftovers(folder, setup.prefix, setup.shards));
  for (const text of warnings) output.message("warning", text);
  output.object({
    prefix: setup.prefix,
    topology: setup.topology,
    files: planned.map(({ path, state }) => ({ path, state })),
    includes,
    needs: settings,
  });
  return output.warnings > 0 ? Exit.warnings : Exit.done;
}

/** What works, but not as hoped for. */
function traps(setup: Setup, left: readonly string[]): string[] {
  const texts: string[] = [];
  const shared =
    setup.shards > 1 &&
    setup.topology !== "pool" &&
    (setup.topology !== "storage" || sharesStorage(setup));
  if (setup.pool !== undefined && shared)
    texts.push(
      `Pool ${setup.pool} must have Maximum Volume Jobs = 1: several shards on one volume take as long as one stream`,
    );
  if (left.length > 0)
    texts.push(
      `the folder holds files of another number of shards (${left.slice(0, 3).join(", ")}${left.length > 3 ? " …" : ""}): do not run both sets; see --reshard-plan`,
    );
  return texts;
}

function checkConfigurations(args: Arguments, files: readonly string[], output: Output): ExitCode {
  const setup = {
    shards: shardCount(args.shards),
    client: clientOf(args),
    storages: storagesOf(args),
  };
  const resources = files.flatMap((file) => {
    const read = readConfiguration(toText(file, "--check"));
    if (isLookedAt(read)) return read;
    throw new HpcError(
      "HPC_CONFIGURATION",
      `${file} has no Client, Catalog, Storage or FileDaemon, which are what says how many jobs may run`,
      "Name bacula-dir.conf, bacula-sd.conf or bacula-fd.conf.",
    );
  });
  const findings = check(setup, resources);
  for (const { file, line, message } of findings) output.line(`${file}:${line}: ${message}`);
  if (findings.length === 0)
    output.line(`${files.join(", ")}: ${setup.shards} jobs may run at once`);
  output.object({ shards: setup.shards, findings });
  return findings.length > 0 ? Exit.warnings : Exit.done;
}

async function printReshardPlan(
  args: Arguments,
  before: string,
  output: Output,
  io: Io,
): Promise<ExitCode> {
  const [from, to] = [shardCount(before, "--reshard-plan"), shardCount(args.shards)];
  if (from === to)
    throw usageError(
      `there are ${from} shards already`,
      "Give the old number to --reshard-plan and the new one to --shards.",
    );
  const steps = reshardPlan(prefixFor(args, await keyPairs("gen-fileset", args, io)), from, to);
  for (const [index, step] of steps.entries()) output.line(`${index + 1}. ${step}`);
  output.object({ from, to, steps });
  return Exit.done;
}

async function setupOf(args: Arguments, output: Output, io: Io): Promise<Setup> {
  const shards = shardCount(args.shards);
  const topology = topologyOf(args);
  if (args.pool !== undefined && topology === "pool")
    throw usageError(
      "--pool names one Pool, and the topology has one to each shard",
      "Choose --topology max-volume-jobs, or leave --pool out.",
    );
  if (args.pool !== undefined && (args.retention ?? args["volume-bytes"]) !== undefined)
    throw usageError(
      "--retention and --volume-bytes are for generated Pools, and --pool names an existing one",
      "Set them in that Pool.",
    );
  const keys = await keyPairs("gen-fileset", args, io);
  const prefix = prefixFor(args, keys);
  const { checkParams } = await import("@podheitor/hpc-backend");
  // As the job will, but for the filesystems: the Director need not see them.
  const { params, problems } = checkParams([["shard", Buffer.from(`0/${shards}`)], ...keys]);
  const [problem] = problems;
  if (problem?.code === "HPC_BAD_PATH") throw usageError(problem.message, problem.remedy);
  if (params === undefined) throw problem;
  for (const text of params.warnings) output.message("warning", text);
  return {
    prefix,
    shards,
    keys,
    topology,
    client: clientOf(args),
    storages: storagesOf(args),
    messages: args.messages,
    pool: args.pool,
    schedule: args.schedule,
    level: args.level,
    priority: args.priority === undefined ? undefined : whole(args.priority, "--priority", 1, 1000),
    accurate: accuracyOf(args.accurate, await namesOf(args.catalog, prefix, shards)),
    digest: args.digest === "none" ? undefined : args.digest,
    spoolData: args["spool-data"],
    spoolAttributes: args["spool-attributes"],
    retention: directive(
      args.retention,
      "--retention",
      /^\d+ *(seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?)?$/,
      "60 days",
    ),
    volumeBytes:
      args["volume-bytes"] === undefined
        ? undefined
        : sizeOf(args["volume-bytes"], "--volume-bytes"),
  };
}

/** Names of the largest shard by the last jobs; undefined: not known. */
async function namesOf(
  catalog: string | undefined,
  prefix: string,
  shards: number,
): Promise<number | undefined> {
  if (catalog === undefined) return undefined;
  const jobs = await jobsIn(toText(catalog, "--catalog"), prefix);
  return namesOfLargest(planGeneration(prefix, jobs, Date.now() / 1000), shards);
}

function pathsIn(keys: Params): Buffer[] {
  return keys.filter(([key]) => key === "path").map(([, path]) => path);
}

function prefixFor(args: Arguments, keys: Params): string {
  if (args["job-prefix"] !== undefined) return checkPrefix(args["job-prefix"]);
  return prefixOf(
    Buffer.concat(
      pathsIn(keys).flatMap((path, index) => (index === 0 ? [path] : [Buffer.from(" "), path])),
    ),
  );
}

function clientOf(args: Arguments): string {
  return args.client ?? `${hostname()}-fd`;
}

function storagesOf(args: Arguments): string[] {
  const names = args.storage.split(",").map((name) => name.trim());
  if (names.includes(""))
    throw usageError(`--storage ${args.storage} has an empty name`, "Write --storage File1,File2.");
  return names;
}

function topologyOf(args: Arguments): Topology {
  return (
    (args.topology as Topology | undefined) ?? (storagesOf(args).length > 1 ? "storage" : "pool")
  );
}

function shardCount(text: string | undefined, option = "--shards"): number {
  if (text === undefined)
    throw usageError(
      `there is no ${option}`,
      `Give a number of shards, e.g. ${option} 4; podheitor-hpc backup's --shards has the same meaning.`,
    );
  return whole(text, option, 1, 1024);
}

function directive(
  text: string | undefined,
  option: string,
  form: RegExp,
  example: string,
): string | undefined {
  if (text !== undefined && !form.test(text))
    throw usageError(
      `${option} ${JSON.stringify(text)} is not understood`,
      `Write it as in ${option} '${example}'.`,
    );
  return text;
}
