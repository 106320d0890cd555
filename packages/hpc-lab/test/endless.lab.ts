import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { LabFs } from "../src/labfs";
import { atCleanUp, cleanUp, repository, scratch } from "./support";

/* A file that has no end: each read brings as much again as it takes. */

afterAll(cleanUp);

test("is saved to the size that it had, named, and the exit status is 3", async () => {
  const size = 4 * 2 ** 20 + 5;
  const folder = scratch();
  const below = join(folder, "below");
  mkdirSync(below);
  writeFileSync(join(below, "endless"), Buffer.alloc(size, "seen"));
  writeFileSync(join(below, "other"), Buffer.alloc(size, "other"));
  const labFs = await LabFs.start(below, join(folder, "mount"));
  atCleanUp(() => labFs.stop());
  labFs.rule(`read append ${2 ** 20} times 0 : /endless`);

  const archive = join(folder, "a.hpc");
  const run = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs"), ...args],
      {
        ...{ encoding: "utf8", timeout: 60_000 },
      },
    );
  const backup = run("backup", "--path", labFs.mount, "--archive", archive, "--json");
  const objects = backup.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  const text = `${labFs.mount}/endless: grew while it was read: the first ${size} bytes are saved`;
  expect(objects).toEqual([
    { message: { level: "warning", text } },
    expect.objectContaining({
      files: 2,
      torn: 1,
      failed: 0,
      incomplete: 0,
      bytes: 2 * size,
      warnings: 1,
    }),
  ]);
  expect(backup.status).toBe(3);
  expect(statSync(join(below, "endless")).size).toBeGreaterThan(size);

  const where = join(folder, "back");
  expect(run("restore", "--archive", archive, "--where", where)).toMatchObject({ status: 0 });
  expect(readFileSync(join(where, labFs.mount, "endless")).equals(Buffer.alloc(size, "seen"))).toBe(
    true,
  );
}, 120_000);
