import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { absolutePath, toBytes, toText } from "./bytes";
import { declareTypesOf } from "./declared-types";
import { usageError } from "./errors";
import type { Io } from "./io";
import { readNames } from "./names-file";
import { repeated, value } from "./options";

/** What is looked at, and how: the same options wherever a command scans a tree. */
export const scanOptions = {
  path: repeated("directory or file to back up; may be repeated"),
  "path-from": value(
    "file with NUL-ended paths, for names that are not UTF-8 (- is standard input)",
  ),
  threads: value("threads of the scan"),
  "metadata-ops": value(
    "at most so many stats and opens a second, by each shard; default: as many as go",
  ),
  "back-off": value("yes or no: fewer threads while the filesystem is slow; default: on a network"),
  mode: value("filesystem: auto, posix, lustre, gpfs, cephfs, beegfs or weka"),
  exclude: repeated(
    "leave out what matches: gitignore's patterns; may be repeated, a later one wins, !PATTERN takes back",
  ),
  "exclude-marker": repeated(
    "leave out the content of directories that hold a file of this name; may be repeated",
  ),
  "exclude-caches": {
    type: "boolean",
    default: false,
    describe: "the same of caches, which have a valid CACHEDIR.TAG",
  },
  "one-file-system": {
    alias: "x",
    type: "boolean",
    default: false,
    describe: "leave out what is mounted below the paths",
  },
  "plugin-dir": value("where filesystem-types lies; read from bacula-fd.conf if not given"),
  "allow-root": {
    type: "boolean",
    default: false,
    describe: "allow the root of a parallel filesystem",
  },
} as const;

export type ScanArguments = InferredOptionTypes<typeof scanOptions>;
export type Pairs = (readonly [key: string, value: Buffer])[];

/** The options as keys of the plugin string; hpc-backend checks their values. */
export async function scanPairs(args: ScanArguments, io: Io): Promise<Pairs> {
  const paths = (args.path ?? []).map(toBytes);
  const pluginDir = args["plugin-dir"];
  declareTypesOf(pluginDir === undefined ? undefined : resolve(toText(pluginDir, "--plugin-dir")));
  if (args["path-from"] !== undefined)
    paths.push(...(await readNames(toText(args["path-from"], "--path-from"), io.stdin)));
  if (paths.length === 0)
    throw usageError("there is nothing to back up", "Give --path DIR or --path-from FILE.");
  const pairs: Pairs = paths.map((path) => ["path", absolutePath(path)]);
  for (const key of ["threads", "metadata-ops", "back-off", "mode"] as const) {
    const text = args[key];
    if (text !== undefined) pairs.push([key, Buffer.from(text)]);
  }
  for (const pattern of args.exclude ?? []) pairs.push(["exclude", toBytes(pattern)]);
  for (const marker of args["exclude-marker"] ?? [])
    pairs.push(["exclude-marker", toBytes(marker)]);
  if (args["exclude-caches"]) pairs.push(["exclude-marker", Buffer.from("CACHEDIR.TAG")]);
  if (args["one-file-system"]) pairs.push(["one-filesystem", Buffer.from("yes")]);
  if (args["allow-root"]) pairs.push(["allow-root", Buffer.from("yes")]);
  return pairs;
}
