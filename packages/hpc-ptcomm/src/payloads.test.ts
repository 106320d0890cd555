import { describe, expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import {
  CHECK_ENTRIES,
  COUNTERS,
  ENTRY_HEAD_BYTES,
  EntryFlag,
  FRAME_MAX,
  XATTR_BLOCK,
} from "@podheitor/hpc-wire";
import fc from "fast-check";
import { framesOf } from "../test/listing";
import { base, checkPayload, everyXattr, hpc1Backend } from "../test/samples";
import { decodeAccounting, emptyAccounting, encodeAccounting, isBalanced } from "./accounting";
import { CheckBatch, decodeCheck, decodeCheckAnswer, encodeCheckAnswer, isWanted } from "./check";
import { decodeDataEnd, encodeDataEnd } from "./data-end";
import { encodeEntry } from "./entry";
import { FrameWriter } from "./writer";
import { decodeXattrs, encodeXattrs } from "./xattrs";

const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

/** Nothing but a value or an HpcError comes out, whatever goes in. */
function survives(decoder: (bytes: Buffer) => unknown, good: Buffer): void {
  const flips = fc.array(fc.nat(good.length * 8 - 1), { maxLength: 4 }).map((bits) => {
    const bytes = Buffer.from(good);
    for (const bit of bits) bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  });
  const any = fc.oneof(
    flips,
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(good.length).map((n) => good.subarray(0, n)),
  );
  fc.assert(
    fc.property(any, (bytes) => {
      try {
        decoder(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(HpcError);
      }
    }),
    { numRuns: 1000 },
  );
}

describe("end of data", () => {
  test("round trip", () => {
    fc.assert(
      fc.property(u64, fc.nat(200), fc.option(u64, { nil: undefined }), (bytes, errno, digest) => {
        const end = { bytes, errno, ...(digest === undefined ? {} : { digest }) };
        expect(decodeDataEnd(encodeDataEnd(end))).toEqual(end);
      }),
    );
    survives(decodeDataEnd, encodeDataEnd({ bytes: 1n, errno: 0, digest: 2n }));
  });
  test("refuses a negative errno, unknown flags, a wrong length", () => {
    expect(() => decodeDataEnd(encodeDataEnd({ bytes: 0n, errno: -5 }))).toThrow("errno -5");
    expect(() => decodeDataEnd(Buffer.alloc(24, 2))).toThrow("unknown flags");
    expect(() => decodeDataEnd(Buffer.alloc(25))).toThrow("25 bytes");
  });
});

describe("xattr block", () => {
  const bytes = (min: number, max: number) =>
    fc.uint8Array({ minLength: min, maxLength: max }).map((array) => Buffer.from(array));
  const xattr = fc.record({
    name: bytes(1, 255).filter((name) => !name.includes(0)),
    value: bytes(0, 300),
  });

  test("round trip", () => {
    fc.assert(
      fc.property(fc.array(xattr, { maxLength: 8 }), (xattrs) => {
        expect(decodeXattrs(encodeXattrs(xattrs))).toEqual(xattrs);
      }),
    );
    survives(decodeXattrs, encodeXattrs(everyXattr));
  });
  test("refuses an empty or long name, a NUL in it, flags, a cut; a block beyond the limit is not made", () => {
    const one = (name: Buffer) => encodeXattrs([{ name, value: Buffer.alloc(3) }]);
    expect(() => one(Buffer.alloc(0))).toThrow("a name of 0 bytes");
    expect(() => one(Buffer.alloc(256, 0x61))).toThrow("a name of 256 bytes");
    expect(() => one(Buffer.from("a\0b"))).toThrow("NUL");
    const good = one(Buffer.from("user.x"));
    for (let cut = 1; cut < good.length; cut++)
      expect(() => decodeXattrs(good.subarray(0, cut))).toThrow(HpcError);
    good[2] = 1;
    expect(() => decodeXattrs(good)).toThrow("unknown flags");
    expect(() =>
      encodeXattrs([{ name: Buffer.from("user.x"), value: Buffer.alloc(XATTR_BLOCK) }]),
    ).toThrow("at most");
  });
  test("a writer puts it into one frame, with its digest where digests are written", () => {
    const block = encodeXattrs(everyXattr);
    const plain = new FrameWriter();
    plain.attributes(block);
    expect(framesOf(plain.takeBytes())).toEqual([{ status: "B", payload: block }]);
    const digested = new FrameWriter({ digest: (over) => BigInt(over.length) });
    digested.attributes(block);
    const payload = framesOf(digested.takeBytes())[0]?.payload;
    expect(payload?.subarray(0, -8)).toEqual(block);
    expect(payload?.readBigUInt64LE(block.length)).toBe(BigInt(block.length));
    expect(() => plain.attributes(Buffer.alloc(XATTR_BLOCK + 1))).toThrow("at most");
    expect(plain.byteLength).toBe(0);
  });
});

describe("CHECK", () => {
  const record = encodeEntry({ ...base, name: Buffer.from("/x"), flags: EntryFlag.OLDER });
  const parts = (length: number) => ({
    bytes: record,
    headStart: 0,
    dir: Buffer.from("/dir"),
    name: Buffer.alloc(length, 0x6e),
    link: Buffer.alloc(0),
    flags: EntryFlag.OLDER | EntryFlag.HAS_DATA | EntryFlag.ATTRS,
    group: 0,
    holes: Buffer.alloc(0),
  });

  test("a batch gives its entries back, without data, with full names", () => {
    const batch = new CheckBatch();
    for (let i = 1; i <= 3; i++) expect(batch.add(parts(i))).toBe(true);
    const decoded = decodeCheck(batch.take(7));
    expect(decoded.batch).toBe(7);
    expect(decoded.entries.map((entry) => entry.name.toString())).toEqual([
      "/dir/n",
      "/dir/nn",
      "/dir/nnn",
    ]);
    expect(decoded.entries.every((entry) => entry.flags === EntryFlag.OLDER)).toBe(true);
    expect(batch.count).toBe(0);
    expect(() => batch.take(8)).toThrow("empty");
  });

  test("a batch is full at 512 entries, or when a frame is", () => {
    const many = new CheckBatch();
    for (let i = 0; i < CHECK_ENTRIES; i++) expect(many.add(parts(3))).toBe(true);
    expect(many.add(parts(3))).toBe(false);
    expect(decodeCheck(many.take(1)).entries).toHaveLength(CHECK_ENTRIES);

    const long = new CheckBatch();
    while (long.add(parts(4096)));
    expect(long.count).toBe(Math.floor((FRAME_MAX - 8) / (4 + ENTRY_HEAD_BYTES + 5 + 4096)));
    expect(decodeCheck(long.take(2)).entries).toHaveLength(236);
    expect(() => long.add(parts(FRAME_MAX))).toThrow("does not fit");
  });

  test("refuses cuts, additions, data, and wrong counts", () => {
    const payload = checkPayload();
    for (let cut = 0; cut < payload.length; cut++)
      expect(() => decodeCheck(payload.subarray(0, cut))).toThrow(HpcError);
    expect(() => decodeCheck(Buffer.concat([payload, Buffer.alloc(1)]))).toThrow("behind the last");
    for (const count of [0, 1, 3, CHECK_ENTRIES + 1]) {
      const wrong = Buffer.from(payload);
      wrong.writeUInt32LE(count, 4);
      expect(() => decodeCheck(wrong)).toThrow(HpcError);
    }
    const withData = Buffer.from(payload);
    withData.writeUInt16LE(EntryFlag.HAS_DATA, 8 + 4 + 2);
    expect(() => decodeCheck(withData)).toThrow("has data");
    survives(decodeCheck, payload);
  });

  test("an answer says of each entry whether it is wanted", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: CHECK_ENTRIES }), (wanted) => {
        const answer = decodeCheckAnswer(encodeCheckAnswer(3, wanted));
        expect([answer.batch, answer.count]).toEqual([3, wanted.length]);
        expect(wanted.map((_, i) => isWanted(answer, i))).toEqual(wanted);
      }),
    );
    survives(decodeCheckAnswer, encodeCheckAnswer(1, [true, false, true]));
    expect(() => decodeCheckAnswer(Buffer.from([1, 0, 0, 0, 3, 0, 0, 0, 8]))).toThrow("not there");
    expect(() => encodeCheckAnswer(1, [])).toThrow("0 entries");
  });
});

describe("accounting", () => {
  test("round trip; later counters are ignored, those of the first release suffice", () => {
    const counters = {
      ...emptyAccounting(),
      scanned: 2 ** 52,
      bytes: 7,
      xattrBlocks: 8,
      holeBytes: 9,
    };
    const payload = encodeAccounting(counters);
    expect(decodeAccounting(payload)).toEqual(counters);
    const more = Buffer.concat([payload, Buffer.alloc(8, 1)]);
    more.writeUInt32LE(COUNTERS.length + 1, 4);
    expect(decodeAccounting(more)).toEqual(counters);
    const first = Buffer.from(payload.subarray(0, 8 + 8 * 20));
    first.writeUInt32LE(20, 4);
    expect(decodeAccounting(first)).toEqual({
      ...counters,
      xattrBlocks: 0,
      xattrsFailed: 0,
      prunedDirectories: 0,
      holeBytes: 0,
    });
    const fewer = Buffer.from(payload.subarray(0, 8 + 8 * 19));
    fewer.writeUInt32LE(19, 4);
    expect(() => decodeAccounting(fewer)).toThrow(HpcError);
    survives(decodeAccounting, encodeAccounting(counters));
  });

  test("the sums: every entry is in one place", () => {
    const frame = framesOf(hpc1Backend()).find((one) => one.status === "U");
    const good = decodeAccounting(frame?.payload ?? Buffer.alloc(0));
    expect(isBalanced(good)).toBe(true);
    for (const name of [
      "scanned",
      "emitted",
      "filteredOther",
      "vanished",
      "failed",
      "files",
      "specials",
    ] as const) {
      expect(isBalanced({ ...good, [name]: good[name] + 1 })).toBe(false);
    }
    for (const name of [
      "bytes",
      "restored",
      "skipped",
      "unlistedDirectories",
      "listedDirectories",
    ] as const) {
      expect(isBalanced({ ...good, [name]: 1 })).toBe(true);
    }
  });
});
