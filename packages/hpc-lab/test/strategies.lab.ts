import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab } from "../src";
import { compareTrees } from "../src/parity";
import { makeTree } from "../src/trees/tree";
import {
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  onDisk,
  pluginJob,
  present,
  scratch,
} from "./support";

const DAY = 86_400;
const MDT_COUNT = 2;

describe.each(chosenReleases)("strategies beside inode-hash on Bacula %s", (release) => {
  let lab: BaculaLab;
  let tree: string;
  let dated: string[];
  const buckets = [0, 1, 2].map((shard) => `Day${shard}`);
  const mdts = [0, 1].map((shard) => `Mdt${shard}`);

  beforeAll(async () => {
    const parent = scratch();
    tree = join(parent, "tree");
    const { files } = makeTree({ root: tree, entries: 1000 });
    const now = Math.floor(Date.now() / 1000);
    dated = files.slice(0, 400);
    for (const [at, file] of dated.entries()) utimesSync(file, now, now - (2 + (at % 9)) * DAY);
    // What no job saves.
    mkdirSync(join(parent, "newcomer"));
    writeFileSync(join(parent, "known"), "");
    const partOf = `tree=${parent};other-path=${parent}/known`;
    lab = await labWith(
      release,
      [
        ...buckets.map((name, shard) =>
          pluginJob(name, tree, `strategy=mtime-bucket;shard=${shard}/3`),
        ),
        ...mdts.map((name, shard) =>
          pluginJob(
            name,
            tree,
            `strategy=subtree+lustre-mdt;shard=${shard}/${MDT_COUNT};${partOf}`,
          ),
        ),
      ],
      { pluginDir: installedPlugin() },
    );
  });
  afterAll(cleanUp);

  async function run(names: readonly string[]) {
    const ids = await Promise.all(names.map((name) => lab.start(name)));
    const results = await Promise.all(ids.map((id) => lab.wait(id)));
    expect(results.map(({ status, errors }) => [status, errors])).toEqual(
      names.map(() => ["ok", 0]),
    );
    const catalogs = await Promise.all(ids.map((id) => lab.catalog(id)));
    return { ids, results, names: catalogs.map(present) };
  }

  async function restored(jobIds: readonly number[]): Promise<string> {
    const where = scratch();
    expect((await lab.restore({ jobIds, where })).status).toBe("ok");
    return (await compareTrees(tree, join(where, tree))).report;
  }

  test("mtime-bucket: nothing is missing, what is old is in one job, and the jobs together restore the tree", async () => {
    const { ids, names, results } = await run(buckets);
    expect([...new Set(names.flat())].sort()).toEqual((await onDisk(tree)).sort());
    const saved = names.flat();
    for (const file of dated)
      expect([file, saved.filter((name) => name === file).length]).toEqual([file, 1]);
    for (const { messages } of results)
      expect(messages).toContain("mtime-bucket: entries modified since");
    expect(await restored(ids)).toMatch(/^identical: 1000 entries/);
  });

  test("lustre-mdt without MDTs splits by inode and says so; the log names what no job of the tree saves", async () => {
    const { ids, names, results } = await run(mdts);
    expect(names.flat().sort()).toEqual((await onDisk(tree)).sort());
    for (const { messages } of results) {
      expect(messages).toContain("there is no information about MDTs here");
      expect(messages).toContain(`no job saves ${dirname(tree)}/newcomer:`);
    }
    expect(await restored(ids)).toMatch(/^identical: 1000 entries/);
  });
});
