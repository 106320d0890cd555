import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  ArchiveReader,
  type Difference,
  type ListedEntry,
  listArchive,
  restoreArchive,
  verifyArchive,
} from "@podheitor/hpc-archive";
import { HpcError } from "@podheitor/hpc-base";
import { listEntries } from "../../hpc-archive/src/read/list-archive";
import { backupToArchive, parseParams } from "../src/index";
import { scanTree } from "../src/job/scan-tree";

let scratch: string;
let tree: string;
let archive: string;
let where: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-archive-"));
  tree = join(scratch, "tree");
  mkdirSync(join(tree, "sub", "deeper"), { recursive: true });
  writeFileSync(join(tree, "a"), "content of a");
  writeFileSync(join(tree, "empty"), "");
  writeFileSync(join(tree, "big"), Buffer.alloc(700_000, "big"));
  linkSync(join(tree, "a"), join(tree, "sub", "b"));
  linkSync(join(tree, "a"), join(tree, "sub", "c"));
  symlinkSync("dangling", join(tree, "sub", "symlink"));
  writeFileSync(
    Buffer.concat([Buffer.from(`${tree}/sub/deeper/`), Buffer.from([0xff, 0x0a])]),
    "odd",
  );
  execFileSync("mkfifo", [join(tree, "fifo")]);
  chmodSync(join(tree, "big"), 0o4711);
  utimesSync(join(tree, "sub"), 1, -5);
  archive = join(scratch, "tree.hpc");
  await backupToArchive({ params: params(tree), archive });
});
// rm(1), because Node cannot remove a path beyond PATH_MAX.
afterAll(() => void execFileSync("rm", ["-rf", scratch]));
beforeEach(() => {
  where = mkdtempSync(join(scratch, "where-"));
});

function params(path: string, ...pairs: [string, string][]) {
  return parseParams([
    ["path", Buffer.from(path)],
    ...pairs.map(([key, value]) => [key, Buffer.from(value)] as const),
  ]);
}

async function list(file: string): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  for await (const entry of listArchive(file)) entries.push(entry);
  return entries;
}

/** A tree as find(1) sees it. */
function found(dir: string): string[] {
  const format = "%P %y %m %n %U %G %T@ %l\\0";
  return execFileSync("find", [dir, "-printf", format], { encoding: "latin1" }).split("\0").sort();
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HpcError)) throw new Error(`no HpcError but ${String(error)}`);
  expect(error.remedy).not.toBe("");
  return error.code;
}

describe("round trip", () => {
  test("restores what find sees, verified", async () => {
    const file = join(where, "x.hpc");
    const summary = await backupToArchive({ params: params(tree), archive: file });
    expect(summary).toMatchObject({
      entries: 11,
      files: 4,
      directories: 3,
      symlinks: 1,
      hardlinks: 2,
      specials: 1,
    });
    expect(summary).toMatchObject({
      scanned: 11,
      filtered: 0,
      failed: 0,
      vanished: 0,
      bytes: 700_015,
    });
    const restored = await restoreArchive({ archive: file, where });
    expect(restored).toMatchObject({
      entries: 11,
      files: 4,
      hardlinks: 2,
      failed: 0,
      skipped: 0,
      unselected: 0,
    });
    expect(found(join(where, tree))).toEqual(found(tree));
    expect(readFileSync(join(where, tree, "big")).equals(readFileSync(join(tree, "big")))).toBe(
      true,
    );
    const differences: Difference[] = [];
    const events = { difference: (one: Difference) => differences.push(one) };
    const verified = await verifyArchive({ scan: scanTree, archive: file, against: where, events });
    expect(differences).toEqual([]);
    expect(verified).toMatchObject({ entries: 11, files: 3, differences: 0 });
  });

  test("list names every entry as bytes", async () => {
    const names = (await list(archive))
      .map(({ name }) => name.toString("latin1").slice(tree.length))
      .sort();
    expect(names).toEqual([
      "",
      "/a",
      "/big",
      "/empty",
      "/fifo",
      "/sub",
      "/sub/b",
      "/sub/c",
      "/sub/deeper",
      "/sub/deeper/\xff\n",
      "/sub/symlink",
    ]);
  });

  test("replace=never keeps what is there", async () => {
    await restoreArchive({ archive, where });
    writeFileSync(join(where, tree, "big"), "mine");
    expect(await restoreArchive({ archive, where, replace: "never" })).toMatchObject({ failed: 0 });
    expect(readFileSync(join(where, tree, "big"), "utf8")).toBe("mine");
  });

  test("since leaves out what is older", async () => {
    const since = BigInt(Math.floor(Date.now() / 1000) + 3600);
    const summary = await backupToArchive({
      params: params(tree),
      since,
      archive: join(where, "x.hpc"),
    });
    expect(summary).toMatchObject({ entries: 0, filtered: 11, filtered_by: { since: 11 } });
  });
});

describe("patterns", () => {
  const restored = () =>
    found(where)
      .map((line) => line.split(" ")[0]?.slice(tree.length))
      .filter((name) => name !== undefined && name !== "");

  test("a directory selects what is below it, a bare name matches anywhere", async () => {
    const summary = await restoreArchive({
      archive,
      where,
      patterns: [`${tree}/sub/deeper`, "bi?"],
    });
    expect(summary).toMatchObject({ files: 2, failed: 0 });
    expect(existsSync(join(where, tree, "big"))).toBe(true);
    expect(
      readdirSync(Buffer.from(join(where, tree, "sub", "deeper")), { encoding: "buffer" }),
    ).toEqual([Buffer.from([0xff, 0x0a])]);
    expect(existsSync(join(where, tree, "fifo"))).toBe(false);
    expect(restored().length).toBeGreaterThan(0);
  });

  test("a hard link whose leader was not selected comes with the leader's content", async () => {
    const entries = await list(archive);
    const links = entries.filter(({ flags }) => flags & 2).map(({ name }) => name.toString());
    expect(links).toHaveLength(2);
    const summary = await restoreArchive({ archive, where, patterns: links });
    expect(summary).toMatchObject({ files: 1, hardlinks: 1, failed: 0 });
    const [one, two] = links.map((name) => lstatSync(join(where, name)));
    expect(readFileSync(join(where, links[0] ?? ""), "utf8")).toBe("content of a");
    expect(one?.ino).toBe(two?.ino);
  });

  test("an empty pattern is refused", async () => {
    expect(await codeOf(restoreArchive({ archive, where, patterns: [""] }))).toBe(
      "HPC_BAD_PATTERN",
    );
  });
});

describe("verify", () => {
  async function differences(change: (root: string) => void): Promise<string[]> {
    await restoreArchive({ archive, where });
    change(join(where, tree));
    const seen: string[] = [];
    const difference = (one: Difference) =>
      seen.push(`${one.what} ${one.path.toString("latin1").slice(tree.length)}`);
    const { differences: count } = await verifyArchive({
      scan: scanTree,
      archive,
      against: where,
      events: { difference },
    });
    expect(count).toBe(seen.length);
    return seen;
  }

  const keepTimes = (file: string, change: () => void) => {
    const { atime, mtime } = lstatSync(file);
    change();
    utimesSync(file, atime, mtime);
  };

  const replaced = (file: string, make: (file: string) => unknown) => {
    rmSync(file);
    make(file);
  };

  test.each<[string, string, (root: string) => void]>([
    [
      "content",
      "content /big",
      (r) => keepTimes(`${r}/big`, () => writeFileSync(`${r}/big`, Buffer.alloc(700_000, "BIG"))),
    ],
    ["mode", "mode /big", (r) => chmodSync(`${r}/big`, 0o600)],
    ["mtime", "mtime /empty", (r) => utimesSync(`${r}/empty`, 7, 7)],
    ["a missing name", "missing /fifo", (r) => rmSync(`${r}/fifo`)],
    ["a name too many", "extra /more", (r) => writeFileSync(`${r}/more`, "")],
    [
      "a link target",
      "link /sub/symlink",
      (r) => replaced(`${r}/sub/symlink`, (file) => symlinkSync("else", file)),
    ],
    ["type", "type /empty", (r) => replaced(`${r}/empty`, mkdirSync)],
    ["size", "size /big", (r) => keepTimes(`${r}/big`, () => writeFileSync(`${r}/big`, "short"))],
  ])("finds %s", async (_, wanted, change) => {
    expect(await differences(change)).toContain(wanted);
  });

  test("finds a hard link that is a file of its own", async () => {
    const seen = await differences((root) => {
      for (const name of ["a", "sub/b", "sub/c"]) {
        rmSync(join(root, name));
        writeFileSync(join(root, name), "content of a");
      }
    });
    expect(seen.filter((line) => line.startsWith("link "))).toHaveLength(2);
  });
});

describe("damage", () => {
  let small: string;
  let bytes: Buffer;
  let names: string[];

  beforeAll(async () => {
    const dir = join(scratch, "small");
    mkdirSync(dir);
    writeFileSync(join(dir, "one"), "first");
    writeFileSync(join(dir, "two"), "second");
    linkSync(join(dir, "two"), join(dir, "link"));
    small = join(scratch, "small.hpc");
    await backupToArchive({ params: params(dir), archive: small });
    bytes = readFileSync(small);
    names = (await list(small)).map(({ name }) => name.toString());
    expect(names).toHaveLength(4);
  });

  /** Lists, and says what happened: an error's code, or the entries that are said to be good. */
  async function outcome(
    content: Buffer,
  ): Promise<{ code: string | undefined; good: string[]; damaged: number }> {
    const blocks = [content];
    const input = { next: async () => blocks.pop(), close: async () => undefined };
    const good: string[] = [];
    let damaged = 0;
    try {
      for await (const { name, damage } of listEntries(new ArchiveReader("damaged", input))) {
        if (damage === undefined) good.push(name.toString());
        else damaged++;
      }
      return { code: undefined, good, damaged };
    } catch (error) {
      if (!(error instanceof HpcError)) throw error;
      return { code: error.code, good, damaged };
    }
  }

  test("every truncation is noticed, and what came before is good", async () => {
    for (let length = 0; length < bytes.length; length++) {
      const { code, good } = await outcome(bytes.subarray(0, length));
      expect(["HPC_ARCHIVE_TRUNCATED", "HPC_ARCHIVE_DAMAGED"]).toContain(code);
      expect(names.slice(0, good.length)).toEqual(good);
    }
  });

  test("every flipped bit in an entry is noticed; elsewhere the entries stay right", async () => {
    // The job facts between header and first entry are information: they carry no checksum.
    const first = bytes.indexOf("M000");
    let noticed = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { code, good, damaged } = await outcome(flipped);
      // Never a wrong name among the good ones.
      for (const name of good) expect(names).toContain(name);
      const isNoticed = code !== undefined || damaged > 0;
      if (isNoticed) noticed++;
      else expect(good).toEqual(names);
      const inEntries = bit >> 3 >= first && bit >> 3 < bytes.indexOf("U000");
      if (inEntries && !isNoticed) throw new Error(`bit ${bit} went unnoticed`);
    }
    expect(noticed).toBeGreaterThan(0);
  }, 60_000);

  test("any damage within a record costs that entry alone, also where the record makes no sense any more", async () => {
    const [before, after] = [names[1] ?? "", names[2] ?? ""];
    const head =
      bytes.indexOf(before, bytes.indexOf("M000", bytes.indexOf(names[0] ?? "", 100))) - 128;
    expect(bytes.subarray(head - 8, head).toString("latin1")).toMatch(/^M\d{6}\n$/);
    const end = head + Number(bytes.subarray(head - 7, head - 1).toString("latin1"));
    for (let at = head; at < end; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      const { code, good, damaged } = await outcome(flipped);
      expect([at - head, code, damaged]).toEqual([at - head, undefined, 1]);
      expect(good).toEqual(names.filter((name) => name !== before));
      expect(good).toContain(after);
    }
  });

  test("restore names the damaged entry, leaves it out, and goes on", async () => {
    const at = bytes.indexOf("first");
    const flipped = Buffer.from(bytes);
    flipped[at] = 0x46;
    const file = join(where, "x.hpc");
    writeFileSync(file, flipped);
    const said: string[] = [];
    const summary = await restoreArchive({
      archive: file,
      where,
      events: { message: (level, text) => said.push(`${level} ${text}`) },
    });
    expect(summary).toMatchObject({ failed: 1, files: 1, hardlinks: 1 });
    expect(said).toEqual([
      expect.stringMatching(
        /^error .*small\/one: not restored: its content does not match its checksum/,
      ),
    ]);
    expect(readdirSync(join(where, scratch, "small")).sort()).toEqual(["link", "two"]);
  });

  test("what is no archive is refused", async () => {
    const file = join(where, "x");
    writeFileSync(file, "#!/bin/sh\n");
    expect(await codeOf(list(file))).toBe("HPC_NOT_AN_ARCHIVE");
    expect(await codeOf(restoreArchive({ archive: file, where }))).toBe("HPC_NOT_AN_ARCHIVE");
    expect(await codeOf(list(join(where, "none")))).toBe("HPC_ARCHIVE_OPEN");
    const future = Buffer.from(bytes);
    future[8] = 2;
    writeFileSync(file, future);
    expect(await codeOf(list(file))).toBe("HPC_ARCHIVE_VERSION");
  });
});

describe("writing", () => {
  test("a cancelled backup leaves nothing, and what was there stays", async () => {
    const file = join(where, "x.hpc");
    writeFileSync(file, "old");
    const abort = new AbortController();
    // Cancelled by its own first progress report: in mid work.
    const events = { progress: () => abort.abort() };
    expect(
      await codeOf(
        backupToArchive({ params: params(tree), archive: file, events, signal: abort.signal }),
      ),
    ).toBe("HPC_CANCELLED");
    expect(readdirSync(where)).toEqual(["x.hpc"]);
    expect(readFileSync(file, "utf8")).toBe("old");
  });

  test("a directory that is not there", async () => {
    expect(
      await codeOf(backupToArchive({ params: params(tree), archive: join(where, "no", "x.hpc") })),
    ).toBe("HPC_ARCHIVE_OPEN");
    expect(await codeOf(backupToArchive({ params: params(tree), archive: where }))).toBe(
      "HPC_ARCHIVE_OPEN",
    );
  });

  test("a full disk is an error that says so", async () => {
    expect(await codeOf(backupToArchive({ params: params(tree), archive: "/dev/full" }))).toBe(
      "HPC_ARCHIVE_WRITE",
    );
  });

  test("a fifo is written in place", async () => {
    const fifo = join(where, "fifo");
    execFileSync("mkfifo", [fifo]);
    const copied = list(fifo);
    await backupToArchive({ params: params(tree), archive: fifo });
    expect(await copied).toHaveLength(11);
    expect(lstatSync(fifo).isFIFO()).toBe(true);
  });
});

test("paths beyond PATH_MAX go through archive, restore and verify", async () => {
  const deep = join(scratch, "deep");
  // The shell descends step by step; no single path is ever given to the kernel.
  const step = `d${"x".repeat(200)}`;
  const script = `mkdir deep; cd deep; for i in $(seq 30); do mkdir ${step}; cd -P ${step}; done; echo content > file; ln file link; head -c 100000 /dev/zero > big`;
  execFileSync("bash", ["-c", script], { cwd: scratch });
  const file = join(where, "deep.hpc");
  const summary = await backupToArchive({ params: params(deep), archive: file });
  expect(summary).toMatchObject({ entries: 34, files: 2, hardlinks: 1, failed: 0, bytes: 100_008 });
  expect(await restoreArchive({ archive: file, where })).toMatchObject({ entries: 34, failed: 0 });
  const differences: Difference[] = [];
  await verifyArchive({
    scan: scanTree,
    archive: file,
    against: where,
    events: { difference: (one) => differences.push(one) },
  });
  expect(differences).toEqual([]);
});

test("several archives are restored as one", async () => {
  const shards = await Promise.all(
    ["0/3", "1/3", "2/3"].map(async (shard, at) => {
      const file = join(where, `${at}.hpc`);
      await backupToArchive({ params: params(tree, ["shard", shard]), archive: file });
      return file;
    }),
  );
  expect(await restoreArchive({ archive: shards, where })).toMatchObject({
    entries: 11,
    failed: 0,
  });
  expect(found(join(where, tree))).toEqual(found(tree));
});
