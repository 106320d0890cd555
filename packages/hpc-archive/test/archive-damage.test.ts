import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { EntryFlag, EntryKind, encodeXattrs, FrameWriter } from "@podheitor/hpc-ptcomm";
import { digestOf } from "../src/common/xxh";
import { archiveHeader } from "../src/format/header";
import { encodeNote, NoteOperation } from "../src/format/note";
import {
  type Difference,
  HpcError,
  listArchive,
  restoreArchive,
  verifyArchive,
} from "../src/index";
import { type ArchiveItem, ArchiveReader } from "../src/read/archive-reader";
import { xattrsOf } from "./getfattr";
import { file, make, put, scan } from "./made";

/* Archives made by hand, and damaged: what no backup would write. */
let scratch: string;
let where: string;
let archive: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-damage-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  const own = mkdtempSync(join(scratch, "test-"));
  where = join(own, "where");
  archive = join(own, "x.hpc");
});

const block = encodeXattrs([
  { name: Buffer.from("user.a"), value: Buffer.from("1") },
  { name: Buffer.from("user.b"), value: Buffer.alloc(0) },
]);
const everything = make(
  (out) => {
    const directory = { ...file("/t", {}), kind: EntryKind.DIRECTORY, mode: 0o40755, size: 0n };
    put(out, { ...directory, flags: EntryFlag.ATTRS }, block, Buffer.alloc(0));
    out.frame(
      "N",
      encodeNote({ errno: 13, operation: NoteOperation.OPEN, name: Buffer.from("/t/secret") }),
    );
    const holes = [
      { offset: 5n, length: 4091n },
      { offset: 5000n, length: 90_000n },
    ];
    const flags = EntryFlag.HAS_DATA | EntryFlag.ATTRS;
    put(out, file("/t/sparse", { flags, size: 95_000n, holes }), block, Buffer.alloc(909, "data"));
    put(out, file("/t/plain", {}), undefined, Buffer.from("plain"));
  },
  { files: 2, directories: 1, bytes: 914 },
);

/**
 * What a reader makes of it: each entry that is said to be whole, as text, and how many are said
 * not to be.
 */
async function outcome(bytes: Buffer) {
  const blocks = [bytes];
  const reader = new ArchiveReader("x", {
    next: async () => blocks.pop(),
    close: async () => undefined,
  });
  const good: string[] = [];
  let damaged = 0;
  let code: string | undefined;
  let parts: string[] | undefined;
  const done = () => {
    if (parts !== undefined) good.push(parts.join(" "));
    parts = undefined;
  };
  const take = (item: ArchiveItem) => {
    if (item.type === "entry") {
      done();
      parts =
        item.damage === undefined
          ? [item.entry.name.toString("latin1"), digestOf(item.payload).toString(36)]
          : undefined;
    } else if (item.type === "note") {
      done();
      good.push(
        `note ${item.note.name.toString("latin1")} ${item.note.errno} ${item.note.operation}`,
      );
    } else if (item.type === "attributes") parts?.push(item.block.toString("hex"));
    else if (item.type === "data") parts?.push(digestOf(item.payload).toString(36));
    if ("damage" in item && item.damage !== undefined) {
      damaged++;
      parts = undefined;
    }
  };
  try {
    for (let items = await reader.next(); items !== undefined; items = await reader.next())
      items.forEach(take);
    done();
  } catch (error) {
    if (!(error instanceof HpcError)) throw error;
    code = error.code;
  }
  return { good, damaged, code };
}

test("every flipped bit with B frames, holes and notes is noticed", async () => {
  const truth = await outcome(everything);
  expect(truth).toMatchObject({ damaged: 0, code: undefined });
  expect(truth.good).toHaveLength(4);
  for (let bit = 0; bit < everything.length * 8; bit++) {
    const flipped = Buffer.from(everything);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const { good, damaged, code } = await outcome(flipped);
    // What is said to be good is as it was written, to the last byte.
    for (const one of good) if (!truth.good.includes(one)) throw new Error(`bit ${bit}: ${one}`);
    const noticed = damaged > 0 || code !== undefined;
    if (!noticed) throw new Error(`bit ${bit} went unnoticed`);
  }
}, 60_000);

test("damaged attributes cost the attributes, and the entry is named", async () => {
  const at = everything.indexOf(block, everything.indexOf("/t/sparse"));
  const flipped = Buffer.from(everything);
  flipped[at + 9] = 0x7a;
  writeFileSync(archive, flipped);
  const said: string[] = [];
  const summary = await restoreArchive({
    archive,
    where,
    events: { message: (_, text) => said.push(text) },
  });
  expect(summary).toMatchObject({ files: 2, failed: 0, attributes_failed: 1, xattrs: 2 });
  expect(said).toEqual([
    expect.stringMatching(/^\/t\/sparse: restored without its extended attributes: .*checksum/),
  ]);
  expect(lstatSync(join(where, "t/sparse")).size).toBe(95_000);
  expect(xattrsOf(join(where, "t"))).toEqual({ "user.a": "31", "user.b": "" });
  expect(xattrsOf(join(where, "t/sparse"))).toEqual({});
  const found: string[] = [];
  const difference = ({ what, why, path }: Difference) => found.push(`${what} ${why} ${path}`);
  await verifyArchive({ scan, archive, against: where, events: { difference } });
  expect(found).toContain("xattr damaged /t/sparse");
});

test("a damaged note is an error, after everything else was handed out", async () => {
  const flipped = Buffer.from(everything);
  flipped[everything.indexOf("/t/secret") + 3] = 0x53;
  writeFileSync(archive, flipped);
  await expect(restoreArchive({ archive, where })).rejects.toMatchObject({
    code: "HPC_ARCHIVE_DAMAGED",
  });
  expect(readdirSync(join(where, "t")).sort()).toEqual(["plain", "sparse"]);
});

test("half a file is named, and not restored", async () => {
  const bytes = make(
    (out) => {
      put(out, file("/t/half", { size: 10n }), undefined, Buffer.from("first"), 5);
      out.frame(
        "N",
        encodeNote({ errno: 5, operation: NoteOperation.READ, name: Buffer.from("/t/half") }),
      );
      put(out, file("/t/whole", {}), undefined, Buffer.from("whole"));
    },
    { files: 2, bytes: 10 },
  );
  writeFileSync(archive, bytes);
  const listed: (string | undefined)[] = [];
  for await (const { damage } of listArchive(archive)) listed.push(damage);
  expect(listed).toEqual([expect.stringContaining("incompletely"), undefined]);
  const said: string[] = [];
  const summary = await restoreArchive({
    archive,
    where,
    events: { message: (_, text) => said.push(text) },
  });
  expect(summary).toMatchObject({ files: 1, failed: 1 });
  expect(said).toEqual(["/t/half: not restored: it was read incompletely when it was saved"]);
  expect(readdirSync(join(where, "t"))).toEqual(["whole"]);
  const found: string[] = [];
  const difference = ({ what, why, path }: Difference) => found.push(`${what} ${why} ${path}`);
  writeFileSync(join(where, "t/half"), "something");
  await verifyArchive({ scan, archive, against: where, events: { difference } });
  expect(found).toContain("content failed /t/half");
});

test("a list of an archive that was cut off anywhere names all that restore gets of it", async () => {
  for (let length = 16; length < everything.length; length += 7) {
    writeFileSync(archive, everything.subarray(0, length));
    const base = join(where, String(length));
    await expect(restoreArchive({ archive, where: base })).rejects.toMatchObject({
      code: "HPC_ARCHIVE_TRUNCATED",
    });
    const names: string[] = [];
    const listed = async () => {
      for await (const { name } of listArchive(archive)) names.push(name.toString());
    };
    await expect(listed()).rejects.toMatchObject({ code: "HPC_ARCHIVE_TRUNCATED" });
    const restored = readdirSync(base, { recursive: true, encoding: "utf8" }).map(
      (name) => `/${name}`,
    );
    expect(names).toEqual(expect.arrayContaining(restored));
  }
});

test("an endless row of words about its job is refused before it fills the memory", async () => {
  const out = new FrameWriter({ digest: digestOf });
  for (let i = 0; i < 40_000; i++) out.command(`path=/${"x".repeat(200)}`);
  const many = out.takeBytes();
  let blocks = 0;
  const input = {
    next: async () => (blocks++ === 0 ? archiveHeader() : many),
    close: async () => undefined,
  };
  const reader = new ArchiveReader("endless", input);
  await expect(reader.next()).rejects.toMatchObject({ code: "HPC_ARCHIVE_DAMAGED" });
  expect(blocks).toBeLessThan(10);
});
