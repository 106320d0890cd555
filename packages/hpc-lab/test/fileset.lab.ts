import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab, LabJob } from "../src";
import { makeTree } from "../src/trees/tree";
import { chosenReleases, cleanUp, installedPlugin, labWith, pluginJob, scratch } from "./support";

const bad: readonly [job: string, keys: (tree: string) => string, says: RegExp][] = [
  ["UnknownKey", (tree) => `path=${tree};speed=9`, /Fatal error: .*speed/],
  ["ShardTooLarge", (tree) => `path=${tree};shard=4/4`, /Fatal error: .*shard/],
  ["ShardNotANumber", (tree) => `path=${tree};shard=a/b`, /Fatal error: .*shard/],
  ["UnknownMode", (tree) => `path=${tree};mode=zfs`, /Fatal error: .*mode/],
  ["BadInline", (tree) => `path=${tree};inline_kib=many`, /Fatal error: .*inline_kib/],
  ["NoPath", () => "shard=0/4", /Fatal error: .*path/],
  ["RelativePath", () => "path=some/where", /Fatal error: .*path/],
  [
    "MissingPath",
    () => "path=/there/is/no/such/tree",
    /Fatal error: .*\/there\/is\/no\/such\/tree/,
  ],
  ["OpenQuote", (tree) => `path="${tree}`, /Fatal error: .*(quote|")/],
];

describe.each(chosenReleases)("FileSets on Bacula %s", (release) => {
  let lab: BaculaLab;
  const entries = 2000;

  beforeAll(async () => {
    const tree = join(scratch(), "tree");
    makeTree({ root: tree, entries });
    const jobs: LabJob[] = bad.map(([name, keys]) => ({
      name,
      plugins: [`podheitor-hpc:${keys(tree)}`],
    }));
    const two: LabJob = {
      name: "Two",
      plugins: [0, 1].map((shard) => `podheitor-hpc:path=${tree};shard=${shard}/2`),
    };
    lab = await labWith(release, [...jobs, two, pluginJob("Good", tree)], {
      pluginDir: installedPlugin(),
    });
  });
  afterAll(cleanUp);

  test("a bad plugin string fails the job with a message that names the key, and nothing else", async () => {
    const started = await Promise.all(bad.map(([job]) => lab.start(job)));
    const results = await Promise.all(started.map((jobId) => lab.wait(jobId)));
    for (const [index, [job, , says]] of bad.entries()) {
      const result = results[index];
      expect([job, result?.status, result?.files]).toEqual([job, "failed", 0]);
      expect(result?.messages).toMatch(says);
    }
    expect(lab.fdAlive).toBe(true);
    expect((await lab.run("Good")).status).toBe("ok");
  });

  test("estimate counts every entry and reads nothing", async () => {
    const estimate = await lab.estimate("Good");
    expect(estimate.files).toBe(entries);
  });

  test("an estimate of a bad plugin string says what is wrong", async () => {
    const { text } = await lab.estimate("UnknownKey");
    expect(text + (await lab.console("messages"))).toMatch(/speed/);
  });

  test("two Plugin lines of one job add up to the tree", async () => {
    const job = await lab.run("Two");
    expect([job.status, job.files]).toEqual(["ok", entries]);
  });
});
