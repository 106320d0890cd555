import {
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { restoreArchive } from "@podheitor/hpc-archive";
import { backupToArchive, parseParams } from "../src/index";

let scratch: string;
let archive: string;
const said: string[] = [];

/** home -> big/home, and home/u with a file and a directory. */
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-in-place-"));
  archive = join(scratch, "a.hpc");
  mkdirSync(join(scratch, "big/home/u/sub"), { recursive: true });
  symlinkSync("big/home", join(scratch, "home"));
  writeFileSync(join(scratch, "home/u/sub/file"), "content");
  said.length = 0;
});
afterEach(() => rmSync(scratch, { recursive: true }));

function backup(name: string) {
  return backupToArchive({
    params: parseParams([["path", Buffer.from(join(scratch, name))]]),
    archive,
  });
}

function restore(where: string) {
  return restoreArchive({ archive, where, events: { message: (_level, text) => said.push(text) } });
}

describe("what was saved through a symbolic link comes back through it", () => {
  test("one above the path", async () => {
    await backup("home/u");
    rmSync(join(scratch, "big/home/u"), { recursive: true });
    const summary = await restore("/");
    expect(summary).toMatchObject({ files: 1, directories: 2, failed: 0 });
    expect(readFileSync(join(scratch, "big/home/u/sub/file"), "utf8")).toBe("content");
    expect(lstatSync(join(scratch, "home")).isSymbolicLink()).toBe(true);
  });

  test("the path itself", async () => {
    await backup("home");
    rmSync(join(scratch, "big/home/u"), { recursive: true });
    const summary = await restore("/");
    expect(summary).toMatchObject({ files: 1, directories: 3, failed: 0 });
    expect(readFileSync(join(scratch, "big/home/u/sub/file"), "utf8")).toBe("content");
    expect(lstatSync(join(scratch, "home")).isSymbolicLink()).toBe(true);
  });

  test("but never one below the path", async () => {
    await backup("home");
    rmSync(join(scratch, "big/home/u"), { recursive: true });
    mkdirSync(join(scratch, "elsewhere"));
    symlinkSync("../../elsewhere", join(scratch, "big/home/u"));
    const summary = await restore("/");
    expect(summary.failed).toBe(0); // its own entry comes first and takes the link's place
    expect(existsSync(join(scratch, "elsewhere/sub"))).toBe(false);
    expect(readFileSync(join(scratch, "big/home/u/sub/file"), "utf8")).toBe("content");
  });
});

/** Only root can give a link to somebody else. */
const asRoot = process.getuid?.() === 0 ? test : test.skip;

describe("nothing is restored through a link that another user may have set", () => {
  asRoot("in place", async () => {
    await backup("home");
    rmSync(join(scratch, "big/home/u"), { recursive: true });
    lchownSync(join(scratch, "home"), 12345, 12345);
    const summary = await restore("/");
    expect(summary).toMatchObject({ entries: 0, failed: 4 });
    expect(existsSync(join(scratch, "big/home/u"))).toBe(false);
    expect(lstatSync(join(scratch, "home")).isSymbolicLink()).toBe(true);
    const link = `${scratch}/home: nothing is restored through the symbolic link ${scratch}/home, `;
    expect(said.filter((text) => text.startsWith(link))).toHaveLength(1);
    expect(
      said.some((text) =>
        text.startsWith(`${scratch}/home/u/sub/file: not restored: cannot create: ELOOP`),
      ),
    ).toBe(true);
  });

  asRoot("on the way to where", async () => {
    await backup("home");
    lchownSync(join(scratch, "home"), 12345, 12345);
    await expect(restore(join(scratch, "home/new"))).rejects.toMatchObject({
      code: "HPC_RESTORE_TARGET",
      message: expect.stringContaining(`the symbolic link ${scratch}/home on the way`),
    });
    expect(existsSync(join(scratch, "big/home/new"))).toBe(false);
  });
});
