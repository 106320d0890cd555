import { resolve } from "node:path";
import { builtBackend } from "@podheitor/hpc-cdylib";
import type { Argv, InferredOptionTypes } from "yargs";
import type { Command } from "../command";
import { configuredPluginDirectory } from "../declared-types";
import { daemon, installation } from "../doctor/bacula";
import { type Finding, failed, ok } from "../doctor/finding";
import {
  compiler,
  filesystem,
  filesystemTypes,
  node,
  openFiles,
  pipeSize,
  server,
} from "../doctor/machine";
import { programFiles } from "../doctor/program-files";
import { selfTest } from "../doctor/self-test";
import { reportOf } from "../errors";
import { Exit } from "../exit";
import { json, repeated, value } from "../options";
import { Output } from "../output";
import { toBytes, toText } from "../text/bytes";
import { escapeName, escapeText } from "../text/escape";

const options = {
  path: repeated("say which filesystem this path is on (may be repeated)"),
  "plugin-dir": value(
    "look at the plugin in this directory of the File Daemon",
    "the one that bacula-fd.conf names",
  ),
  json,
} as const;

type Arguments = InferredOptionTypes<typeof options>;

export const doctor: Command<Arguments> = {
  usage: "doctor",
  describe: "what is present on this machine, what is missing, and what to do about it",
  options: (parser: Argv) =>
    parser
      .options(options)
      .example("$0 doctor", "everything")
      .example("$0 doctor --path /lustre/proj --path /home", "and the filesystems of two paths")
      .epilogue(
        "Exit 0: all there. Exit 3: something optional is missing. Exit 1: something needed is missing.",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const pluginDir =
      args["plugin-dir"] === undefined
        ? undefined
        : resolve(toText(args["plugin-dir"], "--plugin-dir"));
    const findings = [
      node(),
      await compiler(),
      backendBundle(),
      programFiles(),
      ...(await selfTest()),
      await daemon("bacula-fd"),
      await daemon("bacula-dir"),
      ...(await installation(pluginDir)),
      ...filesystemTypes(pluginDir ?? configuredPluginDirectory()),
      ...(args.path ?? []).map(toBytes).map((path) => filesystem(path, escapeName(path))),
      openFiles(),
      pipeSize(),
      server(),
    ];
    output.object({ findings });
    for (const finding of findings) printFinding(finding, output);
    if (findings.some((finding) => finding.status === "failed")) return Exit.failed;
    return findings.some((finding) => finding.status === "missing") ? Exit.warnings : Exit.done;
  },
};

function backendBundle(): Finding {
  try {
    return ok("backend", builtBackend());
  } catch (error) {
    const { message, remedy } = reportOf(error);
    return failed("backend", message, remedy);
  }
}

function printFinding({ name, status, detail, remedy }: Finding, output: Output): void {
  output.line(`${status.padEnd(8)} ${name.padEnd(17)} ${escapeText(detail)}`);
  if (remedy !== undefined) output.line(`${" ".repeat(27)}→ ${remedy}`);
}
