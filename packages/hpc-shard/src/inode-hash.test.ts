import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { xxh3 } from "@node-rs/xxhash";
import { shardOf } from "./shard";

const key = Buffer.alloc(8);
function hashOf(ino: bigint): bigint {
  key.writeBigUInt64LE(BigInt.asUintN(64, ino));
  return xxh3.xxh64(key);
}
const halves = (hash: bigint) => [Number(hash & 0xffffffffn), Number(hash >> 32n)] as const;

describe("golden vectors of libxxhash", () => {
  const lines = readFileSync(join(__dirname, "../test/inode-hash.golden"), "latin1")
    .trim()
    .split("\n");
  const counts =
    /N = ([\d ]+)\./
      .exec(lines[0] ?? "")?.[1]
      ?.split(" ")
      .map(Number) ?? [];

  test("hash and shards of every inode", () => {
    expect(counts.length).toBe(10);
    const vectors = lines.filter((line) => !line.startsWith("#"));
    expect(vectors.length).toBe(97);
    for (const vector of vectors) {
      const [ino = "", hash = "", ...shards] = vector.split(" ");
      const ours = hashOf(BigInt(ino));
      expect([ino, ours.toString(16).padStart(16, "0")]).toEqual([ino, hash]);
      const [lo, hi] = halves(ours);
      expect(counts.map((count) => shardOf(lo, hi, count))).toEqual(shards.map(Number));
    }
  });
});

// A million numbers and every N up to 64: shim-c/scan/test/fairness.c, for the same hash.
describe("many inode numbers", () => {
  const MANY = 200_000;
  /** splitmix64, which visits every number once and has nothing to do with xxh3. */
  const scattered = (i: bigint): bigint => {
    let z = BigInt.asUintN(64, i * 0x9e3779b97f4a7c15n);
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    return z ^ (z >> 27n);
  };

  test.each<[string, (i: bigint) => bigint]>([
    ["sequential", (i) => i + 2n],
    ["every second", (i) => i * 2n],
    ["every 64th", (i) => i * 64n],
    ["2^32 apart", (i) => i << 32n],
    ["random", scattered],
  ])("%s: every shard is within 4 standard deviations of its share", (_, inode) => {
    const counts = [2, 3, 7, 16, 48, 64];
    const sizes = counts.map((count) => new Uint32Array(count));
    for (let i = 0; i < MANY; i++) {
      const [lo, hi] = halves(hashOf(inode(BigInt(i))));
      for (const [at, count] of counts.entries()) {
        const shard = shardOf(lo, hi, count);
        const of = sizes[at] as Uint32Array;
        of[shard] = (of[shard] ?? 0) + 1;
      }
    }
    const off = counts.map((count, at) => {
      const share = MANY / count;
      const deviation = Math.sqrt(share * (1 - 1 / count));
      return Math.max(...[...(sizes[at] ?? [])].map((size) => Math.abs(size - share))) / deviation;
    });
    expect(Math.max(...off)).toBeLessThan(4);
    expect(off.length).toBe(counts.length);
  });
});
