import { describe, expect, test } from "@jest/globals";
import {
  CONTENT_NONE,
  EntryKind,
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  RecordType,
  type ScanOp,
} from "@podheitor/hpc-wire";
import * as fc from "fast-check";
import { RecordCursor } from "./record";
import { type EntryFields, RecordWriter } from "./record-writer";

type Item =
  | { type: "dir"; path: Buffer; mdts: readonly number[] }
  | { type: "entry"; fields: EntryFields }
  | { type: "error"; op: ScanOp; errno: number; name: Buffer };

const bytes = (minLength: number) =>
  fc.uint8Array({ minLength, maxLength: 40 }).map((a) => Buffer.from(a));
const u32 = fc.nat(0xffffffff);
const u64 = fc.bigInt(0n, 0xffffffffffffffffn);
const i64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const fields: fc.Arbitrary<EntryFields> = fc.record({
  kind: fc.constantFrom(...Object.values(EntryKind)),
  flags: fc.nat(0xffff),
  name: bytes(0),
  link: bytes(0),
  content: fc.option(bytes(0), { nil: undefined }),
  error: fc.integer({ min: 0, max: 255 }),
  xattrs: bytes(0),
  xattrError: fc.nat(0xffff),
  inoHash: u64,
  nlink: u32,
  ino: u64,
  dev: u64,
  size: u64,
  blocks: u64,
  mtimeSeconds: i64,
  atimeSeconds: i64,
  ctimeSeconds: i64,
  mtimeNanoseconds: u32,
  atimeNanoseconds: u32,
  ctimeNanoseconds: u32,
  mode: u32,
  uid: u32,
  gid: u32,
  rdev: u64,
  blksize: u32,
});
const dir = fc
  .tuple(bytes(1), fc.array(u32, { maxLength: 3 }))
  .map(([path, mdts]): Item => ({ type: "dir", path, mdts }));
const item: fc.Arbitrary<Item> = fc.oneof(
  dir,
  fields.map((f): Item => ({ type: "entry", fields: f })),
  fc.record({
    type: fc.constant("error" as const),
    op: fc.constantFrom(1, 2, 3),
    errno: fc.nat(200),
    name: bytes(0),
  }),
);
/** Always begins with a DIR, as a batch does. */
const items = fc
  .tuple(dir, fc.array(item, { maxLength: 12 }))
  .map(([first, rest]) => [first, ...rest]);

function write(list: readonly Item[]): Buffer {
  const writer = new RecordWriter(Buffer.alloc(16384, 0xee));
  for (const i of list) {
    if (i.type === "dir") writer.dir(i.path, i.mdts);
    else if (i.type === "entry") writer.entry(i.fields);
    else writer.error(i.op, i.errno, i.name);
  }
  return writer.batch;
}

function read(batch: Buffer): Item[] {
  const cursor = new RecordCursor();
  const list: Item[] = [];
  for (cursor.reset(batch); cursor.next(); ) {
    if (cursor.type === RecordType.DIR)
      list.push({ type: "dir", path: Buffer.from(cursor.dir), mdts: cursor.mdts });
    else if (cursor.type === RecordType.ENTRY)
      list.push({ type: "entry", fields: fieldsOf(cursor) });
    else
      list.push({
        type: "error",
        op: cursor.op,
        errno: cursor.error,
        name: Buffer.from(cursor.name),
      });
  }
  return list;
}

function fieldsOf(c: RecordCursor): EntryFields {
  // A view that reached beyond the batch would have been clipped by subarray().
  expect([c.name.length, c.link.length, c.xattrs.length]).toEqual([
    c.nameLength,
    c.linkLength,
    c.xattrLength,
  ]);
  expect(c.content?.length ?? -1).toBe(c.contentLength);
  return {
    kind: c.kind,
    flags: c.flags,
    name: Buffer.from(c.name),
    link: Buffer.from(c.link),
    content: c.content && Buffer.from(c.content),
    error: c.error,
    xattrs: Buffer.from(c.xattrs),
    xattrError: c.xattrError,
    inoHash: (BigInt(c.inoHashHi) << 32n) | BigInt(c.inoHashLo),
    nlink: c.nlink,
    ino: (BigInt(c.inoHi) << 32n) | BigInt(c.inoLo),
    dev: (BigInt(c.devHi) << 32n) | BigInt(c.devLo),
    size: (BigInt(c.sizeHi) << 32n) | BigInt(c.sizeLo),
    blocks: c.exact("blocks"),
    mtimeSeconds: c.exact("mtimeS"),
    atimeSeconds: c.exact("atimeS"),
    ctimeSeconds: c.exact("ctimeS"),
    mtimeNanoseconds: c.mtimeNanoseconds,
    atimeNanoseconds: c.u32("atimeNs"),
    ctimeNanoseconds: c.ctimeNanoseconds,
    mode: c.mode,
    uid: c.uid,
    gid: c.gid,
    rdev: c.exact("rdev"),
    blksize: c.u32("blksize"),
  };
}

describe("RecordCursor and RecordWriter", () => {
  test("what was written is read", () => {
    fc.assert(fc.property(items, (list) => expect(read(write(list))).toEqual(list)));
  });

  test("numbers agree with the exact fields up to 2^53, and say so beyond", () => {
    fc.assert(
      fc.property(fields, (f) => {
        const cursor = entryCursor(f);
        expect(cursor.sizeIsExact).toBe(f.size < 2n ** 53n);
        expect(cursor.size).toBe(Number(f.size));
        if (f.mtimeSeconds > -(2n ** 53n) && f.mtimeSeconds < 2n ** 53n) {
          expect(cursor.mtimeSeconds).toBe(Number(f.mtimeSeconds));
        }
      }),
    );
  });

  test("a cut batch throws HPC_BAD_BATCH, unless it was cut between two records", () => {
    fc.assert(
      fc.property(items, fc.nat(), (list, seed) => {
        const batch = write(list);
        const cut = seed % batch.length;
        const ends = recordEnds(batch);
        const reading = () => read(batch.subarray(0, cut));
        if (cut === 0 || ends.includes(cut))
          expect(reading()).toEqual(list.slice(0, ends.indexOf(cut) + 1));
        else expect(reading).toThrow(expect.objectContaining({ code: "HPC_BAD_BATCH" }));
      }),
    );
  });

  test("damaged lengths never make it read outside: views stay within the batch", () => {
    fc.assert(
      fc.property(
        items,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (list, damage) => {
          const batch = Buffer.from(write(list));
          for (const [where, value] of damage) batch[where % batch.length] = value;
          try {
            for (const i of read(batch))
              if (i.type === "entry") expect(i.fields.name.length).toBeLessThan(batch.length);
          } catch (error) {
            expect(error).toMatchObject({ code: "HPC_BAD_BATCH" });
          }
        },
      ),
    );
  });

  test.each([
    ["an entry before any directory", () => withoutDir()],
    ["an unknown type", () => patched((b) => b.writeUInt16LE(9, RECORD_PREFIX.type))],
    [
      "a body longer than its record",
      () => patched((b) => b.writeUInt32LE(4000, RECORD_PREFIX.bodyLen)),
    ],
    [
      "content that is not there",
      () => patched((b, at) => b.writeUInt32LE(7, at + RECORD_PREFIX.contentLen)),
    ],
    [
      "lengths that only add up modulo 2^32",
      () => patched((b, at) => b.writeUInt32LE(CONTENT_NONE - 1, at + RECORD_PREFIX_BYTES + 8)),
    ],
    [
      "a directory whose MDTs are all of its path",
      () => patched((b) => b.writeUInt32LE(2, RECORD_PREFIX.xattrLen)),
    ],
    ["half an MDT", () => patched((b) => b.writeUInt32LE(1, RECORD_PREFIX.xattrLen))],
    [
      "a version from the future",
      () => patched((b, at) => b.writeUInt8(2, at + RECORD_PREFIX_BYTES)),
    ],
  ])("%s throws HPC_BAD_BATCH", (_what, batch) => {
    expect(() => read(batch())).toThrow(expect.objectContaining({ code: "HPC_BAD_BATCH" }));
  });

  test("accessors of another record type throw instead of answering", () => {
    const cursor = new RecordCursor();
    expect(() => cursor.type).toThrow("no current record");
    cursor.reset(write([someDir]));
    cursor.next();
    expect(() => cursor.size).toThrow("not an ENTRY");
    expect(() => cursor.name).toThrow("a DIR has no name");
    expect(() => cursor.op).toThrow("not an ERROR");
    expect(cursor.next()).toBe(false);
    expect(() => cursor.dir).toThrow("no current record");
  });
});

const someFields: EntryFields = fc.sample(fields, { numRuns: 1, seed: 7 })[0] as EntryFields;
const someDir: Item = { type: "dir", path: Buffer.from("/d"), mdts: [] };

function entryCursor(f: EntryFields): RecordCursor {
  const cursor = new RecordCursor();
  cursor.reset(write([someDir, { type: "entry", fields: f }]));
  cursor.next();
  cursor.next();
  return cursor;
}

function withoutDir(): Buffer {
  const batch = write([someDir, { type: "entry", fields: someFields }]);
  return batch.subarray(recordEnds(batch)[0]);
}

/** A batch of a DIR and an ENTRY, after `change(batch, start of the entry)`. */
function patched(change: (batch: Buffer, entryAt: number) => void): Buffer {
  const batch = write([someDir, { type: "entry", fields: { ...someFields, content: undefined } }]);
  change(batch, recordEnds(batch)[0] ?? 0);
  return batch;
}

function recordEnds(batch: Buffer): number[] {
  const ends: number[] = [];
  for (let at = 0; at < batch.length; ends.push(at))
    at += batch.readUInt32LE(at + RECORD_PREFIX.recordLen);
  return ends;
}
