import type { JobEvents } from "@podheitor/hpc-archive";
import { EntryFlag } from "@podheitor/hpc-ptcomm";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { usageError } from "../errors";
import { Exit } from "../exit";
import { archive, json } from "../options";
import { Output, toJson } from "../output";
import { toText } from "../text/bytes";
import { escapeName } from "../text/escape";
import { jsonName, type Listed, listLine, typeName } from "../text/listing";

const options = {
  archive,
  null: {
    alias: "0",
    type: "boolean",
    default: false,
    describe: "print names only, each ended by a NUL byte, for xargs -0",
  },
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
      .example("$0 list --archive data.hpc", "like tar tvf, times in UTC")
      .example(
        "$0 list --archive data.hpc --null | xargs -0 -n1 dirname",
        "names for another program",
      )
      .epilogue(
        "On a terminal unusual bytes of names are shown as \\n, \\xNN …; into a file or pipe they are written as they are.",
      ),

  async run(args, io) {
    if (args.null && args.json)
      throw usageError("--null and --json exclude each other", "Give one of them.");
    const output = new Output(io, args.json);
    const render = args.json
      ? jsonLine
      : args.null
        ? (entry: Listed) => Buffer.concat([entry.name, NUL])
        : textLine(output.terminal);
    const { listArchive } = await import("@podheitor/hpc-archive");
    const events: JobEvents = { message: (level, text) => output.message(level, text) };
    try {
      for await (const entry of listArchive(toText(args.archive, "--archive"), events)) {
        io.signal.throwIfAborted();
        await output.bulk(render({ ...entry, isLink: (entry.flags & EntryFlag.LINK) !== 0 }));
        if (entry.damage !== undefined) {
          await output.flush();
          output.message(
            "warning",
            `${escapeName(entry.name)} cannot be restored, or not in full: ${entry.damage}`,
          );
        }
      }
    } finally {
      // Also of an archive that cannot be read further: what came before it is named.
      await output.flush();
    }
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

function textLine(terminal: boolean): (entry: Listed) => Buffer {
  return (entry) => Buffer.concat([listLine(entry, terminal), NEWLINE]);
}

function jsonLine(entry: Listed): Buffer {
  const { name, link, isLink, mode, uid, gid, size, rdev, mtime, mtimeNs } = entry;
  const target = link.length === 0 ? {} : jsonName(isLink ? "hardlink" : "symlink", link);
  const xattrs = entry.xattrs.length;
  const fields = {
    type: typeName(mode),
    mode: mode & 0o7777,
    uid,
    gid,
    size,
    rdev,
    mtime,
    mtime_ns: mtimeNs,
    xattrs,
  };
  return Buffer.from(`${toJson({ ...jsonName("path", name), ...fields, ...target })}\n`);
}
