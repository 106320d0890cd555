import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compareTrees } from "../src/parity";
import { makeLinkTree } from "../src/trees/link-tree";
import {
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  repository,
  scratch,
} from "./support";

const long = process.env["PODHEITOR_HPC_LONG"] === "1";

afterAll(cleanUp);

describe.each(chosenReleases)("Bacula %s", (release) => {
  const [entries, groups] = long ? [100_000, 3000] : [20_000, 600];
  let tree: string;
  beforeAll(() => {
    tree = join(scratch(), "tree");
    makeLinkTree(tree, entries, groups);
  });

  test("groups of 2 to 50 names, shuffled over directories, come back intact", async () => {
    const lab = await labWith(release, [pluginJob("Links", tree)], {
      pluginDir: installedPlugin(),
    });
    const job = await lab.run("Links");
    expect([job.status, job.errors, job.files]).toEqual(["ok", 0, entries]);
    const where = scratch();
    const restored = await lab.restore({ jobIds: [job.jobId], where });
    expect([restored.status, restored.errors, restored.files]).toEqual(["ok", 0, entries]);
    expect((await compareTrees(tree, join(where, tree))).report).toMatch(
      new RegExp(`^identical: ${entries} entries`),
    );
    await lab.stop();
  });
});

if (long)
  test("1,000,000 entries with 30,000 groups through the archive, in 160 MiB", async () => {
    const folder = scratch();
    const tree = join(folder, "tree");
    makeLinkTree(tree, 1_000_000, 30_000);
    const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
    const podheitor = async (...words: string[]) => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [program, ...words, "--json"],
        {
          maxBuffer: 1 << 26,
        },
      );
      return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as {
        entries: number;
        peak_rss_bytes: number;
      };
    };
    const summary = await podheitor(
      "backup",
      "--path",
      tree,
      "--archive",
      join(folder, "tree.hpc"),
    );
    process.stdout.write(
      `hard links: peak ${Math.round(summary.peak_rss_bytes / 2 ** 20)} MiB in the backup\n`,
    );
    expect(summary.entries).toBe(1_000_000);
    expect(summary.peak_rss_bytes).toBeLessThan(160 * 2 ** 20);
    await podheitor(
      "restore",
      "--archive",
      join(folder, "tree.hpc"),
      "--where",
      join(folder, "back"),
    );
    expect((await compareTrees(tree, join(folder, "back", tree))).report).toMatch(
      /^identical: 1000000 entries/,
    );
  }, 900_000);
