import { describe, expect, test } from "@jest/globals";
import { RecordCursor, RecordType } from "@podheitor/hpc-walker";
import * as fc from "fast-check";
import { batchOf } from "../test/batch";
import { BUCKET_SECONDS, generationStart } from "./mtime";
import { EVERY_SHARD } from "./place";
import { type ShardStrategy, STRATEGY_NAMES, splitOf, strategyOf } from "./strategy";

/** The names in `batch` that `strategy` takes. */
function namesOf(strategy: ShardStrategy, batch: Buffer): string[] {
  const cursor = new RecordCursor();
  const names: string[] = [];
  for (cursor.reset(batch); cursor.next(); ) {
    if (cursor.type === RecordType.ENTRY && strategy.mine(cursor))
      names.push(cursor.name.toString());
  }
  return names;
}

const anyInode = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 5n));
const anyMtime = fc.oneof(
  fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  fc.integer({ min: 0, max: 2 ** 31 }),
);
const anyEntry = fc.record({
  ino: anyInode,
  mtime: anyMtime,
  dir: fc.constantFrom("/d", "/d/e", "/f"),
  directory: fc.boolean(),
});
const mdts = [0, 1, 4, 11];
const mdtsOf: Readonly<Record<string, readonly number[]>> = {
  "/d": [4],
  "/f": [0],
  "/d/e": [1, 11],
};

describe.each(STRATEGY_NAMES.filter((name) => splitOf(name) !== "none"))("%s", (name) => {
  test("the shards are disjoint, their union is the tree, and all names of an inode are in one", () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (list, count) => {
          // All names of an inode have one mtime and one kind.
          const entries = list.map((entry) => ({
            ...(list.find(({ ino }) => ino === entry.ino) ?? entry),
            dir: entry.dir,
            mdts: mdtsOf[entry.dir] ?? [],
            nlink: list.filter(({ ino }) => ino === entry.ino).length,
          }));
          const batch = batchOf(
            entries.map((entry) => ({ ...entry, directory: entry.directory && entry.nlink === 1 })),
          );
          const parts = Array.from({ length: count }, (_, index) =>
            namesOf(
              strategyOf(
                name,
                { index, count },
                { mdts, generationStart: Number.POSITIVE_INFINITY },
              ),
              batch,
            ),
          );
          expect(parts.flat().sort()).toEqual(entries.map((_, i) => `f${i}`).sort());
          const shardOfName = new Map(
            parts.flatMap((names, index) => names.map((at) => [at, index] as const)),
          );
          const shardOfInode = new Map(
            entries.map(({ ino }, i) => [ino, shardOfName.get(`f${i}`)]),
          );
          expect(entries.map((_, i) => shardOfName.get(`f${i}`))).toEqual(
            entries.map(({ ino }) => shardOfInode.get(ino)),
          );
        },
      ),
    );
  });

  test("one shard takes everything and has no split to warn about", () => {
    const strategy = strategyOf(name, { index: 0, count: 1 }, { generationStart: 0 });
    expect(namesOf(strategy, batchOf([{ ino: 1n }, { ino: 2n }, { ino: 2n }]))).toEqual([
      "f0",
      "f1",
      "f2",
    ]);
    expect(strategy.caveats.length).toBe(name.startsWith("subtree") ? 1 : 0);
  });
});

describe("mtime-bucket", () => {
  test("days go round the shards, also before 1970", () => {
    const strategy = strategyOf("mtime-bucket", { index: 0, count: 3 });
    const places = [-2, -1, 0, 1, 2, 3].flatMap((day) => {
      const batch = batchOf([
        { ino: 1n, mtime: day * BUCKET_SECONDS },
        { ino: 1n, mtime: (day + 1) * BUCKET_SECONDS - 1 },
      ]);
      return placesOf(strategy, batch);
    });
    expect(places).toEqual([1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 0, 0]);
  });

  test("a file that is written at any moment while the jobs run is met at least once", () => {
    const scenario = fc.integer({ min: 2, max: 8 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        before: fc.integer({ min: 0, max: 2_000_000_000 }),
        scheduled: fc.array(fc.integer({ min: 0, max: 3599 }), {
          minLength: count,
          maxLength: count,
        }),
        waits: fc.array(fc.nat(100_000), { minLength: count, maxLength: count }),
        looks: fc.array(fc.nat(100_000), { minLength: count, maxLength: count }),
        writes: fc.array(fc.nat(300_000), { maxLength: 4 }),
      }),
    );
    fc.assert(
      fc.property(scenario, ({ count, before, scheduled, waits, looks, writes }) => {
        const epoch = 2_000_000_000;
        const takes = scheduled.map((at, index) => {
          const started = epoch + at + (waits[index] ?? 0);
          const look = started + (looks[index] ?? 0);
          const mtime = Math.max(
            before,
            ...writes.map((write) => epoch + write).filter((write) => write <= look),
          );
          const start = generationStart(uniqueName(epoch + at), started);
          return namesOf(
            strategyOf("mtime-bucket", { index, count }, { generationStart: start }),
            batchOf([{ ino: 1n, mtime }]),
          ).length;
        });
        expect(takes).toContain(1);
      }),
      { numRuns: 1000 },
    );
  });

  test("the log says what it promises and what not", () => {
    const { caveats } = strategyOf(
      "mtime-bucket",
      { index: 1, count: 3 },
      { generationStart: 1_700_000_000 },
    );
    expect(caveats.join()).toMatch(
      /since 2023-11-14T22:13:20.000Z are saved by every shard.*within 60 minutes.*set to an older time/,
    );
  });
});

describe("generationStart", () => {
  test("is an hour before the Director scheduled the job, or before now", () => {
    expect(generationStart(uniqueName(1_900_000_000), 1_900_050_000)).toBe(1_900_000_000 - 3600);
    expect(generationStart(uniqueName(1_900_090_000), 1_900_050_000)).toBe(1_900_050_000 - 3600);
    expect(generationStart("by hand", 1_900_050_000.7)).toBe(1_900_050_000 - 3600);
  });
});

describe("lustre-mdt", () => {
  test("a directory that cannot be asked is taken by every shard", () => {
    const strategy = strategyOf("lustre-mdt", { index: 0, count: 2 }, { mdts: [0, 1] });
    expect(placesOf(strategy, batchOf([{ ino: 1n }, { ino: 2n }]))).toEqual([
      EVERY_SHARD,
      EVERY_SHARD,
    ]);
  });

  test("without MDT information it is inode-hash, and says so once", () => {
    const batch = batchOf([1n, 2n, 3n, 4n, 5n, 6n].map((ino) => ({ ino })));
    const shard = { index: 1, count: 3 };
    const strategy = strategyOf("lustre-mdt", shard);
    expect(placesOf(strategy, batch)).toEqual(placesOf(strategyOf("inode-hash", shard), batch));
    expect(strategy.byInode).toBe(true);
    expect(strategy.caveats).toEqual([expect.stringContaining("no information about MDTs")]);
  });

  test("the entries of a directory stay with the shards of its MDT", () => {
    const inodes = Array.from({ length: 200 }, (_, i) => BigInt(i));
    for (const [count, expected] of [
      [2, [0]], // MDT 4 is the third of four
      [4, [2]],
      [9, [2, 6]],
    ] as const) {
      const strategy = strategyOf("lustre-mdt", { index: 0, count }, { mdts });
      const places = placesOf(strategy, batchOf(inodes.map((ino) => ({ ino, mdts: [4] }))));
      expect([...new Set(places)].sort()).toEqual(expected);
    }
  });
});

test.each(["none", "subtree"])("%s cannot split", (name) => {
  expect(() => strategyOf(name, { index: 0, count: 2 })).toThrow(
    `strategy "${name}" cannot split into 2 shards (shard=0/2)`,
  );
});

test("a subtree says what it cannot promise", () => {
  const { caveats } = strategyOf("subtree+lustre-mdt", { index: 0, count: 2 }, { mdts });
  expect(caveats).toEqual([
    expect.stringContaining("names in several subtrees"),
    expect.stringContaining("another MDT"),
  ]);
});

test("strategyOf finds each strategy by its name and no other", () => {
  for (const name of STRATEGY_NAMES)
    expect(strategyOf(name, { index: 0, count: 1 }).name).toBe(name);
  for (const name of ["", "inode", "toString", "__proto__", "subtree+none"]) {
    expect(() => strategyOf(name, { index: 0, count: 1 })).toThrow(
      expect.objectContaining({ code: "HPC_BAD_STRATEGY" }),
    );
  }
});

/** As the Director makes it, in this machine's time zone. */
function uniqueName(epoch: number): string {
  const date = new Date(epoch * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `Job.${day}_${two(date.getHours())}.${two(date.getMinutes())}.${two(date.getSeconds())}_07`;
}

function placesOf(strategy: ShardStrategy, batch: Buffer): number[] {
  const cursor = new RecordCursor();
  const places: number[] = [];
  for (cursor.reset(batch); cursor.next(); )
    if (cursor.type === RecordType.ENTRY) places.push(strategy.place(cursor));
  return places;
}
