import { CatalogReader } from "../catalog/reader";
import { verifyCatalog } from "../catalog/verify";
import { usageError } from "../errors";
import { Exit, type ExitCode } from "../exit";
import type { Io } from "../io";
import { value, whole } from "../options";
import { Output } from "../output";
import { toBytes, toText } from "../text/bytes";
import { escapeName, escapeText } from "../text/escape";
import { formatCount, formatSeconds, plural } from "../text/format";
import { jsonName } from "../text/listing";

/** Options of `verify` that belong to --catalog. */
export const catalogOptions = {
  catalog: value(
    "compare what this SQLite file of a Bacula catalog holds of --jobid; it is only read",
  ),
  jobid: value(
    "with --catalog: compare with these jobs, separated by commas; of each name the latest counts",
  ),
  "sample-names": value("with --catalog: look at so many names, chosen at random", "every name"),
} as const;

interface Arguments {
  readonly catalog: string;
  readonly jobid: string | undefined;
  readonly "sample-names": string | undefined;
  readonly against: string;
  readonly json: boolean;
}

const OK = "TW";

/** `verify --catalog`: exit 3 when tree and catalog differ, with the reason of each difference. */
export async function runVerifyCatalog(args: Arguments, io: Io): Promise<ExitCode> {
  const output = new Output(io, args.json);
  const jobIds = jobIdsOf(args.jobid ?? "");
  const { "sample-names": wanted } = args;
  const sample = wanted === undefined ? undefined : whole(wanted, "--sample-names");
  const started = performance.now();
  const reader = new CatalogReader(toText(args.catalog, "--catalog"));
  try {
    return await compare(reader, jobIds, sample, started, args, output, io);
  } finally {
    reader.close();
  }
}

async function compare(
  reader: CatalogReader,
  jobIds: readonly number[],
  sample: number | undefined,
  started: number,
  args: Arguments,
  output: Output,
  io: Io,
): Promise<ExitCode> {
  const jobs = await reader.jobs(jobIds);
  for (const { jobId, status, type } of jobs) {
    if (type !== "B") throw usageError(`job ${jobId} is no backup`, "Name backup jobs.");
    if (!OK.includes(status))
      output.message("warning", `job ${jobId} did not end well (${status})`);
  }
  const against = toBytes(args.against).toString("latin1").replace(/\/+$/, "");
  const sums = await verifyCatalog({
    reader,
    jobs,
    against,
    sample,
    signal: io.signal,
    difference: ({ path, why, detail }) => {
      output.object({
        difference: { ...jsonName("path", path), why, ...(detail === "" ? {} : { detail }) },
      });
      output.line(
        `${why.padEnd(8)} ${escapeName(path)}${detail === "" ? "" : ` (${escapeText(detail)})`}`,
      );
    },
  });
  const seconds = (performance.now() - started) / 1000;
  output.object({ ...sums, seconds });
  const reasons = Object.entries(sums.differences_by).map(([why, count]) => `${count} ${why}`);
  const differences =
    sums.differences === 0 ? "no difference" : plural(sums.differences, "difference");
  output.line(
    `${formatCount(sums.compared)} of ${plural(sums.entries, "entry", "entries")} compared in ${formatSeconds(seconds)}: ${[differences, ...reasons].join(", ")}`,
  );
  return sums.differences > 0 || output.warnings > 0 ? Exit.warnings : Exit.done;
}

function jobIdsOf(text: string): number[] {
  if (!/^[1-9]\d{0,9}(,[1-9]\d{0,9})*$/.test(text))
    throw usageError(
      text === "" ? "--catalog needs --jobid" : `--jobid ${text} is not a number`,
      "Give --jobid as 12 or 12,13,14.",
    );
  return [...new Set(text.split(",").map(Number))];
}
