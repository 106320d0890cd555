import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { EntryFlag, EntryKind, RecordType, ScanOp } from "@podheitor/hpc-wire";
import { RecordCursor } from "../src/records/record";
import { type EntryFields, RecordWriter } from "../src/records/record-writer";

const golden = Buffer.from(
  readFileSync(join(__dirname, "data/batch-v4.hex"), "latin1").replace(/\s/g, ""),
  "hex",
);
const scratch = mkdtempSync(join(tmpdir(), "hpc-layout-"));
const program = join(scratch, "batch");

beforeAll(() => {
  execFileSync("cc", ["-std=gnu11", "-Wall", "-Werror", "-o", program, join(__dirname, "batch.c")]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const goldenFile: EntryFields = {
  kind: EntryKind.REGULAR,
  flags: EntryFlag.OLDER,
  name: Buffer.from("a\nb\xff", "latin1"),
  link: Buffer.alloc(0),
  content: Buffer.from("hello"),
  error: 0,
  xattrs: Buffer.from(
    "\x06\0\0\0\x03\0\0\0user.ab\0c\x0f\0\0\0\x04\0\0\0podheitor.flags\x60\0\0\0",
    "latin1",
  ),
  xattrError: 7,
  inoHash: 0x0123456789abcdefn,
  nlink: 2,
  ino: 0xfedcba9876543210n,
  dev: 0x123456789an,
  size: 5n,
  blocks: 8n,
  mtimeSeconds: -2n,
  atimeSeconds: 1700000000n,
  ctimeSeconds: 0x100000001n,
  mtimeNanoseconds: 999999999,
  atimeNanoseconds: 1,
  ctimeNanoseconds: 0,
  mode: 0o100644,
  uid: 0xfffffffe,
  gid: 1000,
  rdev: 0n,
  blksize: 4096,
  birth: -3n,
};
const goldenLink: EntryFields = {
  ...goldenFile,
  kind: EntryKind.SYMLINK,
  flags: 0,
  name: Buffer.from("l"),
  link: Buffer.from("../x"),
  xattrs: Buffer.alloc(0),
  xattrError: 0,
  birth: 0n,
  content: undefined,
  inoHash: 0xffffffffffffffffn,
  nlink: 1,
  mode: 0o120777,
  size: 4n,
  blocks: 0n,
};

describe("the record layout", () => {
  test("the golden batch is what C writes and what the writer writes", () => {
    expect(execFileSync(program).toString("hex")).toBe(golden.toString("hex"));
    const writer = new RecordWriter(Buffer.alloc(golden.length));
    const fitted = [
      writer.dir(Buffer.from("/data/x")),
      writer.entry(goldenFile),
      writer.entry(goldenLink),
      writer.error(ScanOp.STAT, 13, Buffer.from("gone")),
      writer.dir(Buffer.from("/data/y"), [1, 0x10002]),
    ];
    expect(fitted).toEqual([true, true, true, true, true]);
    expect(writer.batch.toString("hex")).toBe(golden.toString("hex"));
    expect(writer.dir(Buffer.from("/"))).toBe(false);
  });

  test("the cursor reads the golden batch", () => {
    const cursor = new RecordCursor();
    cursor.reset(golden);
    expect(cursor.next() && cursor.type).toBe(RecordType.DIR);
    expect(cursor.dir.toString()).toBe("/data/x");
    expect(cursor.next() && cursor.type).toBe(RecordType.ENTRY);
    expect(cursor.name.toString("latin1")).toBe("a\nb\xff");
    expect(cursor.content?.toString()).toBe("hello");
    expect([cursor.xattrs, cursor.xattrError]).toEqual([goldenFile.xattrs, 7]);
    expect([cursor.mtimeSeconds, cursor.mtimeNanoseconds, cursor.ctimeSeconds]).toEqual([
      -2, 999999999, 0x100000001,
    ]);
    expect([cursor.inoHi, cursor.inoLo, cursor.exact("ino")]).toEqual([
      0xfedcba98,
      0x76543210,
      0xfedcba9876543210n,
    ]);
    expect([cursor.inoHashHi, cursor.inoHashLo]).toEqual([0x01234567, 0x89abcdef]);
    expect([cursor.dev, cursor.size, cursor.uid, cursor.mode]).toEqual([
      0x123456789a, 5, 0xfffffffe, 0o100644,
    ]);
    expect(cursor.next() && cursor.link.toString()).toBe("../x");
    expect(cursor.content).toBeUndefined();
    expect([cursor.xattrs.length, cursor.xattrError]).toEqual([0, 0]);
    expect(cursor.next() && cursor.type).toBe(RecordType.ERROR);
    expect([cursor.op, cursor.error, cursor.name.toString(), cursor.dir.toString()]).toEqual([
      1,
      13,
      "gone",
      "/data/x",
    ]);
    expect(cursor.mdts).toEqual([]);
    expect(cursor.next() && cursor.type).toBe(RecordType.DIR);
    expect([cursor.dir.toString(), cursor.mdts]).toEqual(["/data/y", [1, 0x10002]]);
    expect(cursor.mdts).toBe(cursor.mdts);
    expect(cursor.next()).toBe(false);
  });
});
