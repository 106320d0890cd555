import { expect, test } from "@jest/globals";
import { defineKeys, KEYS, key } from "@podheitor/hpc-backend/keys";
import yargs from "yargs";
import { keyOptions, keyPairs } from "./key-options";
import { collector } from "./testing";

/** With a key as a reader would add one. */
const TABLE = defineKeys({
  ...KEYS,
  "trial-depth": key.integer({
    help: "hold this many trial entries",
    aliases: ["trial_depth"],
    min: 1,
    max: 9,
    unit: "entries",
    default: 3,
    commands: ["backup"],
  }),
});

const parser = (command: "backup" | "estimate") =>
  yargs()
    .options(keyOptions(command, TABLE))
    .help()
    .wrap(100)
    .strict()
    .exitProcess(false)
    .parserConfiguration({ "boolean-negation": false });

async function pairs(...words: string[]) {
  const args = parser("backup").parseSync(["--path", "/a", ...words]);
  const io = {
    stdin: process.stdin,
    stdout: collector(),
    stderr: collector(),
    signal: new AbortController().signal,
  };
  return (await keyPairs("backup", args, io, TABLE)).map(([name, value]) => `${name}=${value}`);
}

test("a row is an option of its commands, by its name or an alias, and of no other", async () => {
  expect(await pairs("--trial-depth", "5")).toEqual(["path=/a", "trial-depth=5"]);
  expect(await pairs("--trial_depth", "5")).toEqual(["path=/a", "trial-depth=5"]);
  expect(await pairs()).toEqual(["path=/a"]);
  expect(() => parser("estimate").fail(false).parseSync(["--trial-depth", "5"])).toThrow(/Unknown/);
});

test("help has what its row says, and no alias", async () => {
  const help = (await parser("backup").getHelp()).replace(/\s+/g, " ");
  expect(help).toContain(
    "--trial-depth hold this many trial entries (1 to 9 entries) [string] [default: 3]",
  );
  expect(help).not.toMatch(/trial_depth|inline_kib/);
});

test("yes and no are options without a value, where there is a default", async () => {
  expect(await pairs("-x", "--no-xattrs", "--back-off", "no")).toEqual([
    "path=/a",
    "one-filesystem=yes",
    "xattrs=no",
    "back-off=no",
  ]);
});
