import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as layout from "../src/layout";
import { FramesFlag, FramesStop } from "../src/native-frames";
import { OpenFlag } from "../src/native-opener";
import { RecordCursor } from "../src/record";
import { type EntryFields, RecordWriter } from "../src/record-writer";

const golden = Buffer.from(
  readFileSync(join(__dirname, "data/batch-v4.hex"), "latin1").replace(/\s/g, ""),
  "hex",
);
const scratch = mkdtempSync(join(tmpdir(), "hpc-layout-"));
const program = join(scratch, "layout");

beforeAll(() => {
  execFileSync("cc", [
    "-std=gnu11",
    "-Wall",
    "-Werror",
    "-o",
    program,
    join(__dirname, "layout.c"),
  ]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** "struct field" → offset, and "constant NAME" → value, as the C compiler sees the headers. */
function compiled(): Map<string, number> {
  const lines = execFileSync(program, ["offsets"], { encoding: "latin1" }).trim().split("\n");
  return new Map(
    lines.map((line) => {
      const match = /^(\S+) (.+) (-?\d+) \d+$/.exec(line);
      if (match === null) throw new Error(`layout.c printed ${line}`);
      return [`${match[1]} ${match[2]}`, Number(match[3])];
    }),
  );
}

/** The fields of struct `name` in the compiler's order. */
function structOf(all: Map<string, number>, name: string): Record<string, number> {
  return Object.fromEntries(
    [...all].filter(([k]) => k.startsWith(`${name} `)).map(([k, v]) => [k.split(" ")[1], v]),
  );
}

const goldenFile: EntryFields = {
  kind: layout.EntryKind.REGULAR,
  flags: layout.EntryFlag.OLDER,
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
  kind: layout.EntryKind.SYMLINK,
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
  test("every offset is the C compiler's", () => {
    const c = compiled();
    expect(structOf(c, "hpc_entry_head")).toEqual(layout.ENTRY_OFFSETS);
    expect(structOf(c, "hpc_record_prefix")).toEqual(layout.PREFIX_OFFSETS);
    expect(structOf(c, "hpc_frames_call")).toEqual(layout.FRAMES_CALL);
    expect(structOf(c, "hpc_open_request")).toEqual(layout.OPEN_REQUEST);
    expect(structOf(c, "hpc_open_answer")).toEqual(layout.OPEN_ANSWER);
  });

  test("every constant is the C compiler's", () => {
    const { RecordType, ScanOp, EntryKind, EntryFlag } = layout;
    const ours = {
      "sizeof(struct hpc_entry_head)": layout.ENTRY_HEAD,
      "sizeof(struct hpc_record_prefix)": layout.RECORD_PREFIX,
      "sizeof(struct hpc_frames_call)": layout.FRAMES_CALL_BYTES,
      "sizeof(struct hpc_open_request)": layout.OPEN_REQUEST_BYTES,
      "sizeof(struct hpc_open_answer)": layout.OPEN_ANSWER_BYTES,
      HPC_ENTRY_VERSION: layout.ENTRY_VERSION,
      HPC_CONTENT_NONE: layout.CONTENT_NONE,
      ...prefixed("HPC_REC_", RecordType),
      ...prefixed("HPC_OP_", ScanOp),
      ...prefixed("HPC_", EntryKind),
      ...prefixed("HPC_ENTRY_", EntryFlag),
      ...prefixed("HPC_FRAMES_", FramesStop),
      ...prefixed("HPC_FRAMES_", FramesFlag),
      ...prefixed("HPC_OPEN_", OpenFlag),
    };
    const theirs = [...compiled()].filter(([key]) => key.startsWith("constant "));
    expect(
      Object.fromEntries(theirs.map(([key, value]) => [key.slice("constant ".length), value])),
    ).toEqual(ours);
  });

  test("the golden batch is what C writes and what the writer writes", () => {
    expect(execFileSync(program, ["batch"]).toString("hex")).toBe(golden.toString("hex"));
    const writer = new RecordWriter(Buffer.alloc(golden.length));
    const fitted = [
      writer.dir(Buffer.from("/data/x")),
      writer.entry(goldenFile),
      writer.entry(goldenLink),
      writer.error(layout.ScanOp.STAT, 13, Buffer.from("gone")),
      writer.dir(Buffer.from("/data/y"), [1, 0x10002]),
    ];
    expect(fitted).toEqual([true, true, true, true, true]);
    expect(writer.batch.toString("hex")).toBe(golden.toString("hex"));
    expect(writer.dir(Buffer.from("/"))).toBe(false);
  });

  test("the cursor reads the golden batch", () => {
    const cursor = new RecordCursor();
    cursor.reset(golden);
    expect(cursor.next() && cursor.type).toBe(layout.RecordType.DIR);
    expect(cursor.dir.toString()).toBe("/data/x");
    expect(cursor.next() && cursor.type).toBe(layout.RecordType.ENTRY);
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
    expect(cursor.next() && cursor.type).toBe(layout.RecordType.ERROR);
    expect([cursor.op, cursor.error, cursor.name.toString(), cursor.dir.toString()]).toEqual([
      1,
      13,
      "gone",
      "/data/x",
    ]);
    expect(cursor.mdts).toEqual([]);
    expect(cursor.next() && cursor.type).toBe(layout.RecordType.DIR);
    expect([cursor.dir.toString(), cursor.mdts]).toEqual(["/data/y", [1, 0x10002]]);
    expect(cursor.mdts).toBe(cursor.mdts);
    expect(cursor.next()).toBe(false);
  });
});

function prefixed(prefix: string, names: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [prefix + name, value]));
}
