import type { Argv, InferredOptionTypes } from "yargs";
import { toText } from "../bytes";
import type { Command } from "../command";
import { Exit } from "../exit";
import { jsonName, type Listed, listLine } from "../listing";
import { archive, json } from "../options";
import { Output, toJson } from "../output";

const options = {
  archive,
  null: { alias: "0", type: "boolean", default: false, describe: "names only, each ended by a NUL byte, for xargs -0" },
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

const NUL = Buffer.from([0]);
const NEWLINE = Buffer.from("\n");

export const list: Command<Arguments> = {
  usage: "list",
  describe: "list what is in an archive",
  options: (parser: Argv) =>
    parser
      .options(options)
      .conflicts("null", "json")
      .example("$0 list --archive data.hpc", "like tar tvf, times in UTC")
      .example("$0 list --archive data.hpc --null | xargs -0 -n1 dirname", "names for another program")
      .epilogue(
        "On a terminal unusual bytes of names are shown as \\n, \\xNN …; into a file or pipe they are written as they are.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const render = args.json
      ? jsonLine
      : args.null
        ? (entry: Listed) => Buffer.concat([entry.name, NUL])
        : textLine(output.terminal);
    const { listArchive } = await import("@podheitor/hpc-backend");
    for await (const entry of listArchive(toText(args.archive, "--archive"))) {
      io.signal.throwIfAborted();
      await output.bulk(render(listed(entry)));
    }
    await output.flush();
    return Exit.done;
  },
};

function textLine(terminal: boolean): (entry: Listed) => Buffer {
  return (entry) => Buffer.concat([listLine(entry, terminal), NEWLINE]);
}

function jsonLine(entry: Listed): Buffer {
  const { name, link, isLink, ...rest } = entry;
  const target = link.length === 0 ? {} : jsonName(isLink ? "hardlink" : "symlink", link);
  return Buffer.from(`${toJson({ ...jsonName("path", name), ...rest, ...target })}\n`);
}
