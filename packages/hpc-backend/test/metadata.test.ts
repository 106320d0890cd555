import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type Difference,
  listArchive,
  restoreArchive,
  verifyArchive,
} from "@podheitor/hpc-archive";
import { EntryFlag } from "@podheitor/hpc-ptcomm";
import { xattrsOf } from "../../hpc-archive/test/getfattr";
import { type BackupSummary, backupToArchive, parseParams } from "../src/index";
import { scanTree } from "../src/job/scan-tree";

let scratch: string;
let tree: string;
let where: string;
let archive: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-metadata-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  const own = mkdtempSync(join(scratch, "test-"));
  tree = join(own, "tree");
  where = join(own, "where");
  archive = join(own, "x.hpc");
  mkdirSync(tree);
});

type Pair = readonly [string, string];
const backup = (...pairs: Pair[]): Promise<BackupSummary> =>
  backupToArchive({
    params: parseParams([
      ["path", Buffer.from(tree)],
      ...pairs.map(([key, value]) => [key, Buffer.from(value)] as const),
    ]),
    archive,
  });

async function names(file = archive): Promise<string[]> {
  const all: string[] = [];
  for await (const { name } of listArchive(file)) all.push(name.toString().slice(tree.length));
  return all.sort();
}

async function differences(against: string, sample = 1): Promise<string[]> {
  const seen: string[] = [];
  const difference = ({ what, why, path }: Difference) =>
    seen.push(`${what} ${why} ${path.toString().slice(tree.length)}`);
  const summary = await verifyArchive({
    scan: scanTree,
    archive,
    against,
    sample,
    events: { difference },
  });
  expect(summary.differences).toBe(seen.length);
  expect(Object.values(summary.differences_by).reduce((a, b) => a + b)).toBe(seen.length);
  return seen.sort();
}

const setXattr = (file: string, name: string, value: string) =>
  execFileSync("setfattr", ["-h", "-n", name, "-v", value, file]);
/** Writes a block of "x" at each offset of a file of `size` bytes. */
function sparse(file: string, size: number, ...offsets: number[]): void {
  const fd = openSync(file, "w+");
  ftruncateSync(fd, size);
  for (const offset of offsets) writeSync(fd, Buffer.alloc(4096, "x"), 0, 4096, offset);
  closeSync(fd);
}

describe("extended attributes", () => {
  test("travel with the leader, come back, and are compared", async () => {
    writeFileSync(join(tree, "a"), "content");
    linkSync(join(tree, "a"), join(tree, "b"));
    mkdirSync(join(tree, "dir"));
    setXattr(join(tree, "a"), "user.one", "1");
    setXattr(join(tree, "a"), "user.two", "2".repeat(3000));
    setXattr(join(tree, "dir"), "user.dir", "d");
    expect(await backup()).toMatchObject({ entries: 4, xattrs: 2, xattrs_failed: 0 });
    const counts: number[] = [];
    for await (const { flags, xattrs } of listArchive(archive)) {
      counts.push(xattrs.length);
      if (flags & EntryFlag.LINK) expect(xattrs).toEqual([]);
    }
    expect(counts.sort()).toEqual([0, 0, 1, 2]);
    expect(await restoreArchive({ archive, where })).toMatchObject({
      failed: 0,
      attributes_failed: 0,
      xattrs: 3,
    });
    for (const name of ["a", "b", "dir"]) {
      expect(xattrsOf(join(where, tree, name))).toEqual(xattrsOf(join(tree, name)));
    }
    expect(await differences(where)).toEqual([]);
    setXattr(join(where, tree, "dir"), "user.more", "x");
    expect(await differences(where)).toEqual(["xattr unknown /dir"]);
    // Of the origin its ctime tells.
    setXattr(join(tree, "dir"), "user.more", "x");
    expect(await differences("/")).toEqual(["xattr changed /dir"]);
  });

  test("xattrs=no leaves them out, and says so to verify", async () => {
    writeFileSync(join(tree, "a"), "content");
    setXattr(join(tree, "a"), "user.one", "1");
    expect(await backup(["xattrs", "no"])).toMatchObject({ xattrs: 0 });
    await restoreArchive({ archive, where });
    expect(xattrsOf(join(where, tree, "a"))).toEqual({});
    expect(await differences("/")).toEqual([]);
  });

  test.each([
    ["with them gives up what the archive does not know", [], []],
    ["with xattrs=no keeps what it has", [["xattrs", "no"] as const], ["user.foreign"]],
  ])("a directory that is there: an archive made %s", async (_, pairs, kept) => {
    mkdirSync(join(tree, "dir"));
    mkdirSync(join(where, tree, "dir"), { recursive: true });
    setXattr(join(where, tree, "dir"), "user.foreign", "x");
    await backup(...pairs);
    expect(await restoreArchive({ archive, where })).toMatchObject({
      failed: 0,
      attributes_failed: 0,
    });
    expect(Object.keys(xattrsOf(join(where, tree, "dir")))).toEqual(kept);
  });
});

describe("sparse files", () => {
  test("1 TiB with three extents: seconds, a small archive, as sparse as before", async () => {
    const size = 2 ** 40;
    sparse(join(tree, "big"), size, 0, 2 ** 39, size - 4096);
    sparse(join(tree, "hole"), 50_000_000);
    sparse(join(tree, "tail"), 3_000_077, 8192);
    const summary = await backup();
    expect(summary.seconds).toBeLessThan(10);
    expect(summary.hole_bytes).toBe(size - 3 * 4096 + 50_000_000 + 3_000_077 - 4096);
    expect(summary.bytes).toBe(4 * 4096);
    expect(statSync(archive).size).toBeLessThan(20_000);
    await restoreArchive({ archive, where });
    for (const name of ["big", "hole", "tail"]) {
      const [source, restored] = [statSync(join(tree, name)), statSync(join(where, tree, name))];
      expect(restored.size).toBe(source.size);
      expect(restored.blocks).toBeLessThanOrEqual(source.blocks * 1.1);
    }
    execFileSync("cmp", [join(tree, "tail"), join(where, tree, "tail")]);
    expect(await differences(where)).toEqual([]);
    // A byte within what the archive has as a hole, and one in the data.
    const poke = (file: string, offset: number) => {
      const fd = openSync(file, "r+");
      writeSync(fd, "!", offset);
      closeSync(fd);
    };
    poke(join(where, tree, "big"), 2 ** 38);
    poke(join(where, tree, "tail"), 8192);
    const found = await differences(where);
    expect(found).toContain("content changed /big");
    expect(found).toContain("content changed /tail");
  });

  test("a sparse file that a pattern selects", async () => {
    sparse(join(tree, "tail"), 3_000_077, 8192);
    await backup();
    const some = await restoreArchive({ archive, where, patterns: ["tail"] });
    expect(some).toMatchObject({ files: 1, failed: 0 });
    execFileSync("cmp", [join(tree, "tail"), join(where, tree, "tail")]);
  });
});

describe("selection", () => {
  beforeEach(() => {
    for (const dir of ["cache", "fake", "keep/deep", "skip/deep"])
      mkdirSync(join(tree, dir), { recursive: true });
    writeFileSync(
      join(tree, "cache", "CACHEDIR.TAG"),
      "Signature: 8a477f597d28d172789f06886806bc55\n",
    );
    writeFileSync(join(tree, "fake", "CACHEDIR.TAG"), "no signature\n");
    for (const file of ["a.o", "keep/b.o", "keep/deep/c", "skip/deep/d", "cache/e"])
      writeFileSync(join(tree, file), file);
  });

  test("sums hold, the archive says what was asked, verify says why", async () => {
    const summary = await backup(
      ["exclude", "*.o"],
      ["exclude", "/skip/"],
      ["exclude", "!b.o"],
      ["exclude-marker", "CACHEDIR.TAG"],
    );
    expect(await names()).toEqual([
      "",
      "/cache",
      "/fake",
      "/fake/CACHEDIR.TAG",
      "/keep",
      "/keep/b.o",
      "/keep/deep",
      "/keep/deep/c",
    ]);
    expect(summary).toMatchObject({
      scanned: 10,
      entries: 8,
      filtered: 2,
      filtered_by: { excluded: 2 },
      pruned: 1,
    });
    expect(await differences("/")).toEqual([]);
    expect(await verifyArchive({ scan: scanTree, archive, against: "/" })).toMatchObject({
      differences: 0,
      excluded: 4,
    });
    // What nobody excluded is still missed.
    writeFileSync(join(tree, "keep/new"), "");
    expect(await differences("/")).toContain("extra changed /keep/new");
    rmSync(join(tree, "keep/new"));
    await restoreArchive({ archive, where });
    expect(await differences(where)).toEqual([]);
  });

  test("a sample compares some names, on both sides the same", async () => {
    await backup(["exclude", "*.o"], ["exclude", "/skip/"]);
    for (const file of ["n1", "n2", "n3"]) writeFileSync(join(tree, "keep", file), "");
    const all = (await differences("/")).filter((line) => line.startsWith("extra"));
    const some = (await differences("/", 2)).filter((line) => line.startsWith("extra"));
    expect(all).toHaveLength(3);
    expect(all).toEqual(expect.arrayContaining(some));
    expect(await differences("/", 1_000_000)).toEqual([]);
  });
});

describe("what happened since", () => {
  test("verify tells changed, vanished and new names", async () => {
    for (const file of ["same", "changed", "gone"]) writeFileSync(join(tree, file), file);
    await backup();
    writeFileSync(join(tree, "changed"), "CHANGED");
    rmSync(join(tree, "gone"));
    writeFileSync(join(tree, "new"), "");
    const found = await differences("/");
    expect(found).toEqual(
      expect.arrayContaining([
        "content changed /changed",
        "extra changed /new",
        "missing vanished /gone",
        "mtime changed ",
      ]),
    );
    expect(found.every((line) => line.includes("changed") || line.includes("vanished"))).toBe(true);
  });
});

test("an interrupted restore leaves no file that is not whole", async () => {
  for (let i = 0; i < 5; i++) writeFileSync(join(tree, `file-${i}`), Buffer.alloc(3_000_000, i));
  await backup();
  const abort = new AbortController();
  const events = { progress: () => abort.abort() };
  await expect(
    restoreArchive({ archive, where, events, signal: abort.signal }),
  ).rejects.toMatchObject({
    code: "HPC_CANCELLED",
  });
  const left = existsSync(join(where, tree)) ? readdirSync(join(where, tree)) : [];
  for (const name of left) {
    expect(readFileSync(join(where, tree, name)).equals(readFileSync(join(tree, name)))).toBe(true);
  }
  expect(left.length).toBeLessThan(5);
});
