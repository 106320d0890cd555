import { describe, expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import { ENTRY_HEAD_BYTES, EntryFlag, EntryKind, FRAME_MAX, modeType } from "@podheitor/hpc-wire";
import fc from "fast-check";
import { framesOf } from "../test/listing";
import { base, everyEntry } from "../test/samples";
import { decodeEntry, type Entry, encodeEntry } from "./entry";
import type { EntryParts } from "./entry-parts";
import { FrameWriter } from "./writer";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const i64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const name = fc
  .uint8Array({ min: 1, minLength: 1, maxLength: 40 })
  .map((bytes) => Buffer.from(bytes));
const numbers = fc.record({
  nlink: u32,
  ino: u64,
  dev: u64,
  size: u64,
  blocks: u64,
  mtime: i64,
  mtimeNs: u32,
  atime: i64,
  atimeNs: u32,
  ctime: i64,
  ctimeNs: u32,
  uid: u32,
  gid: u32,
  rdev: u64,
  blksize: u32,
  layout: u32,
});
const kinds = fc.constantFrom(...Object.values(EntryKind));
const shape = fc
  .tuple(kinds, name, name, fc.nat(0xfff), fc.boolean())
  .map(([kind, own, target, permissions, isLink]) => {
    const link = isLink && kind !== EntryKind.DIRECTORY;
    return {
      kind,
      name: own,
      mode: modeType(kind) | permissions,
      flags: link ? EntryFlag.LINK : kind === EntryKind.REGULAR ? EntryFlag.HAS_DATA : 0,
      link: link || kind === EntryKind.SYMLINK ? target : Buffer.alloc(0),
      linkGroup: link ? 5n : 0n,
      holes: [],
    };
  });
const anyEntry = fc.tuple(numbers, shape).map(([n, s]): Entry => ({ ...n, ...s }));

describe("entry record", () => {
  test("round trip of any entry", () => {
    fc.assert(
      fc.property(anyEntry, (entry) => expect(decodeEntry(encodeEntry(entry))).toEqual(entry)),
    );
    for (const entry of everyEntry) expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });

  test("any bit flip is refused, or gives an entry that encodes to the very same bytes", () => {
    for (const entry of everyEntry) {
      const record = encodeEntry(entry);
      for (let bit = 0; bit < record.length * 8; bit++) {
        const flipped = Buffer.from(record);
        flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
        try {
          expect(encodeEntry(decodeEntry(flipped)).equals(flipped)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(HpcError);
        }
      }
    }
  });

  test("any cut is refused", () => {
    const record = encodeEntry(base);
    for (let length = 0; length < record.length; length++) {
      expect(() => decodeEntry(record.subarray(0, length))).toThrow(HpcError);
    }
    expect(() => decodeEntry(Buffer.concat([record, Buffer.alloc(1)]))).toThrow("lengths add up");
  });

  test.each<[string, Partial<Entry>]>([
    ["empty name", { name: Buffer.alloc(0) }],
    ["NUL in a name", { name: Buffer.from("a\0b") }],
    ["unknown flags", { flags: 128 }],
    [
      "attributes of a later name",
      { flags: EntryFlag.LINK | EntryFlag.ATTRS, linkGroup: 1n, link: Buffer.from("x") },
    ],
    ["kind 1 with mode", { mode: 0o40755 }],
    ["link of what has none", { link: Buffer.from("x") }],
    ["link is missing", { flags: EntryFlag.LINK, linkGroup: 1n }],
    ["a hard link without a group", { flags: EntryFlag.LEADER }],
    [
      "data of what has none",
      { flags: EntryFlag.LINK | EntryFlag.HAS_DATA, linkGroup: 1n, link: Buffer.from("x") },
    ],
    ["LAST_LINK without LINK", { flags: EntryFlag.LAST_LINK }],
    [
      "LINK on a leader",
      { flags: EntryFlag.LINK | EntryFlag.LEADER, linkGroup: 1n, link: Buffer.from("x") },
    ],
    [
      "hole 1 is empty, out of order",
      {
        holes: [
          { offset: 5n, length: 5n },
          { offset: 9n, length: 1n },
        ],
      },
    ],
    ["hole 0 is empty", { holes: [{ offset: 5n, length: 0n }] }],
    ["too far", { holes: [{ offset: 5n, length: (1n << 63n) - 1n }] }],
  ])("nobody can send: %s", (message, change) => {
    expect(() => encodeEntry({ ...base, ...change })).toThrow(message);
  });
});

describe("FrameWriter.entry", () => {
  const holeMap = ({ holes }: Entry) => {
    const map = Buffer.alloc(16 * holes.length);
    for (const [i, { offset, length }] of holes.entries()) {
      map.writeBigUInt64LE(offset, 16 * i);
      map.writeBigUInt64LE(length, 16 * i + 8);
    }
    return map;
  };
  /** A scan's memory: the head amid other bytes, names elsewhere. */
  function parts(entry: Entry, dir: string, own: string): EntryParts {
    const bytes = Buffer.alloc(ENTRY_HEAD_BYTES + 7, 0xee);
    encodeEntry({ ...entry, flags: 0, link: Buffer.alloc(0) }).copy(bytes, 3, 0, ENTRY_HEAD_BYTES);
    return {
      bytes,
      headStart: 3,
      dir: Buffer.from(dir),
      name: Buffer.from(own),
      link: entry.link,
      flags: entry.flags,
      group: Number(entry.linkGroup),
      holes: holeMap(entry),
    };
  }
  const written = (given: EntryParts, out = new FrameWriter({ capacity: 8 })) => {
    out.entry(given);
    const [frame] = framesOf(out.takeBytes());
    expect(frame?.status).toBe("M");
    return decodeEntry(frame?.payload ?? Buffer.alloc(0));
  };

  test.each([
    ["/a/b", "c", "/a/b/c"],
    ["/", "c", "/c"],
    ["/a", "", "/a"],
    ["", "/full/name", "/full/name"],
    [`/${"long".repeat(100)}`, "x".repeat(255), `/${"long".repeat(100)}/${"x".repeat(255)}`],
  ])("dir %j and name %j", (dir, own, full) => {
    expect(written(parts(base, dir, own))).toEqual({ ...base, name: Buffer.from(full) });
  });

  test("flags, group and link replace those of the head", () => {
    const link = {
      ...base,
      flags: EntryFlag.LINK,
      link: Buffer.from("/a/leader"),
      linkGroup: 2n ** 40n + 3n,
      name: Buffer.from("/a/second"),
    };
    expect(written(parts(link, "/a", "second"))).toEqual(link);
  });

  test("a hole map follows the names", () => {
    const holes = [
      { offset: 0n, length: 4096n },
      { offset: 1n << 40n, length: 1n },
    ];
    expect(written(parts({ ...base, holes }, "/tree", "file"))).toEqual({ ...base, holes });
    const digested = written(
      parts({ ...base, holes }, "/tree", "file"),
      new FrameWriter({ digest: () => 7n }),
    );
    expect(digested).toMatchObject({ holes, digest: 7n });
  });

  test("with a hash every record carries the hash of what is before it", () => {
    const seen: Buffer[] = [];
    const digest = (bytes: Buffer) => {
      seen.push(Buffer.from(bytes));
      return 99n;
    };
    const entry = written(parts(base, "/a", "b"), new FrameWriter({ digest }));
    expect(entry.digest).toBe(99n);
    expect(entry.flags).toBe(base.flags | EntryFlag.DIGEST);
    expect(seen[0]?.equals(encodeEntry(entry).subarray(0, -8))).toBe(true);
  });

  test("a name that fits no frame throws and leaves nothing behind", () => {
    const out = new FrameWriter();
    expect(() => out.entry(parts(base, "/".padEnd(FRAME_MAX, "d"), "x"))).toThrow("at most 999999");
    expect(out.byteLength).toBe(0);
  });
});
