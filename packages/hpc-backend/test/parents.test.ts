import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { restoreArchive } from "@podheitor/hpc-archive";
import { backupToArchive, parseParams } from "../src/index";

let scratch: string;
let tree: string;
let archive: string;
let where: string;

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-parents-"));
  tree = join(scratch, "tree");
  archive = join(scratch, "a.hpc");
  where = join(scratch, "where");
  mkdirSync(join(tree, "secret/deeper"), { recursive: true });
  mkdirSync(join(tree, "other/empty"), { recursive: true });
  writeFileSync(join(tree, "secret/deeper/file"), "content");
  writeFileSync(join(tree, "secret/unselected"), "");
  execFileSync("setfattr", ["-n", "user.project", "-v", "apollo", join(tree, "secret/deeper")]);
  if (process.getuid?.() === 0) chownSync(join(tree, "secret"), 1234, 4321);
  chmodSync(join(tree, "secret/deeper"), 0o2710);
  chmodSync(join(tree, "secret"), 0o700);
  utimesSync(join(tree, "secret"), 1, 1_000_000_000);
  await backupToArchive({ params: parseParams([["path", Buffer.from(tree)]]), archive });
});
afterEach(() => rmSync(scratch, { recursive: true }));

const back = (name: string) => lstatSync(join(where, tree, name));

describe("one selected file", () => {
  test("brings what the directories above it were, and nothing else", async () => {
    const summary = await restoreArchive({ archive, where, patterns: ["**/file"] });
    expect(summary).toMatchObject({
      files: 1,
      entries: 1,
      failed: 0,
      skipped: 0,
      unselected: 6,
      attributes_failed: 0,
    });
    const { mode, uid, gid, mtimeMs } = back("secret");
    expect({ mode: mode & 0o7777, mtimeMs }).toEqual({ mode: 0o700, mtimeMs: 1_000_000_000_000 });
    const { uid: ownUid, gid: ownGid } = lstatSync(join(tree, "secret"));
    expect({ uid, gid }).toEqual({ uid: ownUid, gid: ownGid });
    expect(back("secret/deeper").mode & 0o7777).toBe(0o2710);
    const value = ["--only-values", "-n", "user.project", join(where, tree, "secret/deeper")];
    expect(execFileSync("getfattr", ["--absolute-names", ...value], { encoding: "latin1" })).toBe(
      "apollo",
    );
    expect(() => back("other")).toThrow("ENOENT");
    expect(() => back("secret/unselected")).toThrow("ENOENT");
  });

  test("leaves directories alone that are there", async () => {
    mkdirSync(join(where, tree, "secret"), { recursive: true });
    chmodSync(join(where, tree, "secret"), 0o751);
    await restoreArchive({ archive, where, patterns: ["**/file"] });
    expect(back("secret").mode & 0o7777).toBe(0o751);
    expect(back("secret").uid).toBe(process.getuid?.());
    expect(back("secret/deeper").mode & 0o7777).toBe(0o2710);
  });

  test("also of standard input, which is read once", () => {
    const program = `const { restoreArchive } = require("@podheitor/hpc-archive");
      void restoreArchive({ archive: "-", where: ${JSON.stringify(where)}, patterns: ["**/file"] });`;
    execFileSync(process.execPath, ["--import", "tsx", "-e", program], {
      cwd: __dirname,
      input: execFileSync("cat", [archive]),
    });
    expect(back("secret").mode & 0o7777).toBe(0o700);
    expect(back("secret/deeper").mode & 0o7777).toBe(0o2710);
  });
});
