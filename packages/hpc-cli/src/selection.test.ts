import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { NODE } from "../test/odd-tree";
import { runCommand } from "./testing";

/* What a command line selects of an archive: words, also behind `--`, and lists. */

// Starting from source on a busy machine takes its time.
jest.setTimeout(60_000);

const NAMES = [
  "report (1).txt",
  "a(b|c)",
  "b",
  '"q"',
  "'q'",
  "+(x)",
  "@(x)",
  "!(x)",
  "x",
  "a|b",
  "two\\\\bs",
  "-x",
  "--json",
  "--",
  "true",
  "a=b",
  "{c,d}",
  "[e]",
  "f*",
  "fg",
  "\xff(\n",
];
let scratch: string;
let tree: string;
let archive: string;
let where: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-selection-"));
  tree = join(scratch, "d");
  archive = join(scratch, "a.hpc");
  mkdirSync(tree);
  for (const name of NAMES) writeFileSync(Buffer.from(`${tree}/${name}`, "latin1"), name);
  await runCommand(["backup", "--path", tree, "--archive", archive]);
});
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => {
  where = join(mkdtempSync(join(scratch, "work-")), "back");
});

const restored = () => readdirSync(join(where, tree), { encoding: "latin1" }).sort();
const restore = (...words: string[]) =>
  runCommand(["restore", "--archive", archive, "--where", where, ...words]);
/** The pattern that is just this name. */
const exactly = (name: string) => name.replace(/[*?[{\\]/g, "\\$&");
const texts = NAMES.filter((name) => !name.includes("\xff"));

test.each(texts)("%j selects just itself, anywhere and behind --", async (name) => {
  expect(await restore("--", exactly(name))).toMatchObject({ code: 0, stderr: "" });
  expect(restored()).toEqual([name]);
  if (name.startsWith("-")) return;
  rmSync(where, { recursive: true });
  expect(await restore(exactly(name))).toMatchObject({ code: name === "--" ? 2 : 0 });
  expect(restored()).toEqual([name]);
});

test("what follows -- is never dropped, and is no option", async () => {
  expect(await restore("--", "no such name")).toMatchObject({ code: 3 });
  // --where and y are names, too, which the archive does not have.
  expect(await restore("x", "--", "b", "--json", "--where", "y")).toMatchObject({ code: 3 });
  expect(restored()).toEqual(["--json", "b", "x"]);
});

test("a pattern that ends in backslashes returns at once", async () => {
  expect(await restore("two\\\\\\\\bs")).toMatchObject({ code: 0 });
  expect(await restore("x\\\\\\\\")).toMatchObject({ code: 3 });
  expect(await restore("x\\\\\\")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("ends in a backslash"),
  });
});

test("a list selects names as they are, from a file and from standard input", async () => {
  const listed = ["f*", "{c,d}", `${tree}/"q"`, "\xff(\n"].map((name) => `${name}\0`).join("");
  const list = join(scratch, "list");
  writeFileSync(list, Buffer.from(listed, "latin1"));
  expect(await restore("--files-from", list)).toMatchObject({ code: 0, stderr: "" });
  expect(restored()).toEqual(['"q"', "f*", "{c,d}", "\xff(\n"].sort());
  rmSync(where, { recursive: true });
  const argv = ["restore", "--archive", archive, "--where", where, "--files-from", "-", "b"];
  expect(await runCommand(argv, { input: Buffer.from("x\0") })).toMatchObject({ code: 0 });
  expect(restored()).toEqual(["b", "x"]);
  const none = await restore("--files-from", join(scratch, "none"));
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("HPC_NAMES_FILE")]);
});

test("an argument that is no UTF-8 selects the name of these bytes", () => {
  const script = `exec "\${@:2}" restore --archive "$ARCHIVE" --where "$WHERE" -- "$(printf '%b' "$1")*"`;
  execFileSync("bash", ["-c", script, "bash", "\\xff(", process.execPath, ...NODE], {
    env: { ...process.env, ARCHIVE: archive, WHERE: where },
    stdio: "pipe",
  });
  expect(restored()).toEqual(["\xff(\n"]);
});
