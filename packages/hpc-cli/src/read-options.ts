import type { InferredOptionTypes } from "yargs";
import { value } from "./options";
import type { Pairs } from "./scan-options";

/**
 * What is read of an entry, and how fast: the same options for an archive as for the jobs of a
 * configuration.
 */
export const readOptions = {
  "inline-kib": value("content of files up to this size is read by the scan threads"),
  "channel-depth": value("entries between the scan and what is written"),
  bandwidth: value("at most so many MiB a second of each archive or job; default: as many as go"),
  "drop-behind": {
    type: "boolean",
    default: false,
    describe: "let larger files leave the page cache once they were read",
  },
  "no-xattrs": {
    type: "boolean",
    default: false,
    describe: "no extended attributes, ACLs and inode flags",
  },
  project: value("ask servers for project ids and flags: auto, yes or no; default: auto"),
  hsm: value("files that HSM of Lustre has released: skip or recall; default: skip"),
  degraded: {
    type: "boolean",
    default: false,
    describe: "go on while an MDT of Lustre is inactive, without what lies on it",
  },
} as const;

/** Options and the keys that they are in a plugin string. */
const KEYS = [
  ["inline-kib", "inline_kib"],
  ["channel-depth", "channel_depth"],
  ["bandwidth", "bandwidth"],
  ["project", "project"],
  ["hsm", "hsm"],
] as const;

/** The options as keys of the plugin string; hpc-backend checks their values. */
export function readPairs(args: InferredOptionTypes<typeof readOptions>): Pairs {
  const pairs: Pairs = [];
  for (const [option, key] of KEYS) {
    const text = args[option];
    if (text !== undefined) pairs.push([key, Buffer.from(text)]);
  }
  if (args["drop-behind"]) pairs.push(["drop-behind", Buffer.from("yes")]);
  if (args["no-xattrs"]) pairs.push(["xattrs", Buffer.from("no")]);
  if (args.degraded) pairs.push(["degraded", Buffer.from("yes")]);
  return pairs;
}
