import { mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab, Level } from "../src";
import { command } from "../src/command";
import { compareTrees } from "../src/parity";
import { makeTree } from "../src/trees/tree";
import {
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  podheitor,
  repository,
  scratch,
  settle,
} from "./support";

interface Planned {
  readonly jobids: readonly number[];
  readonly command: string;
}

describe.each(chosenReleases)("restore-plan on Bacula %s", (release) => {
  const shards = [0, 1, 2, 3];
  let lab: BaculaLab;
  let tree: string;
  let files: readonly string[];

  beforeAll(async () => {
    tree = join(scratch(), "tree");
    files = makeTree({ root: tree, entries: 1500 }).files;
    const jobs = [...shards.map((shard) => [shard, 4] as const), [0, 3] as const].map(
      ([shard, count]) =>
        pluginJob(`tree-${shard}-of-${count}`, tree, `shard=${shard}/${count}`, { accurate: true }),
    );
    lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
  });
  afterAll(cleanUp);

  const plan = async (...words: string[]) => {
    const catalog = join(lab.folder, "work/bacula.db");
    const said = await podheitor(
      "restore-plan",
      "--job-prefix",
      "tree",
      "--catalog",
      catalog,
      "--json",
      ...words,
    );
    return JSON.parse(said.trimEnd().split("\n").at(-1) ?? "") as Planned;
  };

  /** Saves the tree, and keeps a copy and the second by which all jobs had ended. */
  async function generation(level: Level): Promise<{ copy: string; end: number }> {
    await settle();
    const ids = await Promise.all(shards.map((shard) => lab.start(`tree-${shard}-of-4`, level)));
    for (const result of await Promise.all(ids.map((id) => lab.wait(id))))
      expect([result.status, result.errors]).toEqual(["ok", 0]);
    const end = Math.floor(Date.now() / 1000);
    const copy = join(scratch(), "copy");
    await command(["cp", "-a", tree, copy]);
    await settle(); // the next generation's jobs end later
    return { copy, end };
  }

  test("brings back the tree of each of three generations", async () => {
    const generations = [await generation("Full")];
    for (const [round, level] of (["Incremental", "Differential"] as const).entries()) {
      for (const path of files.filter((_, index) => index % 50 === 10 + round)) unlinkSync(path);
      for (const path of files.filter((_, index) => index % 50 === 20 + round))
        renameSync(path, `${path}-moved`);
      for (const path of files.filter((_, index) => index % 50 === 30 + round))
        writeFileSync(path, `round ${round}`);
      mkdirSync(join(tree, `new ${round}`));
      writeFileSync(join(tree, `new ${round}`, "file"), "new");
      generations.push(await generation(level));
    }
    expect((await plan()).jobids).toHaveLength(8); // Full and Differential of four shards
    for (const [index, { copy, end }] of generations.entries()) {
      const where = scratch();
      const { command: words, jobids } = await plan(
        "--before",
        String(end),
        "--where",
        where,
        "--restore-job",
        "Rest",
      );
      expect(jobids).toHaveLength(index === 0 ? 4 : 8);
      const answer = await lab.console(words);
      const restored = await lab.wait(Number(/JobId=(\d+)/.exec(answer)?.[1]));
      expect([restored.status, restored.errors]).toEqual(["ok", 0]);
      const { report } = await compareTrees(copy, join(where, tree));
      expect([index, report]).toEqual([index, expect.stringMatching(/^identical/)]);
      rmSync(where, { recursive: true });
    }
  });

  test("a shard without a Full is named, and nothing is planned", async () => {
    const folder = scratch();
    const copy = join(folder, "bacula.db");
    await command(["sqlite3", join(lab.folder, "work/bacula.db"), `.backup ${copy}`]);
    await command(["sqlite3", copy, "UPDATE Job SET JobStatus = 'f' WHERE Name = 'tree-2-of-4'"]);
    const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
    const argv = [
      process.execPath,
      program,
      "restore-plan",
      "--job-prefix",
      "tree",
      "--catalog",
      copy,
    ];
    const { stdout, stderr } = await command(argv, { accept: [1] });
    expect(stdout.toString()).toBe("");
    expect(stderr.toString()).toMatch(/no good Full of tree-2-of-4/);
  });
});
