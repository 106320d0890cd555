import type { Argv, InferredOptionTypes } from "yargs";
import { jobsIn } from "../catalog/reader";
import type { Command } from "../command";
import { HpcError, usageError } from "../errors";
import { Exit } from "../exit";
import { checkPrefix } from "../fileset/names";
import { type GenerationPlan, planGeneration, restoreCommand } from "../generation/plan";
import { json, needed, value, valueOr } from "../options";
import { Output } from "../output";
import { toText } from "../text/bytes";

const options = {
  "job-prefix": needed(
    "take the jobs whose names begin so, as gen-fileset made them: PREFIX-K-of-N",
  ),
  catalog: valueOr("/var/lib/bacula/bacula.db", "read the Director's SQLite file"),
  before: value(
    "plan for the tree as it was at this time: epoch seconds, or 'YYYY-MM-DD HH:MM:SS' local time",
    "now",
  ),
  where: valueOr("/tmp/bacula-restores", "restore to this directory"),
  "restore-job": value(
    "use this restore job, where the Director has several",
    "the Director's only one",
  ),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const restorePlan: Command<Arguments> = {
  usage: "restore-plan",
  describe: "say which jobs of all shards are together the tree at a time, and how to restore it",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 restore-plan --job-prefix lustre-scratch", "the newest generation")
      .example(
        "$0 restore-plan --job-prefix lustre-scratch --before '2026-05-01 06:00:00'",
        "as it was that morning",
      )
      .epilogue(
        "Of each shard: the last good Full, the last good Differential after it, the good Incrementals after that. bconsole's own choice of current jobs follows one FileSet only. Catalogs in SQLite; exit 1 when a shard is missing, 3 with warnings.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const prefix = checkPrefix(args["job-prefix"]);
    const before =
      args.before === undefined ? Math.floor(Date.now() / 1000) : parseTime(args.before);
    const jobs = await jobsIn(toText(args.catalog, "--catalog"), prefix);
    const plan = planGeneration(prefix, jobs, before);
    if (plan === undefined)
      throw new HpcError(
        "HPC_NO_GENERATION",
        `${args.catalog} has no good backup of ${prefix}-K-of-N by ${timeText(before)}`,
        "Check --job-prefix, and whether all jobs have run.",
      );
    for (const text of plan.warnings) output.message("warning", text);
    if (plan.missing.length > 0)
      throw new HpcError(
        "HPC_SHARD_MISSING",
        `the tree is not complete: no good Full of ${plan.missing.join(", ")} by ${timeText(before)}`,
        "Run these jobs, or choose another --before.",
      );
    const command = restoreCommand(plan, { where: args.where, restoreJob: args["restore-job"] });
    print(plan, command, output);
    output.countWarnings();
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

function print(plan: GenerationPlan, command: string, output: Output): void {
  for (const { name, jobs } of plan.chains)
    output.line(
      `${name}: ${jobs.map(({ jobId, level }) => `${level} ${jobId}`).join(", ")}; as of ${timeText(jobs.at(-1)?.end ?? 0)}`,
    );
  output.line(`\nIn bconsole:\n  ${command}`);
  output.object({
    shards: plan.shards,
    jobids: plan.chains
      .flatMap((chain) => chain.jobs.map(({ jobId }) => jobId))
      .sort((a, b) => a - b),
    chains: plan.chains.map(({ name, index, jobs }) => ({
      name,
      index,
      jobs: jobs.map(({ jobId, level, end }) => ({ jobid: jobId, level, end })),
    })),
    command,
    warnings: output.warnings,
  });
}

/** Local time, as Bacula and bconsole show it. */
function parseTime(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/.exec(text);
  const time =
    match === null ? Number.NaN : new Date(`${match[1]}T${match[2] ?? "00:00:00"}`).getTime();
  const written = match?.[1] ?? "";
  // Date takes the 31st of February for the 3rd of March.
  if (Number.isNaN(time) || !timeText(time / 1000).startsWith(written))
    throw usageError(
      `--before ${JSON.stringify(text)} is not a time`,
      "Write epoch seconds or '2026-05-01 06:00:00'.",
    );
  return Math.floor(time / 1000);
}

function timeText(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
