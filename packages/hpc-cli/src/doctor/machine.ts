import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  declareFilesystemTypes,
  FILESYSTEM_TYPES_NAME,
  filesystemOf,
  readFilesystemTypes,
  serverRole,
} from "@podheitor/hpc-native";
import { reportOf } from "../errors";
import { formatBytes } from "../text/format";
import { type Finding, failed, missing, ok } from "./finding";
import { outputOf } from "./program";

/** Names in `engines` of package.json. */
const NODE_MINIMUM = [20, 12] as const;

/**
 * A scan thread holds a few directories open at a time, the backend a few files: this is ample for
 * 512 threads.
 */
const NOFILE_ADVISED = 4096;

/** The plugin asks for pipes of this size; the kernel's usual limit for everybody. */
const PIPE_ADVISED = 1024 * 1024;

export function node(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1]))
    return ok("node", version);
  return failed(
    "node",
    `${version} is too old`,
    `Install Node ${NODE_MINIMUM.join(".")} or later.`,
  );
}

export async function compiler(command = process.env["CC"] ?? "cc"): Promise<Finding> {
  const cc = await outputOf(command, ["--version"]);
  const make = await outputOf("make", ["--version"]);
  const remedy =
    "Run `apt-get install gcc make libc6-dev`: needed only to build the native engine and the plugin.";
  if (cc === undefined) return missing("C compiler", `${command} cannot be run`, remedy);
  if (make === undefined) return missing("C compiler", "make cannot be run", remedy);
  return ok("C compiler", cc.split("\n")[0] ?? command);
}

export function openFiles(limits = readFileSync("/proc/self/limits", "utf8")): Finding {
  const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits);
  const [, soft = "?", hard = "?"] = match ?? [];
  const detail = `${soft} (hard limit ${hard})`;
  if (soft === "unlimited" || Number(soft) >= NOFILE_ADVISED) return ok("open files", detail);
  return missing(
    "open files",
    detail,
    `Raise it to ${NOFILE_ADVISED}: \`ulimit -n\`, or LimitNOFILE= in the File Daemon's unit.`,
  );
}

export function pipeSize(text = readFileSync("/proc/sys/fs/pipe-max-size", "utf8")): Finding {
  const bytes = Number(text);
  if (bytes >= PIPE_ADVISED) return ok("pipe size", formatBytes(bytes));
  return missing(
    "pipe size",
    formatBytes(bytes),
    `Run \`sysctl -w fs.pipe-max-size=${PIPE_ADVISED}\`: with small pipes the File Daemon and the backend wait for each other.`,
  );
}

/**
 * What an administrator declares of types of mounts; nothing where there is no such file. From then
 * on it holds in this process.
 */
export function filesystemTypes(pluginDirectory: string | undefined): Finding[] {
  const name = "filesystem types";
  try {
    const types = pluginDirectory === undefined ? undefined : readFilesystemTypes(pluginDirectory);
    if (pluginDirectory === undefined || types === undefined) return [];
    declareFilesystemTypes(types);
    const lines = [...types].map(([fstype, type]) => `${fstype} is ${type}`).join(", ");
    return [
      ok(name, `${join(pluginDirectory, FILESYSTEM_TYPES_NAME)}: ${lines || "nothing declared"}`),
    ];
  } catch (error) {
    const { message, remedy } = reportOf(error);
    return [failed(name, message, remedy)];
  }
}

/** Which filesystem a path of the operator's is on, and so how it will be read. */
export function filesystem(path: Buffer, shown: string): Finding {
  const name = "filesystem";
  try {
    const { type, fstype, isParallel, mountPoint } = filesystemOf(path);
    const mount = mountPoint === undefined ? "" : `, mounted on ${mountPoint.toString("utf8")}`;
    return ok(
      name,
      `${shown}: ${type === "other" ? fstype || "unknown" : type}${isParallel ? " (parallel)" : ""}${mount}`,
    );
  } catch (error) {
    return missing(
      name,
      `${shown}: ${(error as Error).message}`,
      "Check the spelling, the mount and the permissions.",
    );
  }
}

/** A backup competes with the clients that a server of a parallel filesystem is there for. */
export function server(role = serverRole()): Finding {
  const name = "server";
  if (role === undefined)
    return ok(name, "this machine serves no parallel filesystem that we can see");
  return missing(
    name,
    role,
    "Run the File Daemon on a client: here the backup takes memory and disk time from every client.",
  );
}
