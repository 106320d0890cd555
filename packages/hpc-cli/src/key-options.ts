import { resolve } from "node:path";
import { KEYS, type Key, type KeyCommand, type KeyTable } from "@podheitor/hpc-backend/keys";
import type { InferredOptionTypes, Options } from "yargs";
import { declareTypesOf } from "./declared-types";
import { usageError } from "./errors";
import type { Io } from "./io";
import { readNames } from "./names-file";
import { flag, pluginDir, repeated, value } from "./options";
import { absolutePath, toBytes, toText } from "./text/bytes";

/** Options that stand for keys, where a command scans a tree. */
const besideKeys = {
  "path-from": value("read paths from a file, each ended by a NUL byte; - is standard input"),
  "exclude-caches": flag("leave out the content of caches, which have a valid CACHEDIR.TAG"),
  "plugin-dir": pluginDir,
} as const;

/** What `keyOptions` gives: the options of the keys have the types that their rows say. */
export type KeyArguments = InferredOptionTypes<typeof besideKeys> &
  Readonly<Record<string, unknown>>;

export type Pairs = (readonly [key: string, value: Buffer])[];

/** The options of a command that scans a tree: what the rows of its keys say, and a few more. */
export function keyOptions(command: KeyCommand, table: KeyTable = KEYS) {
  const options: Record<string, Options> = {};
  for (const [name, key] of rowsOf(command, table)) {
    for (const alias of key.aliases ?? [])
      options[optionOf(alias, key)] = { ...keyOption(key), hidden: true };
    const { letter: alias } = key;
    options[optionOf(name, key)] = { ...keyOption(key), ...(alias === undefined ? {} : { alias }) };
  }
  return { ...options, ...besideKeys };
}

/**
 * The pairs of a plugin string that the options of a command stand for; hpc-backend checks their
 * values. Throws UsageError where there is no path.
 */
export async function keyPairs(
  command: KeyCommand,
  args: KeyArguments,
  io: Io,
  table: KeyTable = KEYS,
): Promise<Pairs> {
  const pairs: Pairs = [];
  for (const [name, key] of rowsOf(command, table)) {
    const names = [name, ...(key.aliases ?? [])];
    const given = names.flatMap((each) => args[optionOf(each, key)] ?? []) as (string | boolean)[];
    for (const one of given) {
      if (typeof one === "string")
        pairs.push([name, key.isPath ? absolutePath(toBytes(one)) : toBytes(one)]);
      else if (one) pairs.push([name, Buffer.from(key.default === true ? "no" : "yes")]);
    }
  }
  const directory = args["plugin-dir"];
  declareTypesOf(directory === undefined ? undefined : resolve(toText(directory, "--plugin-dir")));
  if (args["path-from"] !== undefined) {
    const paths = await readNames(toText(args["path-from"], "--path-from"), io.stdin);
    pairs.push(...paths.map((path) => ["path", absolutePath(path)] as const));
  }
  if (args["exclude-caches"]) pairs.push(["exclude-marker", Buffer.from("CACHEDIR.TAG")]);
  if (!pairs.some(([key]) => key === "path"))
    throw usageError("there is nothing to back up", "Give --path DIR or --path-from FILE.");
  return pairs;
}

function rowsOf(command: KeyCommand, table: KeyTable): [string, Key<unknown>][] {
  return Object.entries(table).filter(([, { commands }]) => commands.includes(command));
}

/** A key that is `yes` if nothing is said has an option to say no. */
function optionOf(name: string, key: Key<unknown>): string {
  return key.default === true ? `no-${name}` : name;
}

function keyOption({ help, ...key }: Key<unknown>): Options {
  if (typeof key.default === "boolean") return flag(key.default ? `do not ${help}` : help);
  // What a path is, everyone knows, and here it may be a relative one.
  const details = [
    ...(key.isPath ? [] : [key.form.values]),
    ...(key.repeatable ? ["may be repeated"] : []),
  ];
  const describe = details.length === 0 ? help : `${help} (${details.join("; ")})`;
  const option = key.repeatable ? repeated(describe) : value(describe);
  return { ...option, defaultDescription: key.defaultText };
}
