import { describe, expect, test } from "@jest/globals";
import { xxh3 } from "@node-rs/xxhash";
import { EntryKind, RecordCursor, RecordType, RecordWriter } from "@podheitor/hpc-walker";
import * as fc from "fast-check";
import { parseShard } from "./shard";
import { inodeHash, none, type ShardStrategy, STRATEGY_NAMES, strategyOf } from "./strategy";

/** A batch of one directory with a name for each inode number given (an inode may occur under several names). */
function batchOf(inodes: readonly bigint[]): Buffer {
  const writer = new RecordWriter(Buffer.alloc(64 + inodes.length * 256));
  writer.dir(Buffer.from("/d"));
  inodes.forEach((ino, i) => {
    const key = Buffer.alloc(8);
    key.writeBigUInt64LE(ino);
    const zero = { dev: 1n, size: 0n, blocks: 0n, rdev: 0n, mtimeSeconds: 0n, atimeSeconds: 0n, ctimeSeconds: 0n };
    const small = { mtimeNanoseconds: 0, atimeNanoseconds: 0, ctimeNanoseconds: 0, uid: 0, gid: 0, blksize: 4096 };
    const what = { kind: EntryKind.REGULAR, mode: 0o100644, flags: 0, nlink: 1, error: 0, content: undefined };
    const names = { name: Buffer.from(`f${i}`), link: Buffer.alloc(0) };
    writer.entry({ ...zero, ...small, ...what, ...names, ino, inoHash: xxh3.xxh64(key) });
  });
  return writer.batch;
}

/** The names in `batch` that `strategy` takes. */
function namesOf(strategy: ShardStrategy, batch: Buffer): string[] {
  const cursor = new RecordCursor();
  const names: string[] = [];
  for (cursor.reset(batch); cursor.next(); ) {
    if (cursor.type === RecordType.ENTRY && strategy.mine(cursor)) names.push(cursor.name.toString());
  }
  return names;
}

describe("inode-hash", () => {
  test("the shards are disjoint, their union is the tree, and all names of an inode are in one", () => {
    const inodes = fc.array(fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 5n)), { maxLength: 40 });
    fc.assert(
      fc.property(inodes, fc.integer({ min: 1, max: 9 }), (list, count) => {
        const batch = batchOf(list);
        const parts = Array.from({ length: count }, (_, index) => namesOf(inodeHash({ index, count }), batch));
        expect(parts.flat().sort()).toEqual(list.map((_, i) => `f${i}`).sort());
        const shardOfName = new Map(parts.flatMap((names, index) => names.map((name) => [name, index] as const)));
        const shardOfInode = new Map(list.map((ino, i) => [ino, shardOfName.get(`f${i}`)]));
        expect(list.map((_, i) => shardOfName.get(`f${i}`))).toEqual(list.map((ino) => shardOfInode.get(ino)));
      }),
    );
  });
});

describe("none", () => {
  test("takes everything", () => {
    expect(namesOf(none({ index: 0, count: 1 }), batchOf([1n, 2n, 2n]))).toEqual(["f0", "f1", "f2"]);
  });
  test("cannot split", () => {
    expect(() => none({ index: 0, count: 2 })).toThrow('strategy "none" cannot split into 2 shards (shard=0/2)');
  });
});

test("strategyOf finds each strategy by its name and no other", () => {
  for (const name of STRATEGY_NAMES) expect(strategyOf(name, { index: 0, count: 1 }).name).toBe(name);
  for (const name of ["", "inode", "toString", "__proto__"]) {
    expect(() => strategyOf(name, { index: 0, count: 1 })).toThrow(
      expect.objectContaining({ code: "HPC_BAD_STRATEGY" }),
    );
  }
});

test("the example of the README", () => {
  const strategy = strategyOf("inode-hash", parseShard("1/4"));
  expect(namesOf(strategy, batchOf([100n, 101n, 102n, 103n])).length).toBeLessThan(4);
  expect(strategy.keepsHardLinks).toBe(true);
});
