import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { OddTree, view } from "../test/odd-tree";
import { runCommand } from "./testing";
import { escapeName } from "./text/escape";

/* `backup` in shards: several archives that together are the tree. */

// On a busy machine it takes its time.
jest.setTimeout(60_000);

const tree = new OddTree();
const backup = (archive: string, ...more: string[]) =>
  runCommand(["backup", "--path", tree.path, "--archive", archive, ...more]);

test("shards are written at once and together are the tree", async () => {
  const { code, objects, stderr } = await backup(tree.archive, "--shards", "3", "--json");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(objects.at(-1)).toMatchObject({ entries: 9, files: 4, directories: 3, bytes: 3_000_008 });
  expect(readdirSync(tree.work).sort()).toEqual(["a.0-of-3.hpc", "a.1-of-3.hpc", "a.2-of-3.hpc"]);
  const where = join(tree.work, "back");
  const restore = await runCommand([
    "restore",
    ...[2, 0, 1].flatMap((k) => ["--archive", join(tree.work, `a.${k}-of-3.hpc`)]),
    "--where",
    where,
  ]);
  expect([restore.code, restore.stderr]).toEqual([0, ""]);
  expect(view(join(where, tree.path))).toBe(view(tree.path));
});

test("shards one by one: --shard K/N", async () => {
  const entries = [];
  for (const k of [0, 1]) {
    const { objects } = await backup(join(tree.work, `${k}`), "--shard", `${k}/2`, "--json");
    entries.push(Number(objects.at(-1)?.["entries"]));
  }
  expect(entries.reduce((a, b) => a + b)).toBe(9);
});

test("a shard that fails is named, and the others stay", async () => {
  mkdirSync(join(tree.work, "a.1-of-2.hpc"));
  const { code, stderr } = await backup(tree.archive, "--shards", "2");
  expect(stderr).toMatch(
    /1 of 2 shards failed \(.*a\.1-of-2\.hpc\): .*--shard K\/2\. \[HPC_SHARDS_INCOMPLETE\]\n$/,
  );
  expect(code).toBe(1);
  expect(existsSync(join(tree.work, "a.0-of-2.hpc"))).toBe(true);
});

test("a restore of some shards alone says which ones are missing, and so does a list", async () => {
  await backup(tree.archive, "--shards", "3");
  const restore = (...shards: number[]) =>
    runCommand([
      "restore",
      ...shards.flatMap((k) => ["--archive", join(tree.work, `a.${k}-of-3.hpc`)]),
      "--where",
      join(tree.work, `back-${shards.join("-")}`),
    ]);
  const one = await restore(1);
  expect(one.code).toBe(3);
  expect(one.stderr).toContain(
    `warning: what belongs to shard 0/3 and 2/3 of ${escapeName(Buffer.from(tree.path))} is not`,
  );
  expect((await restore(2, 0)).stderr).toContain("what belongs to shard 1/3 of ");
  expect(await restore(2, 0, 1)).toMatchObject({ code: 0, stderr: "" });
  const list = await runCommand(["list", "--archive", join(tree.work, "a.0-of-3.hpc")]);
  expect(list).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("archives of shard 1/3 and 2/3 of "),
  });
});
