import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  JobLog,
  listArchive,
  MESSAGES_MAX,
  NO_HOLES,
  type Progress,
  restoreArchive,
} from "@podheitor/hpc-archive";
import {
  type EntryFields,
  EntryKind,
  RecordCursor,
  RecordType,
  RecordWriter,
} from "@podheitor/hpc-walker";
import { FileAhead } from "../src/entry/file-ahead";
import { FileReader } from "../src/entry/file-reader";
import { SeenFiles } from "../src/entry/seen-files";
import { backupToArchive, parseParams, requireRoots } from "../src/index";
import { runBackup } from "../src/job/backup-job";
import { Tally } from "../src/job/tally";

let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-content-"));
});
afterAll(() => void execFileSync("rm", ["-rf", scratch]));

/** A scan batch with one file whose content is not in it, and where its head stands. */
async function batchOf(dir: string, name: string): Promise<{ bytes: Buffer; headStart: number }> {
  const { dev, ino, size, mode, nlink } = await stat(join(dir, name), { bigint: true });
  const fields: EntryFields = {
    ...{
      kind: EntryKind.REGULAR,
      flags: 0,
      name: Buffer.from(name),
      link: Buffer.alloc(0),
      content: undefined,
      error: 0,
    },
    ...{
      inoHash: 0n,
      nlink: Number(nlink),
      ino,
      dev,
      size,
      blocks: 0n,
      mode: Number(mode),
      uid: 0,
      gid: 0,
      rdev: 0n,
    },
    ...{ mtimeSeconds: 0n, atimeSeconds: 0n, ctimeSeconds: 0n, blksize: 4096 },
    ...{ mtimeNanoseconds: 0, atimeNanoseconds: 0, ctimeNanoseconds: 0 },
  };
  const writer = new RecordWriter(Buffer.alloc(4096));
  writer.dir(Buffer.from(dir));
  writer.entry(fields);
  const cursor = new RecordCursor();
  cursor.reset(writer.batch);
  while (cursor.next() && cursor.type !== RecordType.ENTRY);
  return { bytes: writer.batch, headStart: cursor.headStart };
}

test("a file that was opened ahead and passed over is never taken for another one at the same place of the next batch", async () => {
  const dir = join(scratch, "ahead");
  mkdirSync(dir);
  writeFileSync(join(dir, "passed "), "the content of the one that was passed over");
  writeFileSync(join(dir, "wanted!"), "the content that is wanted");
  const first = await batchOf(dir, "passed ");
  const second = await batchOf(dir, "wanted!");
  expect(second.headStart).toBe(first.headStart);
  const files = new SeenFiles([Buffer.from(dir)]);
  const ahead = new FileAhead((cursor, bytes) => files.open(cursor, bytes, { holes: false }, "no"));
  const unexpected = () => Promise.reject(new Error("it should have been opened ahead"));
  ahead.reset(first.bytes, undefined);
  await expect(ahead.take(first.headStart - 1, unexpected)).rejects.toThrow("opened ahead"); // it stands further on
  ahead.reset(second.bytes, undefined);
  const reader = (await ahead.take(second.headStart, unexpected)) as FileReader;
  expect((await reader.next())?.toString()).toBe("the content that is wanted");
  await reader.close();
  ahead.reset(first.bytes, undefined);
  await expect(ahead.take(first.headStart - 1, unexpected)).rejects.toThrow();
  const fd = openSync(join(dir, "wanted!"), "r");
  const direct = new FileReader(fd, fstatSync(fd, { bigint: true }), NO_HOLES, {});
  // Beyond the one that is passed over there is nothing: the caller opens it itself.
  expect(await ahead.take(first.headStart + 8, async () => direct)).toBe(direct);
  await direct.close();
  await ahead.close();
  await files.close();
});

test("what was opened ahead and passed over is closed before the end, however late it comes", async () => {
  const dir = join(scratch, "late");
  mkdirSync(dir);
  writeFileSync(join(dir, "file"), "x");
  const { bytes, headStart } = await batchOf(dir, "file");
  const fd = openSync(join(dir, "file"), "r");
  let come: (reader: FileReader) => void = () => undefined;
  const late = new Promise<FileReader>((resolve) => {
    come = resolve;
  });
  const ahead = new FileAhead(() => late);
  ahead.reset(bytes, undefined);
  await expect(
    ahead.take(headStart - 1, () => Promise.reject(new Error("not yet"))),
  ).rejects.toThrow("not yet");
  ahead.reset(bytes, new Uint8Array(1));
  let ended = false;
  const closing = ahead.close().then(() => {
    ended = true;
  });
  await new Promise(setImmediate);
  expect(ended).toBe(false);
  come(new FileReader(fd, fstatSync(fd, { bigint: true }), NO_HOLES, {}));
  await closing;
  expect(() => fstatSync(fd)).toThrow("EBADF");
});

/**
 * As a file server does: takes a write lease, and gives it up when somebody else opens the file.
 */
const HOLDER = `
  use Fcntl; my $held = 1;
  open(my $file, "+<", $ARGV[0]) or die; $SIG{IO} = sub { select(undef, undef, undef, 0.3); fcntl($file, 1024, 2); $held = 0; };
  fcntl($file, 1024, 1) or die "no lease: $!"; $| = 1; print "held\\n"; select(undef, undef, undef, 1) while $held;`;

test("a file under a lease is waited for and saved", async () => {
  const tree = join(scratch, "leased");
  mkdirSync(tree);
  const content = Buffer.alloc(300_000, "leased");
  writeFileSync(join(tree, "file"), content);
  const holder = spawn("perl", ["-e", HOLDER, join(tree, "file")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const ended = once(holder, "exit");
  const archive = join(scratch, "leased.hpc");
  const summary = await backupToArchive({
    params: parseParams([["path", Buffer.from(tree)]]),
    archive,
  });
  await ended;
  expect([summary.files, summary.failed, summary.bytes]).toEqual([1, 0, content.length]);
  const where = join(scratch, "leased-back");
  await restoreArchive({ archive, where });
  expect(readFileSync(join(where, tree, "file")).equals(content)).toBe(true);
});

test("an archive within the tree that it is made of is not saved", async () => {
  const tree = join(scratch, "own");
  mkdirSync(join(tree, "deep"), { recursive: true });
  writeFileSync(join(tree, "file"), "x");
  const params = parseParams([["path", Buffer.from(tree)]]);
  const archive = join(tree, "deep", "own.hpc");
  const summary = await backupToArchive({ params, archive });
  const names = [];
  for await (const { name } of listArchive(archive)) names.push(name.toString());
  expect(names.sort()).toEqual([tree, join(tree, "deep"), join(tree, "file")]);
  expect([summary.filtered_by.excluded, summary.failed, summary.vanished]).toEqual([1, 0, 0]);
  // Once it is complete it is a file like any other.
  expect((await backupToArchive({ params, archive: `${archive}.2` })).files).toBe(2);
});

test("a path that only a symlink leads to is not taken for a part of another path", async () => {
  const tree = join(scratch, "linked");
  mkdirSync(join(tree, "outer", "inside"), { recursive: true });
  mkdirSync(join(tree, "elsewhere", "b"), { recursive: true });
  symlinkSync("../elsewhere", join(tree, "outer", "link"));
  const parse = (...paths: string[]) =>
    parseParams(paths.map((path) => ["path", Buffer.from(join(tree, path))] as const));
  const byName = /by name only: .*outer\/link is a symbolic link/;
  await expect(requireRoots(parse("outer", "outer/link/b"))).rejects.toThrow(byName);
  await expect(requireRoots(parse("outer/link", "outer"))).rejects.toThrow(byName);
  for (const params of [
    parse("outer", "outer/inside", "outer/"),
    parse("outer/link", "outer/link/b"),
  ]) {
    expect(params.paths).toHaveLength(1);
    await requireRoots(params);
  }
});

test("a path named below another one is saved, whatever leaves it out of the walk above it, and once", async () => {
  const tree = join(scratch, "named");
  for (const dir of ["cache/keep", "marked/keep", "plain/keep"])
    mkdirSync(join(tree, dir), { recursive: true });
  for (const dir of ["cache", "marked", "plain"]) {
    writeFileSync(join(tree, dir, "out"), "");
    writeFileSync(join(tree, dir, "keep/in"), "");
  }
  writeFileSync(join(tree, "marked/.nobackup"), "");
  const paths = [".", "cache/keep", "marked/keep", "plain/keep", "cache/keep"];
  const params = parseParams([
    ...paths.map((path) => ["path", Buffer.from(join(tree, path))] as const),
    ["exclude", Buffer.from("/cache/")],
    ["exclude-marker", Buffer.from(".nobackup")],
  ]);
  expect(params.paths.map(String)).toEqual(paths.slice(0, -1).map((path) => join(tree, path)));
  expect(params.notes).toHaveLength(1); // of the one that is named twice
  const archive = join(scratch, "named.hpc");
  await backupToArchive({ params, archive });
  const names: string[] = [];
  for await (const { name } of listArchive(archive)) names.push(name.toString().slice(tree.length));
  expect(names.sort()).toEqual(
    [
      "",
      "/cache/keep",
      "/cache/keep/in",
      "/marked",
      "/marked/keep",
      "/marked/keep/in",
      "/plain",
      "/plain/keep",
    ].concat(["/plain/keep/in", "/plain/out"]),
  );
});

test("many messages of one level do not hide those of another", () => {
  const said: string[] = [];
  const messages = new JobLog((level) => void said.push(level));
  for (let i = 0; i < MESSAGES_MAX + 5; i++) messages.entry("info", "a socket");
  messages.entry("not-saved", "the one that matters");
  messages.close();
  expect(said.filter((level) => level === "info")).toHaveLength(MESSAGES_MAX);
  expect(said.slice(-2)).toEqual(["not-saved", "warning"]);
});

test("never more than four CHECK batches are unanswered, the last one included", async () => {
  // Long names, so that a batch is closed by its size and the next one has begun when the fourth
  // question is out.
  const root = join(scratch, "long");
  const dir = join(root, ...Array.from({ length: 15 }, () => "d".repeat(240)));
  mkdirSync(dir, { recursive: true });
  for (let i = 0; i < 545; i++) writeFileSync(join(dir, `${i}`), "");
  let unanswered = 0;
  let most = 0;
  const sums = new Tally();
  const ask = async ({ count }: { readonly count: number }) => {
    most = Math.max(most, ++unanswered);
    await new Promise((resolve) => setTimeout(resolve, 200));
    unanswered--;
    return new Uint8Array(Math.ceil(count / 8));
  };
  await runBackup({
    params: parseParams([["path", Buffer.from(root)]]),
    ...{
      since: BigInt(Math.floor(Date.now() / 1000) + 1000),
      ask,
      content: true,
      sums,
      signal: undefined,
    },
    sink: {
      attributes: () => undefined,
      deleted: () => undefined,
      entry: () => undefined,
      data: () => undefined,
      end: () => undefined,
      full: false,
      drain: async () => undefined,
    },
    messages: new JobLog(() => undefined),
  });
  expect(sums.filteredUnchanged).toBe(545 + 16);
  expect(most).toBe(4);
  rmSync(root, { recursive: true });
});

test("a large file is told of while it is read", async () => {
  const file = join(scratch, "large");
  writeFileSync(file, Buffer.alloc(6 * 1024 * 1024, 7));
  const progress: Progress[] = [];
  const params = parseParams([
    ["path", Buffer.from(file)],
    ["bandwidth", Buffer.from("8")],
  ]);
  await backupToArchive({
    params,
    archive: "/dev/null",
    events: { progress: (figures) => progress.push(figures) },
  });
  const reading = progress.filter((figures) => figures.file !== undefined);
  expect(reading.length).toBeGreaterThan(0);
  for (const figures of reading) {
    expect(figures.file?.toString()).toBe(file);
    expect(figures.bytes).toBeGreaterThan(0);
    expect(figures.bytes).toBeLessThan(6 * 1024 * 1024);
  }
  expect(progress.at(-1)).toMatchObject({ entries: 1, bytes: 6 * 1024 * 1024 });
});
