import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { runCommand } from "../testing";
import { LargeCounts, Largest } from "./largest";
import { advise, secondsFor } from "./predict";

const folder = mkdtempSync(join(tmpdir(), "hpc-probe-"));
const tree = join(folder, "tree");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  for (let d = 0; d < 10; d++) {
    mkdirSync(join(tree, `d${d}`), { recursive: true });
    for (let f = 0; f < 30 + d; f++)
      writeFileSync(join(tree, `d${d}/f${f}`), Buffer.alloc(f * 97, "x"));
  }
  for (let n = 0; n < 5; n++) linkSync(join(tree, "d3/f20"), join(tree, `d4/link${n}`));
  symlinkSync("nowhere", join(tree, "d1/symlink"));
  writeFileSync(join(tree, "d2/large"), "");
  truncateSync(join(tree, "d2/large"), 5_000_000_000);
});

const json = async (...words: string[]) => {
  const ran = await runCommand([...words, "--json"]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  return ran.objects.at(-1) as Record<string, never>;
};

describe("estimate", () => {
  test("counts what find counts", async () => {
    const said = await json("estimate", "--path", tree, "--volume-bytes", "1000000000");
    const find = (...words: string[]) =>
      execFileSync("find", [tree, ...words])
        .toString()
        .trim()
        .split("\n");
    // The leader's bytes once: by inode.
    const bytes = new Map(
      find("-type", "f", "-printf", "%i %s\n").map((line) => line.split(" ") as [string, string]),
    );
    expect(said).toMatchObject({
      entries: find().length,
      files: find("-type", "f").length,
      directories: find("-type", "d").length,
      symlinks: 1,
      linked_names: 6,
      bytes: [...bytes.values()].reduce((sum, size) => sum + Number(size), 0),
      volumes: 6,
      catalog_bytes: find().length * 180,
    });
    expect(said["sizes"]).toEqual(
      expect.arrayContaining([{ below: 1, files: find("-type", "f", "-empty").length }]),
    );
    expect(said["largest_files"]).toEqual(
      expect.arrayContaining([{ path: join(tree, "d2/large"), size: 5_000_000_000 }]),
    );
  });

  test("says it in words, and leaves out what is excluded", async () => {
    const ran = await runCommand(["estimate", "--path", tree, "--exclude", "large"]);
    expect(ran.stdout.toString()).toMatch(
      /1 excluded[\s\S]*Files by size:\n {2}empty +█[\s\S]*Catalog: .*rows of 180 bytes/,
    );
    expect((await runCommand(["estimate", "--path", tree, "--rate-mb", "fast"])).code).toBe(2);
  });
});

describe("shard-probe", () => {
  test.each([[], ["--strategy", "inode-hash"], ["--strategy", "lustre-mdt"]])(
    "%j: what it says is what the shards hold",
    async (...words) => {
      const strategy = words.flat();
      const exclude = ["--exclude", "large"];
      const said = (await json(
        "shard-probe",
        "--path",
        tree,
        "--shards",
        "3",
        ...exclude,
        ...strategy,
      )) as unknown as {
        shards: { entries: number; bytes: number }[];
      };
      for (const [index, { entries, bytes }] of said.shards.entries()) {
        const archive = join(folder, `${index}.hpc`);
        const saved = await json(
          "backup",
          "--path",
          tree,
          "--archive",
          archive,
          "--shard",
          `${index}/3`,
          ...exclude,
          ...strategy,
        );
        expect({ entries, bytes }).toEqual({ entries: saved["entries"], bytes: saved["bytes"] });
      }
    },
  );

  test("names whales and large directories, and gives advice", async () => {
    const said = await json("shard-probe", "--path", tree, "--rate-mb", "1");
    expect(said["whales"]).toEqual([{ path: join(tree, "d2/large"), size: 5_000_000_000 }]);
    expect(said["largest_directories"]).toEqual(
      expect.arrayContaining([{ path: join(tree, "d9"), entries: 39 }]),
    );
    expect(said["advice"]).toEqual({
      shards: 1,
      topology: null,
      reason: expect.stringContaining("largest file"),
    });
    const ran = await runCommand(["shard-probe", "--path", tree]);
    expect(ran.stdout.toString()).toMatch(/^shard 0\/4 +█+ +\d+ entries/);
  });
});

test("shard-probe takes as many shards as the key of a job", async () => {
  const said = (await json("shard-probe", "--path", tree, "--shards", "1024")) as unknown as {
    shards: unknown[];
  };
  expect(said.shards).toHaveLength(1024);
  expect(await runCommand(["shard-probe", "--path", tree, "--shards", "1025"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Give a number from 1 to 1024"),
  });
});

describe("shard-probe --sample", () => {
  const many = join(folder, "many");
  const parts = 19;
  const shards = 3;
  beforeAll(() => {
    for (let d = 0; d < 20; d++) {
      mkdirSync(join(many, `d${d}`), { recursive: true });
      for (let f = 0; f < 400; f++)
        writeFileSync(join(many, `d${d}/f${f}`), Buffer.alloc((f * f) % 7919, "x"));
    }
  });

  test("each part's error bars hold what a full probe says", async () => {
    const figures = async (...words: string[]) =>
      (await json(
        "shard-probe",
        "--path",
        many,
        "--shards",
        String(shards),
        ...words,
      )) as unknown as {
        shards: {
          entries: number;
          bytes: number;
          entries_plus_minus: number;
          bytes_plus_minus: number;
        }[];
        sample: { entries: number; scanned: number; bytes_of_files_below: number } | null;
      };
    const truth = await figures();
    expect(truth.sample).toBeNull();
    let bars = 0;
    let missed = 0;
    let seen = 0;
    for (let part = 0; part < parts; part++) {
      const said = await figures("--sample", `${part}/${parts}`);
      seen += said.sample?.entries ?? 0;
      expect(said.sample?.scanned).toBe(8021);
      for (const [index, shard] of said.shards.entries()) {
        const { entries = 0, bytes = 0 } = truth.shards[index] ?? {};
        bars++;
        if (Math.abs(shard.entries - entries) > shard.entries_plus_minus) missed++;
        if (said.sample?.bytes_of_files_below !== 8192) continue; // all of them are
        bars++;
        if (Math.abs(shard.bytes - bytes) > shard.bytes_plus_minus) missed++;
      }
    }
    expect(seen).toBe(8021); // each entry is in one part
    expect(bars).toBeGreaterThan(80);
    // 1 in 20 may; the inodes are others in each run, and 1 in 7 comes less than one time in
    // 10,000.
    expect(missed).toBeLessThan(bars / 7);
  });

  test("says what it is, draws it, and refuses what is no sample", async () => {
    const svg = join(folder, "shards.svg");
    const ran = await runCommand(["shard-probe", "--path", many, "--sample", "10", "--svg", svg]);
    expect(ran.stdout.toString()).toMatch(
      /± \d+ entries[\s\S]*A sample of one in 11 \(--sample \d+\/11 is the same again\)/,
    );
    expect(readFileSync(svg, "utf8")).toContain("shard 3/4");
    const refused = await runCommand(["shard-probe", "--path", many, "--sample", "2/4"]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("divisor in common"),
    ]);
  });
});

describe("in constant memory", () => {
  test("Largest keeps the largest", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000)), fc.integer({ min: 1, max: 12 }), (sizes, limit) => {
        const largest = new Largest<number>(limit);
        for (const size of sizes) largest.offer(size, () => size);
        expect(largest.list.map(({ size }) => size)).toEqual(
          [...sizes].sort((a, b) => b - a).slice(0, limit),
        );
      }),
    );
  });

  test("LargeCounts finds the large ones among very many small ones", () => {
    const counts = new LargeCounts(64);
    for (let at = 0; at < 5000; at++) {
      counts.add(`small ${at}`, 1);
      if (at % 100 === 0) counts.add("large", 100);
    }
    expect(counts.top(1)).toEqual([["large", 5000]]);
  });
});

test("more shards are advised for more work, and never more than a whale allows", () => {
  const rates = { filesPerSecond: 1000, bytesPerSecond: 1e6 };
  expect(secondsFor({ entries: 2000, bytes: 3e6 }, rates)).toBe(5);
  expect(advise({ entries: 100, bytes: 0 }, 0, rates).shards).toBe(1);
  expect(advise({ entries: 3_000_000, bytes: 0 }, 0, rates).shards).toBe(5);
  expect(advise({ entries: 1e9, bytes: 0 }, 0, rates).shards).toBe(16);
  expect(advise({ entries: 0, bytes: 6e9 }, 3e9, rates).shards).toBe(2);
});
