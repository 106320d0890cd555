import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { listArchive, openArchiveOutput } from "@podheitor/hpc-archive";
import { backupToArchive, parseParams } from "../src/index";

/* Where an archive is written: never to what belongs to somebody else, and never into itself. */

const FOREIGN = 12345;
const asRoot = process.geteuid?.() === 0 ? test : test.skip;
const { O_RDONLY, O_NONBLOCK } = constants;
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-output-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

async function write(archive: string, text = "bytes"): Promise<string | undefined> {
  const output = await openArchiveOutput(archive);
  await output.sink.write(Buffer.from(text));
  return output.commit();
}

function content(...path: string[]): string {
  return readFileSync(join(scratch, ...path), "latin1");
}

function mkfifo(...path: string[]): string {
  const fifo = join(scratch, ...path);
  execFileSync("mkfifo", [fifo]);
  return fifo;
}

/** As /tmp is: everybody writes, and removes only what is his own. */
function sticky(name: string): string {
  const directory = join(scratch, name);
  mkdirSync(directory);
  chmodSync(directory, 0o1777);
  return directory;
}

/** What a reader of the fifo has been given so far. */
function taken(reader: number): string {
  const bytes = Buffer.alloc(100);
  try {
    return bytes.toString("latin1", 0, readSync(reader, bytes));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("EAGAIN");
    return "";
  }
}

describe("fifos and devices", () => {
  test("one's own fifo is waited for until it is read", async () => {
    const fifo = mkfifo("own");
    const written = write(fifo);
    const reader = spawn("cat", [fifo], { stdio: ["ignore", "pipe", "ignore"] });
    let got = "";
    reader.stdout.on("data", (bytes: Buffer) => {
      got += bytes.toString("latin1");
    });
    const ended = new Promise((resolve) => reader.on("close", resolve));
    expect(await written).toBeUndefined();
    await ended;
    expect(got).toBe("bytes");
  });

  test("cancelling ends the wait for a reader", async () => {
    const abort = new AbortController();
    const opening = openArchiveOutput(mkfifo("own"), abort.signal);
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow();
  });

  asRoot(
    "a foreign fifo in a sticky directory gets no byte, whether it is read or not",
    async () => {
      const fifo = mkfifo(sticky("tmp").slice(scratch.length), "night.hpc");
      chownSync(fifo, FOREIGN, FOREIGN);
      await expect(write(fifo)).rejects.toMatchObject({
        code: "HPC_ARCHIVE_OPEN",
        message: expect.stringContaining("12345"),
      });
      const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
      try {
        await expect(write(fifo)).rejects.toMatchObject({ code: "HPC_ARCHIVE_OPEN" });
        expect(taken(reader)).toBe("");
      } finally {
        closeSync(reader);
      }
    },
  );

  asRoot("a fifo that took the place of one's own meanwhile gets no byte", async () => {
    const directory = sticky("tmp");
    const fifo = mkfifo("tmp", "night.hpc");
    const foreign = mkfifo("tmp", "other");
    chownSync(foreign, FOREIGN, FOREIGN);
    const opening = openArchiveOutput(fifo);
    renameSync(foreign, join(directory, "night.hpc"));
    const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
    try {
      await expect(opening).rejects.toMatchObject({ code: "HPC_ARCHIVE_OPEN" });
      expect(taken(reader)).toBe("");
    } finally {
      closeSync(reader);
    }
  });

  asRoot("a foreign device is refused, root's is written", async () => {
    const device = join(scratch, "null");
    execFileSync("mknod", [device, "c", "1", "3"]);
    expect(await write(device)).toBeUndefined();
    chownSync(device, FOREIGN, FOREIGN);
    await expect(write(device)).rejects.toMatchObject({ code: "HPC_ARCHIVE_OPEN" });
  });

  test("a descriptor that the program was started with is one by any of its names", () => {
    const script = `
      const { openArchiveOutput } = require("@podheitor/hpc-archive");
      openArchiveOutput(process.argv[1]).then(async (o) => { await o.sink.write(Buffer.from("bytes")); await o.commit(); });`;
    const node = ["--import", "tsx", "--conditions=@podheitor/source", "-e", script];
    for (const name of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
      expect(execFileSync(process.execPath, [...node, name], { encoding: "latin1" })).toBe("bytes");
  });
});

describe("symlinks", () => {
  test("the file that one leads to is written, and the link stays", async () => {
    mkdirSync(join(scratch, "big"));
    writeFileSync(join(scratch, "big/a.hpc"), "old");
    symlinkSync("big/a.hpc", join(scratch, "latest.hpc"));
    symlinkSync(join(scratch, "latest.hpc"), join(scratch, "chain"));
    symlinkSync("big/new.hpc", join(scratch, "dangling"));
    expect(await write(join(scratch, "latest.hpc"), "one")).toBeUndefined();
    expect(content("big/a.hpc")).toBe("one");
    await write(join(scratch, "chain"), "two");
    expect(content("big/a.hpc")).toBe("two");
    await write(join(scratch, "dangling"));
    expect(content("big/new.hpc")).toBe("bytes");
    expect(readlinkSync(join(scratch, "latest.hpc"))).toBe("big/a.hpc");
    expect(readdirSync(join(scratch, "big")).sort()).toEqual(["a.hpc", "new.hpc"]);
  });

  test("one that leads to itself, to a directory or through a file is an error", async () => {
    symlinkSync("loop", join(scratch, "loop"));
    symlinkSync(".", join(scratch, "here"));
    writeFileSync(join(scratch, "file"), "");
    for (const name of ["loop", "here", "file/x", "none/x", ".", "file/"])
      await expect(write(join(scratch, name))).rejects.toMatchObject({ code: "HPC_ARCHIVE_OPEN" });
    await expect(write(join(scratch, "loop"))).rejects.toMatchObject({
      remedy: expect.stringContaining("in a circle"),
    });
    expect(readdirSync(scratch).sort()).toEqual(["file", "here", "loop"]);
  });

  asRoot.each([
    ["the link belongs to somebody else", { link: FOREIGN, directory: 0, mode: 0o755 }],
    [
      "the link belongs to somebody else, in a sticky directory",
      { link: FOREIGN, directory: 0, mode: 0o1777 },
    ],
    ["its directory does", { link: 0, directory: FOREIGN, mode: 0o755 }],
    ["everybody writes to its directory", { link: 0, directory: 0, mode: 0o777 }],
    ["a group writes to its directory", { link: 0, directory: 0, mode: 0o775 }],
    [
      "it lies in a sticky directory of somebody else",
      { link: 0, directory: FOREIGN, mode: 0o1777 },
    ],
  ])("not followed: %s", async (_, { link, directory, mode }) => {
    const inside = join(scratch, "dir");
    mkdirSync(inside);
    mkdirSync(join(scratch, "aim"));
    symlinkSync("../aim/a.hpc", join(inside, "last"));
    symlinkSync("../aim", join(inside, "middle"));
    for (const name of ["last", "middle"])
      execFileSync("chown", ["-h", String(link), join(inside, name)]);
    chmodSync(inside, mode);
    chownSync(inside, directory, directory);
    for (const name of ["last", "middle/a.hpc"])
      await expect(write(join(inside, name))).rejects.toMatchObject({
        code: "HPC_ARCHIVE_OPEN",
        message: expect.stringContaining("symbolic link"),
      });
    expect(readdirSync(join(scratch, "aim"))).toEqual([]);
    expect(readdirSync(inside).sort()).toEqual(["last", "middle"]);
  });

  asRoot("not followed where a directory above it can be exchanged", async () => {
    const theirs = join(scratch, "theirs");
    mkdirSync(join(theirs, "ours"), { recursive: true });
    symlinkSync("/nowhere", join(theirs, "ours/link"));
    chownSync(theirs, FOREIGN, FOREIGN);
    await expect(write(join(theirs, "ours/link"))).rejects.toMatchObject({
      message: expect.stringContaining("symbolic link"),
    });
  });

  asRoot("not followed by way of the parent of a directory that can be moved", async () => {
    mkdirSync(join(scratch, "theirs/ours"), { recursive: true });
    chownSync(join(scratch, "theirs"), FOREIGN, FOREIGN);
    symlinkSync("aim", join(scratch, "link"));
    await expect(write(`${scratch}/theirs/ours/../../link`)).rejects.toMatchObject({
      message: expect.stringContaining("symbolic link"),
    });
    await write(`${scratch}/theirs/ours/../../file`);
    expect(readdirSync(scratch).sort()).toEqual(["file", "link", "theirs"]);
  });

  asRoot("root's own link in a sticky directory is followed", async () => {
    symlinkSync("../aim", join(sticky("tmp"), "link"));
    await write(join(scratch, "tmp/link"));
    expect(content("aim")).toBe("bytes");
  });
});

describe("files", () => {
  test("the directory is the one that was there at the beginning, whatever has its name later", async () => {
    mkdirSync(join(scratch, "dir"));
    mkdirSync(join(scratch, "trap"));
    const output = await openArchiveOutput(join(scratch, "dir/a.hpc"));
    renameSync(join(scratch, "dir"), join(scratch, "moved"));
    symlinkSync("trap", join(scratch, "dir"));
    await output.sink.write(Buffer.from("bytes"));
    await output.commit();
    expect(readdirSync(join(scratch, "trap"))).toEqual([]);
    expect(content("moved/a.hpc")).toBe("bytes");
    expect(statSync(join(scratch, "moved/a.hpc")).mode & 0o777).toBe(0o600);
  });

  asRoot("somebody else's file of that name is replaced, not written to", async () => {
    const file = join(sticky("tmp"), "night.hpc");
    writeFileSync(file, "his");
    chownSync(file, FOREIGN, FOREIGN);
    linkSync(file, join(scratch, "kept"));
    await write(file);
    expect(content("kept")).toBe("his");
    expect(lstatSync(file).uid).toBe(0);
  });

  test("one that was exchanged before it got its name is no success", async () => {
    const output = await openArchiveOutput(join(scratch, "a.hpc"));
    await output.sink.write(Buffer.from("bytes"));
    const [draft = ""] = readdirSync(scratch);
    renameSync(join(scratch, draft), join(scratch, "away"));
    writeFileSync(join(scratch, draft), "forged");
    await expect(output.commit()).rejects.toThrow();
  });

  test("discarding removes the own file only", async () => {
    const output = await openArchiveOutput(join(scratch, "a.hpc"));
    const [draft = ""] = readdirSync(scratch);
    renameSync(join(scratch, draft), join(scratch, "away"));
    writeFileSync(join(scratch, draft), "another");
    await output.discard();
    expect(content(draft)).toBe("another");
    const other = await openArchiveOutput(join(scratch, "b.hpc"));
    await other.discard();
    expect(readdirSync(scratch).sort()).toEqual([draft, "away"].sort());
  });

  test("a long name leaves room for what an unfinished one is called", async () => {
    await write(join(scratch, "n".repeat(255)));
    expect(readdirSync(scratch)).toEqual(["n".repeat(255)]);
  });
});

describe("in the tree that is saved", () => {
  async function save(archive: string, ...pairs: [string, string][]) {
    const messages: string[] = [];
    const all: [string, string][] = [["path", join(scratch, "d")], ...pairs];
    const params = parseParams(all.map(([key, value]) => [key, Buffer.from(value)]));
    const events = { message: (_: string, text: string) => messages.push(text) };
    const summary = await backupToArchive({ params, archive: join(scratch, "d", archive), events });
    const names: string[] = [];
    for await (const { name } of listArchive(join(scratch, "d", archive)))
      names.push(name.toString("latin1").slice(scratch.length + 1));
    return { summary, messages, names: names.sort() };
  }

  beforeEach(() => {
    mkdirSync(join(scratch, "d"));
    writeFileSync(join(scratch, "d/file"), Buffer.alloc(200_000, 1));
  });

  test("neither an archive nor its earlier version is saved", async () => {
    await save("nightly.hpc");
    const second = await save("nightly.hpc");
    expect(second.names).toEqual(["d", "d/file"]);
    expect(second.messages.filter((text) => text.includes("nightly.hpc"))).toHaveLength(1);
    expect(second.summary.filtered_by.excluded).toBe(2);
  });

  test("another hard link to the earlier version is a file like others", async () => {
    await save("nightly.hpc");
    linkSync(join(scratch, "d/nightly.hpc"), join(scratch, "d/monday.hpc"));
    expect((await save("nightly.hpc")).names).toEqual(["d", "d/file", "d/monday.hpc"]);
  });

  test("nor are those of other shards", async () => {
    for (const shard of [0, 1, 2]) await save(`s.${shard}-of-3.hpc`, ["shard", `${shard}/3`]);
    writeFileSync(join(scratch, "d/s.2-of-3.hpc.partial-1-2"), Buffer.alloc(200_000));
    writeFileSync(join(scratch, "d/s.2-of-4.hpc"), "another set");
    const names: string[] = [];
    for (const shard of [0, 1, 2])
      names.push(...(await save(`s.${shard}-of-3.hpc`, ["shard", `${shard}/3`])).names);
    expect(names.sort()).toEqual(["d", "d/file", "d/s.2-of-4.hpc"]);
  });
});
