import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { makeBenchTree } from "@podheitor/hpc-bench";
import { LabFs } from "../src/labfs";
import { atCleanUp, cleanUp, onDisk, runBackend, scratch } from "./support";

const ENTRIES = 24_000; // half of them after it is fast again, so that all can come back
const THREADS = 8;
/**
 * Stats and openings that go well before the filesystem grows slow, and that are slow then: four
 * windows of 256 that the engine looks at, and some.
 */
const [FAST, SLOW] = [2000, 1100];

afterAll(cleanUp);

test("a scan gives way to a filesystem that grows slow in the middle of it, and comes back when that has passed", async () => {
  const below = join(scratch(), "below");
  await makeBenchTree(below, "ordinary", ENTRIES, 100);
  const labFs = await LabFs.start(below, join(scratch(), "mount"));
  atCleanUp(() => labFs.stop());
  labFs.rule(`getattr,open delay 10 after ${FAST} times ${SLOW} : /*`);

  const run = await runBackend(
    `--path=${labFs.mount}`,
    `--threads=${THREADS}`,
    "--back-off=yes",
    "--xattrs=no",
  );

  expect(labFs.state().hits).toEqual([SLOW]);
  const said = run.messages.filter((text) => text.includes("scan"));
  expect(said[0]).toMatch(
    new RegExp(`answers much slower than it did: [1-4] of ${THREADS} scan threads go on`),
  );
  const [, least, end] = /down to (\d) of 8 threads; (\d) at its end/.exec(said.join("\n")) ?? [];
  expect(Number(least)).toBeLessThanOrEqual(2);
  expect(Number(end)).toBeGreaterThan(Number(least)); // they come back one by one
  expect(run.entries).toBe((await onDisk(below)).length);
});

test("with back-off=no all threads go on", async () => {
  const below = join(scratch(), "below");
  await makeBenchTree(below, "ordinary", ENTRIES / 4, 100);
  const labFs = await LabFs.start(below, join(scratch(), "mount"));
  atCleanUp(() => labFs.stop());
  labFs.rule(`getattr,open delay 10 after ${FAST / 4} times ${SLOW} : /*`);
  const run = await runBackend(
    `--path=${labFs.mount}`,
    `--threads=${THREADS}`,
    "--back-off=no",
    "--xattrs=no",
  );
  expect(labFs.state().hits).toEqual([SLOW]);
  expect(run.entries).toBe((await onDisk(below)).length);
  expect(run.messages.join("\n")).not.toContain("slow");
});
