import type { Difference } from "@podheitor/hpc-backend";
import type { Argv, InferredOptionTypes } from "yargs";
import { toText } from "../bytes";
import type { Command } from "../command";
import { escapeName, escapeText } from "../escape";
import { Exit } from "../exit";
import { formatBytes, formatSeconds, plural } from "../format";
import { jsonName } from "../listing";
import { archive, json, value } from "../options";
import { Output } from "../output";

const options = {
  archive,
  against: {
    ...value("the directory that was backed up, or one it was restored to (/ is where it came from)"),
    demandOption: true,
  },
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const verify: Command<Arguments> = {
  usage: "verify",
  describe: "compare an archive with a tree: names, owners, modes, times and every byte",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 verify --archive data.hpc --against /srv/data", "with what was backed up")
      .example("$0 verify --archive data.hpc --against /tmp/back", "with what was restored there")
      .epilogue("Exit 0: nothing differs. Exit 3: each difference is one line."),

  async run(args, io) {
    const output = new Output(io, args.json);
    const { verifyArchive } = await import("@podheitor/hpc-backend");
    const summary = await verifyArchive({
      archive: toText(args.archive, "--archive"),
      against: toText(args.against, "--against"),
      events: {
        message: (level, text) => output.message(level, text),
        progress: (figures) => output.progress(figures),
        difference: (difference) => printDifference(difference, output),
      },
      signal: io.signal,
    });
    output.endProgress();
    output.object(summary);
    output.line(
      `${plural(summary.entries, "entry", "entries")}, ${formatBytes(summary.bytes)} compared in ${formatSeconds(summary.seconds)}: ${summary.differences === 0 ? "no difference" : plural(summary.differences, "difference")}`,
    );
    return summary.differences > 0 || output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

function printDifference({ path, what, archived, found }: Difference, output: Output): void {
  output.object({ difference: { ...jsonName("path", path), what, archived, found } });
  output.line(`${what.padEnd(7)} ${escapeName(path)}${detailOf(archived, found)}`);
}

/** `(0644, found 0600)`; of what is missing or unreadable only the reason, and that a missing name does not exist needs none. */
function detailOf(archived: string | undefined, found: string | undefined): string {
  if (archived !== undefined) return ` (${escapeText(archived)}, found ${escapeText(found ?? "nothing")})`;
  return found === undefined || found === "ENOENT" ? "" : ` (${escapeText(found)})`;
}
