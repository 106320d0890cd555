import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Difference, restoreArchive, verifyArchive } from "@podheitor/hpc-archive";
import { unreadFlags } from "../../hpc-archive/src/verify/flags";
import { backupToArchive, parseParams } from "../src/index";
import { scanTree } from "../src/job/scan-tree";

let scratch: string;
let tree: string;
let archive: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-verify-"));
  tree = join(scratch, "tree");
  archive = join(scratch, "a.hpc");
  mkdirSync(join(tree, "sub/deep"), { recursive: true });
  for (const name of ["file", "sub/file", "sub/deep/file"]) writeFileSync(join(tree, name), name);
  symlinkSync("file", join(tree, "link"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const paramsOf = (path: string) => parseParams([["path", Buffer.from(path)]]);

async function differences(against: string): Promise<string[]> {
  const found: string[] = [];
  const difference = ({ what, why, path }: Difference) =>
    void found.push(`${what} ${why} ${path.toString().replace(tree, "")}`);
  await verifyArchive({ scan: scanTree, archive, against, events: { difference } });
  return found.sort();
}

describe("looks at nothing outside the tree", () => {
  test("a directory that became a symbolic link to the same content", async () => {
    await backupToArchive({ params: paramsOf(tree), archive });
    expect(await differences("/")).toEqual([]);
    const copy = join(scratch, "copy");
    mkdirSync(copy);
    cpSync(join(tree, "sub"), join(copy, "sub"), { recursive: true, preserveTimestamps: true });
    renameSync(join(tree, "sub"), join(scratch, "aside"));
    symlinkSync(join(copy, "sub"), join(tree, "sub"));
    expect(await differences("/")).toEqual(
      expect.arrayContaining([
        "missing vanished /sub/deep",
        "missing vanished /sub/deep/file",
        "missing vanished /sub/file",
        "type changed /sub",
      ]),
    );
  });

  test("the path of the backup may be a symbolic link, as it was for the backup", async () => {
    symlinkSync("tree", join(scratch, "path"));
    await backupToArchive({ params: paramsOf(join(scratch, "path")), archive });
    expect(await differences("/")).toEqual([]);
    const single = join(scratch, "path/file");
    await backupToArchive({ params: paramsOf(single), archive });
    expect(await verifyArchive({ scan: scanTree, archive, against: "/" })).toMatchObject({
      differences: 0,
      files: 1,
    });
  });
});

test("names as deep as they come", async () => {
  const deep = join(tree, ...Array.from({ length: 30 }, (_, i) => `${i}`.padStart(200, "d")));
  execFileSync("bash", [
    "-c",
    'cd "$0"; for i in $(seq 0 29); do d=$(printf "%0200d" $i); mkdir $d; cd $d; done; echo x > file',
    tree,
  ]);
  expect(deep.length).toBeGreaterThan(4096);
  await backupToArchive({ params: paramsOf(tree), archive });
  expect(await differences("/")).toEqual([]);
  execFileSync("bash", [
    "-c",
    'cd "$0"; for i in $(seq 0 29); do cd $(printf "%0200d" $i); done; echo y > file',
    tree,
  ]);
  expect((await differences("/")).filter((line) => line.startsWith("content"))).toHaveLength(1);
  execFileSync("rm", ["-rf", tree]);
});

test("an exclude that matched nothing is said once, by the backup", async () => {
  const excludes = ["sub/deep/", "*.none", "!file.none"].map(
    (text) => ["exclude", Buffer.from(text)] as const,
  );
  const params = parseParams([["path", Buffer.from(tree)], ...excludes]);
  const said: string[] = [];
  await backupToArchive({
    params,
    archive,
    events: { message: (_level, text) => said.push(text) },
  });
  expect(said).toEqual(["exclude *.none matched nothing", "exclude !file.none matched nothing"]);
  expect(await differences("/")).toEqual([]);
});

test("what is left out as an archive of the job's own is no difference", async () => {
  const inside = join(tree, "sub/a.hpc");
  await backupToArchive({ params: paramsOf(tree), archive: inside });
  archive = inside;
  expect((await differences("/")).filter((line) => line.startsWith("extra"))).toEqual([]);
  expect(await verifyArchive({ scan: scanTree, archive, against: "/" })).toMatchObject({
    excluded: 1,
  });
});

test("each difference is waited for", async () => {
  await backupToArchive({ params: paramsOf(tree), archive });
  let told = 0;
  let take: () => void = () => undefined;
  const difference = () => {
    told++;
    return new Promise<void>((resolve) => {
      take = resolve;
    });
  };
  const done = verifyArchive({
    scan: scanTree,
    archive,
    against: join(scratch, "nothing", ".."),
    events: { difference },
  });
  for (let expected = 1; expected <= 3; expected++) {
    for (let turns = 0; told < expected && turns < 5000; turns++) await after(1);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    expect(told).toBe(expected);
    take();
  }
  let ended = false;
  void done.finally(() => {
    ended = true;
  });
  while (!ended) {
    take();
    await new Promise(setImmediate);
  }
});

test("what is not compared of flags and project ids is said once", async () => {
  const second = join(scratch, "second");
  mkdirSync(second);
  const params = parseParams([tree, second].map((path) => ["path", Buffer.from(path)] as const));
  await backupToArchive({ params, archive });
  const said: string[] = [];
  await verifyArchive({
    scan: scanTree,
    archive,
    against: "/",
    events: { message: (_level, text) => said.push(text) },
  });
  const sentence = unreadFlags(Buffer.from(tree), "no");
  expect(said).toEqual(sentence === undefined ? [] : [sentence]);
  expect(unreadFlags(Buffer.from(tree), "auto", "5.10.0-1")).toMatch(
    /^project ids.* are not read on .*, and not compared$/,
  );
  expect(unreadFlags(Buffer.from("/proc"), "no", "6.18.1")).toContain(
    "are not read on proc, and not compared",
  );
  expect(unreadFlags(Buffer.from("/proc"), "yes", "5.10.0-1")).toBeUndefined();
});

test("a copy on the same filesystem keeps all that is compared", async () => {
  await backupToArchive({ params: paramsOf(tree), archive });
  const where = join(scratch, "where");
  await restoreArchive({ archive, where });
  expect(await differences(where)).toEqual([]);
});
