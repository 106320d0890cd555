import { describe, expect, test } from "@jest/globals";
import { xxh3 } from "@node-rs/xxhash";
import { HpcError } from "@podheitor/hpc-base";
import * as fc from "fast-check";
import { MAX_SHARDS } from "./limits";
import { formatShard, parseShard, shardOf } from "./shard";

function hashOf(ino: bigint): bigint {
  const key = Buffer.alloc(8);
  key.writeBigUInt64LE(ino);
  return xxh3.xxh64(key);
}
const lo = (hash: bigint) => Number(hash & 0xffffffffn);
const hi = (hash: bigint) => Number(hash >> 32n);

describe("shardOf", () => {
  test("is the 64-bit modulo, for every hash and every count", () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.integer({ min: 1, max: MAX_SHARDS }),
        (hash, count) => {
          expect(shardOf(lo(hash), hi(hash), count)).toBe(Number(hash % BigInt(count)));
        },
      ),
      { numRuns: 2000 },
    );
    expect(shardOf(0xffffffff, 0xffffffff, MAX_SHARDS - 1)).toBe(
      Number((2n ** 64n - 1n) % BigInt(MAX_SHARDS - 1)),
    );
  });

  // xxh3_64 with seed 0 of 8 bytes little endian; the remainders were computed outside JavaScript.
  test.each([
    [0n, 0xc77b3abb6f87acd9n, [1, 2, 3]],
    [1n, 0x2fbc593564db792en, [2, 2, 0]],
    [2n ** 53n + 1n, 0x0ff84143ab99dcd0n, [0, 1, 3]],
    [2n ** 64n - 1n, 0x5111c7e47d784413n, [3, 2, 4]],
  ])("inode %s", (ino, hash, shards) => {
    expect(hashOf(ino)).toBe(hash);
    expect([4, 3, 7].map((count) => shardOf(lo(hash), hi(hash), count))).toEqual(shards);
  });

  test("splits consecutive inode numbers fairly: no shard is five standard deviations off its share", () => {
    for (const count of [2, 3, 4, 16, 100]) {
      const sizes = new Array<number>(count).fill(0);
      const total = count * 5000;
      for (let ino = 0; ino < total; ino++) {
        const hash = hashOf(BigInt(ino + 1_000_000));
        const shard = shardOf(lo(hash), hi(hash), count);
        sizes[shard] = (sizes[shard] ?? 0) + 1;
      }
      for (const size of sizes) expect(Math.abs(size - 5000)).toBeLessThan(5 * Math.sqrt(5000));
    }
  });
});

describe("parseShard", () => {
  test("reads what formatShard writes", () => {
    const shards = fc
      .integer({ min: 1, max: MAX_SHARDS })
      .chain((count) => fc.record({ index: fc.nat(count - 1), count: fc.constant(count) }));
    fc.assert(
      fc.property(shards, (shard) => expect(parseShard(formatShard(shard))).toEqual(shard)),
    );
  });

  test.each([
    ["4/4", "shard index must be 0..3"],
    ["1/1", "shard index must be 0..0"],
    ["0/0", "shard count must be 1..1024"],
    ["0/1025", "shard count must be 1..1024"],
    ["", 'shard "" is not K/N'],
    ["3", 'shard "3" is not K/N'],
    ["-1/4", 'shard "-1/4" is not K/N'],
    ["1/4 ", 'shard "1/4 " is not K/N'],
    ["0x1/4", 'shard "0x1/4" is not K/N'],
    ["1/4/2", 'shard "1/4/2" is not K/N'],
  ])("%j: %s", (text, message) => {
    const parsing = () => parseShard(text);
    expect(parsing).toThrow(HpcError);
    expect(parsing).toThrow(message);
    expect(parsing).toThrow(
      expect.objectContaining({ code: "HPC_BAD_SHARD", remedy: expect.stringMatching(/\.$/) }),
    );
  });
});
