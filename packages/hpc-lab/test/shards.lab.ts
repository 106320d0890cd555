import { chmodSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab, CatalogRow, Level } from "../src";
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
  settle,
} from "./support";

const shards = [0, 1, 2, 3];

describe.each(chosenReleases)("four shards of one tree on Bacula %s", (release) => {
  let lab: BaculaLab;
  let tree: string;
  let files: readonly string[];
  const jobIds: number[] = [];

  beforeAll(async () => {
    tree = join(scratch(), "tree");
    files = makeTree({ root: tree, entries: 5000 }).files;
    const jobs = shards.map((shard) => pluginJob(`S${shard}`, tree, `shard=${shard}/4`));
    lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
    await settle();
  });
  afterAll(cleanUp);

  /** All four at once in the one File Daemon. */
  async function runAll(level: Level): Promise<CatalogRow[][]> {
    const ids = await Promise.all(shards.map((shard) => lab.start(`S${shard}`, level)));
    const results = await Promise.all(ids.map((id) => lab.wait(id)));
    expect(results.map(({ status, errors }) => ({ status, errors }))).toEqual(
      shards.map(() => ({ status: "ok", errors: 0 })),
    );
    jobIds.push(...ids);
    return Promise.all(ids.map((id) => lab.catalog(id)));
  }

  test("together they are the tree, no entry is in two of them, hard links stay together", async () => {
    const catalogs = await runAll("Full");
    expect(present(catalogs.flat())).toEqual(await onDisk(tree)); // sorted with repetitions: twice would differ
    for (const rows of catalogs) expect(rows.length).toBeGreaterThan(entriesAtLeast);

    for (const rows of catalogs) {
      const names = new Map(rows.map((row) => [row.fileIndex, row]));
      for (const row of rows.filter(({ attributes }) => attributes.linkFileIndex !== 0)) {
        expect(names.get(row.attributes.linkFileIndex)?.attributes.ino).toBe(row.attributes.ino);
      }
    }
    const where = scratch();
    expect((await lab.restore({ jobIds, where })).status).toBe("ok");
    expect((await compareTrees(tree, join(where, tree))).report).toMatch(
      /^identical: 5000 entries/,
    );
  });

  /** Inode numbers are spread evenly: none of the four gets less than a tenth of its quarter. */
  const entriesAtLeast = 125;

  test("an incremental picks up exactly what was touched, changed, renamed and added", async () => {
    await settle();
    const [content = "", touched = "", mode = "", moved = "", old = ""] = [
      100, 400, 900, 1500, 2500,
    ].map((at) => files[at]);
    writeFileSync(content, "new content");
    utimesSync(touched, new Date(), new Date());
    chmodSync(mode, 0o600);
    const renamed = `${moved}-renamed`;
    renameSync(moved, renamed); // moves ctime
    const added = join(tree, "added");
    mkdirSync(added);
    writeFileSync(join(added, "new\nfile"), readFileSync(old));
    writeFileSync(join(tree, "empty-new"), "");

    await settle();
    const parents = [join(moved, ".."), tree].map((path) => `${path}/`);
    // Changed since whatever point in time, as long as its mtime lies ahead.
    const future = join(tree, "peculiar/time-after-2038");
    const expected = [
      future,
      content,
      touched,
      mode,
      renamed,
      `${added}/`,
      join(added, "new\nfile"),
      join(tree, "empty-new"),
    ];
    const rows = (await runAll("Incremental")).flat();
    expect(present(rows)).toEqual([...expected, ...parents].sort());

    await settle();
    expect(present((await runAll("Incremental")).flat())).toEqual([future]);
  });
});
