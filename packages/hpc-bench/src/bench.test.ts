import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test } from "@jest/globals";
import { RecordCursor, RecordType } from "@podheitor/hpc-walker";
import * as bench from "./index";

const folder = mkdtempSync(join(tmpdir(), "hpc-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

const noted = join(folder, "noted");
const noting = (name: string): bench.Contestant => ({
  name,
  argv: ["sh", "-c", `echo ${name} >>"$0"`, noted],
});

describe("contest", () => {
  test("each round runs everybody once and begins with another one; the first is not measured", async () => {
    const contestants = ["a", "b", "c"].map(noting);
    const runs: string[] = [];
    const progress = (run: number, of: number, name: string) => runs.push(`${run}/${of} ${name}`);
    const { standings } = await bench.contest({
      title: "t",
      facts: "f",
      contestants,
      rounds: 2,
      progress,
    });
    expect([runs[0], runs[4], runs.at(-1)]).toEqual(["1/9 a", "5/9 c", "9/9 b"]);
    expect(readFileSync(noted, "utf8").replaceAll("\n", "")).toBe("abcbcacab");
    expect(standings.map(({ name, seconds }) => [name, seconds.length])).toEqual([
      ["a", 2],
      ["b", 2],
      ["c", 2],
    ]);
    expect(standings[0]?.ratios).toEqual([1, 1]);
  });

  test("a pipe is drained to its end, a file holds what was written", async () => {
    const file = join(folder, "out");
    const bytes = "head -c 3000000 /dev/zero";
    const contestants: bench.Contestant[] = [
      { name: "pipe", argv: ["sh", "-c", `${bytes}; test -p /dev/stdout`], output: "pipe" },
      { name: "file", argv: ["sh", "-c", bytes], output: { file } },
    ];
    await bench.contest({ title: "t", facts: "f", contestants, rounds: 1 });
    expect(readFileSync(file).length).toBe(3_000_000);
  });

  test("a pipe is as wide as it is asked for, or that is an error", async () => {
    const widthOf = 'perl -e \'open(F, ">", $ARGV[0]); print F fcntl(STDOUT, 1032, 0)\' "$0"'; // F_GETPIPE_SZ
    const run = async (pipeBytes: number) => {
      const file = join(folder, "width");
      const argv = ["sh", "-c", widthOf, file] as const;
      await bench.contest({
        title: "t",
        facts: "f",
        contestants: [{ name: "w", argv, output: { pipeBytes } }],
        rounds: 1,
      });
      return readFileSync(file, "utf8");
    };
    expect(await run(2 ** 18)).toBe("262144");
    await expect(run(2 ** 32)).rejects.toMatchObject({
      code: "HPC_BENCH_FAILED",
      message: expect.stringContaining("cannot hold"),
    });
  });

  test("after a signal all of a pipeline has ended before it rejects, one that does not listen, too", async () => {
    const stop = new AbortController();
    const started = join(folder, "started");
    const pipeline = `sh -c 'trap "" TERM; echo $$ >"$0"; while :; do sleep 0.1; done' "$0" | cat`;
    const contestants: bench.Contestant[] = [
      { name: "deaf", argv: ["sh", "-c", pipeline, started] },
    ];
    const running = bench.contest({
      title: "t",
      facts: "f",
      contestants,
      rounds: 1,
      signal: stop.signal,
    });
    const rejected = expect(running).rejects.toBe("SIGINT");
    while (!existsSync(started) || readFileSync(started, "utf8") === "") await setTimeout(10);
    stop.abort("SIGINT");
    await rejected;
    const stat = `/proc/${readFileSync(started, "utf8").trim()}/stat`;
    if (existsSync(stat)) expect(readFileSync(stat, "utf8")).toMatch(/^\d+ \(sh\) Z/); // nobody has asked for its end yet
  });

  test("what ends a preparation is named", async () => {
    const prepare = () => {
      throw new Error("no disk");
    };
    const contestants: bench.Contestant[] = [{ name: "one", argv: ["true"], prepare }];
    const run = bench.contest({ title: "t", facts: "f", contestants, rounds: 1 });
    await expect(run).rejects.toMatchObject({
      message: expect.stringContaining("one failed: cannot be prepared: "),
    });
  });

  test("of our environment a contestant has only what all programs need, and its own", async () => {
    const file = join(folder, "env");
    const contestants: bench.Contestant[] = [
      { name: "env", argv: ["env"], output: { file }, env: { OWN: "1" } },
    ];
    process.env["NODE_BURDEN"] = "1";
    try {
      await bench.contest({ title: "t", facts: "f", contestants, rounds: 1 });
    } finally {
      delete process.env["NODE_BURDEN"];
    }
    expect(readFileSync(file, "utf8")).toContain("OWN=1\n");
    expect(readFileSync(file, "utf8")).toMatch(/^PATH=/m);
    expect(readFileSync(file, "utf8")).not.toContain("NODE_");
  });

  test("who fails is named, with what it said", async () => {
    const contestants: bench.Contestant[] = [
      { name: "broken", argv: ["sh", "-c", "echo because >&2; exit 3"] },
    ];
    const run = bench.contest({ title: "t", facts: "f", contestants, rounds: 1 });
    await expect(run).rejects.toMatchObject({
      code: "HPC_BENCH_FAILED",
      message: "broken failed: ended with 3: because",
    });
  });
});

test.each(bench.SHAPES)(
  "a tree of shape %s has as many names as were asked for, and scanOnce counts them",
  async (shape) => {
    const tree = join(folder, shape);
    await bench.makeBenchTree(tree, shape, 2000, 3);
    const found = execFileSync("find", [tree]).toString().trim().split("\n").length;
    expect(Math.abs(found - 2000)).toBeLessThan(10);
    expect(await bench.scanOnce(Buffer.from(tree), 2)).toBe(found);
  },
);

const MANY = 10_000_000;
test.each([
  ["tree", 3, (tree: string, how: bench.Making) => bench.makeBenchTree(tree, "flat", MANY, 0, how)],
  ["link tree", 3, (tree: string, how: bench.Making) => bench.makeLinkTree(tree, MANY, how)],
  // of each turn a disk may take some hundred megabytes
  [
    "large file",
    1,
    (tree: string, how: bench.Making) => bench.makeLargeFile(tree, "large", MANY * 2 ** 20, how),
  ],
])("a %s that is not wanted any more is not made to its end", async (what, turns, make) => {
  const stop = new AbortController();
  const tree = join(folder, `unwanted ${what}`);
  const parts: number[] = [];
  const how: bench.Making = {
    signal: stop.signal,
    progress: (part) => {
      parts.push(part);
      if (parts.length === turns) stop.abort("SIGINT");
    },
  };
  await expect(make(tree, how)).rejects.toBe("SIGINT");
  expect(parts).toHaveLength(turns);
  expect(parts).toEqual([...new Set(parts)].sort((a, b) => a - b)); // each is more than the one before
  for (const part of parts) expect(part).toBeLessThan(1);
  await bench.remove(tree);
});

test("a large file that cannot be made: which one, and what to do", async () => {
  const tree = join(folder, "there-already");
  mkdirSync(tree);
  await expect(bench.makeLargeFile(tree, "large", 1, {})).rejects.toMatchObject({
    code: "HPC_BENCH_TREE",
    message: expect.stringContaining(tree),
    remedy: "Name a folder with room: --folder.",
  });
});

test("a folder that has too little of names or bytes is known before", () => {
  expect(bench.shortOf(folder, { names: 1, bytes: 1 })).toBeUndefined();
  expect(bench.shortOf(folder, { names: 1, bytes: 2 ** 70 })).toBe("bytes");
  const small = bench.roomOf("small-dirs", 1000, 0);
  expect(small.names).toBe(1000);
  expect(small.bytes).toBeGreaterThan(200 * 4096); // a block to each directory
  expect(bench.roomOf("flat", 1000, 5000).bytes).toBeGreaterThan(2000 * 4096);
});

// ext4 takes 65,000 names of a file.
test("a tree of hard links has as many names as were asked for, of as few files as the filesystem takes", async () => {
  const tree = join(folder, "links");
  await bench.makeLinkTree(tree, 66_000);
  const inodes = execFileSync("find", [tree, "-type", "f", "-printf", "%i\n"], {
    maxBuffer: 2 ** 24,
  })
    .toString()
    .trim()
    .split("\n");
  expect(inodes.length).toBe(66_000);
  expect(new Set(inodes).size).toBeLessThanOrEqual(2);
});

test.each([1, 100, 5000, 123_456])(
  "a synthetic scan hands out %i entries, each with an inode of its own",
  async (count) => {
    const scanner = new bench.SyntheticScanner(count);
    const cursor = new RecordCursor();
    const inodes = new Set<bigint>();
    for (let batch = await scanner.next(); batch !== undefined; batch = await scanner.next())
      for (cursor.reset(batch.bytes); cursor.next(); )
        if (cursor.type === RecordType.ENTRY) inodes.add(cursor.exact("ino"));
    expect(inodes.size).toBe(count);
    expect(scanner.stats()).toMatchObject({ scanned: count, handedOut: count });
  },
);

test("the memory of a program is watched until it ends, and one that fails is named", async () => {
  const { signal } = new AbortController();
  const program =
    "const b = Buffer.alloc(2e8, 1); setTimeout(() => process.stdout.write(String(b[5])), 1500)";
  const run = await bench.watchMemory("big", [process.execPath, "-e", program], signal);
  expect(run.peak).toBeGreaterThan(2e8);
  expect(run.samples.length).toBeGreaterThan(1);
  expect(bench.memoryTable([run])).toMatch(/\| big \| \d+\.\d \| 2\d\d MiB \|/);
  const failed = bench.watchMemory("bad", ["false"], signal);
  await expect(failed).rejects.toMatchObject({
    code: "HPC_BENCH_FAILED",
    message: "bad ended with 1",
  });
});

test("times are compared with another contestant, too", () => {
  const standings = [
    { name: "we", seconds: [1, 2], ratios: [1, 1] },
    { name: "find", seconds: [4, 4], ratios: [4, 2] },
  ];
  const text = bench.contestTable({ title: "t", facts: "f", standings }, "find");
  expect(text).toContain("| we | 1.500 | 1 | 3.00 (2.00 to 4.00) |");
  expect(text).toContain("| find | 4.000 | 3.00 (2.00 to 4.00) | 1.00 (1.00 to 1.00) |");
});

test("median, spread, and a table whose bars in names do not break it", () => {
  expect([bench.median([3, 1, 2]), bench.median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  expect(bench.spread([1, 2, 4])).toBe("2.00 (1.00 to 4.00)");
  const standings = [{ name: "a | b", seconds: [1], ratios: [1] }];
  expect(bench.contestTable({ title: "t", facts: "f", standings })).toContain(
    "| a \\| b | 1.000 | 1 |",
  );
});
