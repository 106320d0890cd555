import { printable } from "@podheitor/hpc-archive";
import type { Sentence } from "@podheitor/hpc-base";
import { parseShard, STRATEGY_NAMES } from "@podheitor/hpc-shard";
import { excludeProblem, markerProblem } from "@podheitor/hpc-walker";
import { ABSOLUTE_PATH, badValue, defineKeys, type KeyCommand, key } from "./key-types";

export { defineKeys, type Key, type KeyCommand, type KeyTable, key } from "./key-types";

/** Commands that scan a tree; of these, those whose jobs save it. */
const SCANS = ["backup", "estimate", "shard-probe", "gen-fileset"] as const;
const SAVES = ["backup", "gen-fileset"] as const;
const FILESETS: readonly KeyCommand[] = ["gen-fileset"];

/** Fewer entries than this between scan and receiver, and each batch of them waits for the other. */
const DEPTH_THAT_FLOWS = 1024;

const SHARD = {
  values: "K/N, 0 ≤ K < N",
  read(value: Buffer, name: string) {
    try {
      return parseShard(value.toString("latin1"));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const remedy = "Write shard=K/N with 0 <= K < N.";
      throw badValue(name, `shard=${printable(value)}: ${reason}`, remedy);
    }
  },
};

const PATTERN = {
  values: "pattern",
  read: bytesWithout(
    excludeProblem,
    "Write a gitignore pattern, such as *.tmp or /scratch/; a backslash takes the next character as it is.",
  ),
};

const FILE_NAME = {
  values: "file name",
  read: bytesWithout(markerProblem, "Write the name of a file, such as .nobackup or CACHEDIR.TAG."),
};

/**
 * Every key of the plugin string, in one row each. What derives from a row: how the key is parsed
 * (`parseParams`) and checked (`plugin check`), its field in `JobParams`, its option and the help of
 * it, its line in docs/plugin.md. A key exists when it works.
 */
export const KEYS = defineKeys({
  path: key.listOf(ABSOLUTE_PATH, {
    help: "save this directory or file",
    otherwise: "none, but one is needed",
    commands: SCANS,
  }),
  shard: key.of(SHARD, {
    help: "save only shard K of N",
    otherwise: "everything",
    commands: ["backup"],
  }),
  strategy: key.choice(STRATEGY_NAMES, {
    help: "choose how entries are dealt out to shards",
    otherwise: "inode-hash with shards, else none",
    commands: ["backup", "shard-probe", "gen-fileset"],
  }),
  mode: key.choice(["auto", "posix", "lustre", "gpfs", "cephfs", "beegfs", "weka"], {
    help: "read the paths as this filesystem",
    default: "auto",
    commands: SCANS,
    effect: (mode, { filesystems }) => ({
      serialDirectories:
        mode === "lustre" || (mode === "auto" && filesystems.some(({ type }) => type === "lustre")),
    }),
  }),
  exclude: key.listOf(PATTERN, {
    help: "leave out what matches, as in a .gitignore; a later one wins, !PATTERN takes back",
    commands: SCANS,
    effect: (excludes) => ({ excludes }),
  }),
  "exclude-marker": key.listOf(FILE_NAME, {
    help: "leave out the content of directories that hold an entry of this name",
    commands: SCANS,
    effect: (markers) => ({ markers }),
  }),
  "one-filesystem": key.yesNo({
    help: "leave out what is mounted below the paths",
    aliases: ["one-file-system"],
    letter: "x",
    default: false,
    commands: SCANS,
    effect: (oneFilesystem) => ({ oneFilesystem }),
  }),
  xattrs: key.yesNo({
    help: "save extended attributes, ACLs and inode flags",
    default: true,
    commands: SAVES,
    effect: (xattrs, { content }) => ({ xattrs: xattrs && content }),
  }),
  project: key.choice(["auto", "yes", "no"], {
    help: "save project ids and what else costs a request for each entry",
    default: "auto",
    commands: SAVES,
    effect(project, { filesystems }) {
      if (project === "yes") return { projects: "all" };
      const asked = project === "auto" && filesystems.some(({ type }) => type === "lustre");
      return asked ? { projects: "directories" } : {};
    },
  }),
  hsm: key.choice(["skip", "recall"], {
    help: "skip or recall files that HSM of Lustre has released",
    default: "skip",
    commands: SAVES,
    effect: (hsm, { filesystems }) => ({
      skipReleased: hsm === "skip" && filesystems.some(({ type }) => type === "lustre"),
    }),
  }),
  degraded: key.yesNo({
    help: "go on without what lies on MDTs of Lustre that are inactive",
    default: false,
    commands: SAVES,
  }),
  threads: key.integer({
    help: "scan with this many threads",
    min: 1,
    max: 512, // what the scan engine accepts
    otherwise: "by filesystem",
    commands: SCANS,
    effect: async (threads, { suitingThreads }) => ({
      threads: threads ?? (await suitingThreads()),
    }),
  }),
  "metadata-ops": key.integer({
    help: "limit the stats and opens of the scan, over all its threads, in each shard",
    min: 1,
    max: 10_000_000, // more is no limit
    unit: "a second",
    otherwise: "no limit",
    commands: SCANS,
    effect: (metadataOps) => (metadataOps === undefined ? {} : { metadataOps }),
  }),
  "back-off": key.yesNo({
    help: "rest threads of the scan while the filesystem is slow",
    otherwise: "yes on a network, else no",
    commands: SCANS,
    effect: (backOff, { filesystems }) => ({
      backOff: backOff ?? filesystems.some(({ isNetwork }) => isNetwork),
    }),
  }),
  "drop-behind": key.yesNo({
    help: "drop files larger than inline-kib from the page cache once they were read",
    default: false,
    commands: SAVES,
  }),
  bandwidth: key.integer({
    help: "limit what each archive or job sends, on the average",
    min: 1,
    max: 1_000_000, // more is no limit
    unit: "MiB a second",
    otherwise: "no limit",
    commands: SAVES,
  }),
  "inline-kib": key.integer({
    help: "let the threads of the scan read files up to this size",
    aliases: ["inline_kib"],
    min: 0,
    max: 512, // beyond it a record and its directory no longer fit 1 MiB batches
    unit: "KiB",
    default: 64,
    commands: SAVES,
    effect: (kib, { content, knowsOwn }) => ({
      inlineBytes: content && knowsOwn ? kib * 1024 : 0,
    }),
  }),
  "channel-depth": key.integer({
    help: "hold this many entries between the scan and the receiver",
    aliases: ["channel_depth"],
    min: 64,
    max: 1_000_000,
    unit: "entries",
    default: 8192, // a slow receiver stops the scan here
    commands: SAVES,
    warning: (depth) =>
      depth < DEPTH_THAT_FLOWS
        ? `channel-depth=${depth} makes the scan wait for the receiver, and the receiver for the scan: use ${DEPTH_THAT_FLOWS} or more`
        : undefined,
    effect: (ringEntries) => ({ ringEntries }),
  }),
  tree: key.of(ABSOLUTE_PATH, {
    help: "name in the job log what of this directory no job saves",
    commands: FILESETS,
  }),
  "other-path": key.listOf(ABSOLUTE_PATH, {
    help: "count this path of the tree as saved by other jobs, or as not needed",
    commands: FILESETS,
  }),
  "allow-root": key.yesNo({
    help: "allow a path that is the root of a whole parallel filesystem",
    default: false,
    commands: SCANS,
  }),
});

/** Reads bytes that have no such problem; the remedy is for those that have one. */
function bytesWithout(problem: (value: Buffer) => string | undefined, remedy: Sentence) {
  return (value: Buffer, name: string) => {
    const found = problem(value);
    if (found === undefined) return value;
    throw badValue(name, `${name} "${printable(value)}" ${found}`, remedy);
  };
}
