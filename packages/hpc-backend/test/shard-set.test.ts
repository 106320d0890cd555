import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ShardSet } from "../src/job/shard-set";
import { Unseen } from "../src/job/unseen";

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "hpc-shard-set-"));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const setOf = (
  index: number,
  count: number,
  strategy: "inode-hash" | "mtime-bucket" = "inode-hash",
  path = "/a b\n",
) => new ShardSet({ paths: [Buffer.from(path)], strategy }, { index, count }, state);

test("the id is the same in all shards and differs with the strategy, N and the paths", () => {
  expect(setOf(0, 4).id).toBe(setOf(3, 4).id);
  expect(setOf(0, 4).id).toMatch(/^[0-9a-f]{16}$/);
  const ids = [
    setOf(0, 4),
    setOf(0, 5),
    setOf(0, 4, "mtime-bucket"),
    setOf(0, 4, "inode-hash", "/b"),
  ].map(({ id }) => id);
  expect(new Set(ids).size).toBe(4);
  expect(setOf(2, 4).description).toMatch(/^shard 2 of 4 .* strategy inode-hash, paths \/a b/);
  expect(setOf(2, 4).description).not.toContain("\n");
});

/** Starts and ends a job; returns what it warned of. */
function run(set: ShardSet, at: number): string[] {
  const said = set.start(at);
  set.completed(at + 10);
  for (const { level, text } of said)
    expect(level).toBe(/no new backup/.test(text) ? "error" : "warning");
  return said.map(({ text }) => text);
}

test("generations in any order are not warned about", () => {
  for (const [generation, order] of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ].entries()) {
    for (const [turn, shard] of order.entries())
      expect(run(setOf(shard, 3), 1000 + generation * 1000 + turn * 100)).toEqual([]);
  }
});

test("a shard that is missing is named: at once if it never ran, and after two generations if it did", () => {
  run(setOf(0, 3), 1000);
  run(setOf(1, 3), 1100);
  expect(run(setOf(0, 3), 2000)).toEqual([
    expect.stringMatching(
      /^of the 2 other shards of this set 1 has no new .*: 2\/3 never completed here$/,
    ),
  ]);
  run(setOf(2, 3), 2200);
  run(setOf(0, 3), 3000);
  expect(run(setOf(0, 3), 4000)).toEqual([
    expect.stringMatching(/: 1\/3 not completed since 1970-01-01T00:18:30/),
  ]);
});

test("many missing shards make one message, which counts them", () => {
  run(setOf(0, 100), 1000);
  const [said = "", ...more] = run(setOf(0, 100), 2000);
  expect(more).toEqual([]);
  expect(said).toMatch(
    /^of the 99 other shards of this set 99 have no new backup.*: 1\/100 .*; 8\/100 never completed here; …$/,
  );
});

test("shards of another N or strategy of the same paths", () => {
  run(setOf(0, 3), 1000);
  expect(run(setOf(1, 4), 1100)).toEqual([expect.stringContaining("shards of 3 by inode-hash")]);
  expect(run(setOf(0, 2, "inode-hash", "/other"), 1200)).toEqual([]);
});

test("its files are private; damaged ones and a place that cannot be written are passed over", () => {
  run(setOf(0, 2), 1000);
  const directory = join(state, "shard-sets", readdirSync(join(state, "shard-sets"))[0] ?? "");
  const [file = ""] = readdirSync(directory);
  expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
  writeFileSync(join(directory, file), "{");
  writeFileSync(join(directory, "inode-hash.2.1.json"), '{"version":1,"shard":null}');
  expect(run(setOf(0, 2), 2000)).toEqual([]);
  const none = new ShardSet(
    { paths: [Buffer.from("/a")], strategy: "inode-hash" },
    { index: 0, count: 2 },
    "/proc/none",
  );
  expect(none.start(1)).toEqual([]);
  none.completed(2);
});

test("what the first release left is read", () => {
  cpSync(join(__dirname, "../testdata/state-1"), state, { recursive: true });
  for (const directory of [".", "unseen", "shard-sets", "shard-sets/*"])
    for (const name of directory.endsWith("*") ? readdirSync(join(state, "shard-sets")) : [""])
      chmodSync(join(state, directory.replace("*", ""), name), 0o700);
  const [said = ""] = run(setOf(0, 3), 3000);
  expect(said).toMatch(/1\/3 never completed here; 2\/3 never completed here$/);
  const paths = [Buffer.from("/lustre/a")];
  const unseen = new Unseen({ paths, strategy: "none", shard: undefined }, state);
  expect(unseen.of("Full.1")).toEqual({
    paths: [Buffer.from("/lustre/a/striped"), Buffer.from([0x2f, 0xff, 0x0a])],
    all: false,
  });
});

test("a directory where others can write is said, and not believed", () => {
  run(setOf(0, 2), 1000);
  chmodSync(state, 0o777);
  expect(setOf(0, 2).start(2000)).toEqual([
    {
      level: "warning",
      text: expect.stringMatching(/others can write .*chmod go-w.*HPC_STATE_DIR/),
    },
  ]);
});
