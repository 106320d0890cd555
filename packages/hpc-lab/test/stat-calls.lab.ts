import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { makeBenchTree } from "@podheitor/hpc-bench";
import { dropCache } from "@podheitor/hpc-walker";
import { command } from "../src/command";
import { atCleanUp, backendName, cleanUp, repository, scratch } from "./support";

afterAll(cleanUp);

/* An entry of another shard costs a name in a listing, and no stat: of inodes whose number readdir tells, as on tmpfs. */

test("four shards together stat hardly more than one job does", async () => {
  execFileSync("make", ["-s", "-C", join(repository, "shim-c/latency")]);
  const folder = mkdtempSync("/dev/shm/hpc-stat-calls-");
  atCleanUp(() => rmSync(folder, { recursive: true }));
  const tree = join(folder, "tree");
  await makeBenchTree(tree, "ordinary", 20_000, 0);
  const whole = await callsOf(tree);
  expect(whole.stats).toBeGreaterThanOrEqual(20_000);
  let shards = 0;
  for (const k of [0, 1, 2, 3]) shards += (await callsOf(tree, `--shard=${k}/4`)).stats;
  expect(shards / whole.stats).toBeLessThanOrEqual(1.1);
});

test("a small file among small files costs one call that names it", async () => {
  execFileSync("make", ["-s", "-C", join(repository, "shim-c/latency")]);
  const tree = join(scratch(), "tree");
  await makeBenchTree(tree, "ordinary", 20_000, 100);
  const { stats, others } = await callsOf(tree, "--xattrs=no");
  expect(stats + others).toBeGreaterThanOrEqual(20_000);
  expect(stats + others).toBeLessThanOrEqual(1.1 * 20_000);
});

test("small files that are not in the page cache are asked for before they are read", async () => {
  execFileSync("make", ["-s", "-C", join(repository, "shim-c/latency")]);
  const tree = join(scratch("/var/tmp"), "tree"); // on a disk: what lies on tmpfs is always in the page cache
  await makeBenchTree(tree, "ordinary", 20_000, 1000);
  execFileSync("sync", ["-f", tree]);
  for (const { name, parentPath } of readdirSync(tree, {
    recursive: true,
    withFileTypes: true,
  }).filter((one) => one.isFile())) {
    const fd = openSync(join(parentPath, name), "r");
    dropCache(fd, 0, 0);
    closeSync(fd);
  }
  const { stats, others } = await callsOf(tree, "--xattrs=no");
  expect(stats + others).toBeGreaterThan(1.5 * 20_000); // one call names it, another asks for it
});

/**
 * How many stats and other operations the backend's job takes, as a preloaded library counts them.
 */
async function callsOf(
  tree: string,
  ...keys: string[]
): Promise<{ stats: number; others: number }> {
  const counted = join(scratch(), "counted");
  const env = {
    LD_PRELOAD: join(repository, "shim-c/latency/build/latency.so"),
    LATENCY_US: "0",
    LATENCY_BELOW: tree,
    LATENCY_COUNT: counted,
  };
  const program = join(repository, "packages/hpc-backend/dist", `${backendName}.cjs`);
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  await command(["env", ...set, process.execPath, program, "backup", `--path=${tree}`, ...keys]);
  const [stats = 0, others = 0] = readFileSync(counted, "utf8").split(" ").map(Number);
  return { stats, others };
}
