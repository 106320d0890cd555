import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab } from "../src";
import { compareTrees } from "../src/parity";
import { makeTree } from "../src/trees/tree";
import {
  chosenReleases,
  cleanUp,
  deleted,
  installedPlugin,
  labWith,
  onDisk,
  pluginJob,
  present,
  scratch,
  settle,
  sorted,
} from "./support";

/** What every editor does: the name stays, the inode (and so the shard) changes. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

describe.each(chosenReleases)("accurate jobs on Bacula %s", (release) => {
  let lab: BaculaLab;
  let tree: string;
  let outside: string;
  let files: readonly string[];
  let pluginDir: string;

  beforeAll(async () => {
    pluginDir = installedPlugin();
    const folder = scratch();
    tree = join(folder, "tree");
    outside = join(folder, "outside");
    writeFileSync(outside, "from elsewhere");
    utimesSync(outside, 1_000_000_000, 1_000_000_000);
    files = makeTree({ root: tree, entries: 3000 }).files;
    const shards = [0, 1, 2, 3].map((shard) =>
      pluginJob(`S${shard}`, tree, `shard=${shard}/4`, { accurate: true }),
    );
    lab = await labWith(release, [pluginJob("Whole", tree, "", { accurate: true }), ...shards], {
      pluginDir,
    });
    await settle();
  });
  afterAll(cleanUp);

  const run = async (job: string, level: "Full" | "Incremental") => {
    const result = await lab.run(job, level);
    expect([job, result.status, result.errors]).toEqual([job, "ok", 0]);
    return { id: result.jobId, rows: await lab.catalog(result.jobId) };
  };

  test("removed names are recorded as deleted, and nothing that exists", async () => {
    await run("Whole", "Full");
    await settle();
    const nothing = await run("Whole", "Incremental");
    // An mtime that lies ahead is newer than any backup.
    expect(sorted(nothing.rows.map((row) => row.name))).toEqual([
      join(tree, "peculiar/time-after-2038"),
    ]);

    const [gone = "", old = "", replaced = "", becomes = ""] = [20, 200, 700, 1000].map(
      (at) => files[at],
    );
    unlinkSync(gone);
    const moved = `${old}-moved`;
    renameSync(old, moved);
    replace(replaced, "another inode");
    const folder = join(tree, "peculiar/names-of-directories/new\nline");
    rmSync(folder, { recursive: true });
    unlinkSync(becomes);
    mkdirSync(becomes);
    const movedIn = join(tree, "moved-in"); // older than every backup, but its name is new
    renameSync(outside, movedIn);
    const { rows } = await run("Whole", "Incremental");
    // In the catalog a directory's name ends in "/": the file `becomes` is gone, the directory of
    // that name is new.
    expect(deleted(rows)).toEqual([gone, old, becomes, `${folder}/`, `${folder}/inside`].sort());
    expect(present(rows)).toEqual(
      expect.arrayContaining([moved, replaced, `${becomes}/`, movedIn]),
    );
    const folders = present(rows).filter((name) => name.endsWith("/"));
    for (const name of deleted(rows)) expect(folders).not.toContain(name);
  });

  test("a moved directory takes a name of an inode along: the names that stayed are saved again, and restored", async () => {
    const [stays, moves] = [join(tree, "links-stay"), join(tree, "links-move")];
    for (const folder of [stays, moves]) mkdirSync(folder);
    const groups = Array.from({ length: 20 }, (_, index) => `group-${index}`);
    for (const name of groups) {
      // The leader is the name that the scan meets first: in one directory or the other.
      writeFileSync(join(stays, name), `content of ${name}`);
      linkSync(join(stays, name), join(moves, name));
    }
    await settle();
    const full = await run("Whole", "Full");
    await settle();
    renameSync(moves, join(tree, "links-moved"));
    const { id, rows } = await run("Whole", "Incremental");
    expect(present(rows)).toEqual(
      expect.arrayContaining(groups.map((name) => join(stays, name)).sort()),
    );
    expect(deleted(rows)).toEqual(
      expect.arrayContaining(groups.map((name) => join(moves, name)).sort()),
    );
    const where = scratch();
    const restored = await lab.restore({ jobIds: [full.id, id], where });
    expect([restored.status, restored.errors]).toEqual(["ok", 0]);
    expect((await compareTrees(tree, join(where, tree))).report).toMatch(/^identical/);
    await settle();
    const again = await run("Whole", "Incremental");
    expect(sorted(again.rows.map((row) => row.name))).toEqual([
      join(tree, "peculiar/time-after-2038"),
    ]);
  });

  test("four shards: after removing, adding and renaming, the catalogs together are the tree", async () => {
    const shards = [0, 1, 2, 3];
    // What each chain of jobs says of a name: there, or deleted; the last job that speaks of it
    // counts.
    const chains = shards.map(() => new Map<string, boolean>());
    const generation = async (level: "Full" | "Incremental") => {
      const jobs = await Promise.all(shards.map((shard) => run(`S${shard}`, level)));
      for (const [shard, { rows }] of jobs.entries())
        for (const { name, deleted } of rows) chains[shard]?.set(name.toString("latin1"), !deleted);
      const there = new Set(
        chains.flatMap((chain) => [...chain].flatMap(([name, is]) => (is ? [name] : []))),
      );
      expect([...there].sort()).toEqual(await onDisk(tree));
      return jobs.flatMap(({ rows }) => rows);
    };
    await generation("Full");
    for (const round of [0, 1, 2]) {
      const at = (index: number) => join(tree, `union-${index}`);
      await settle();
      mkdirSync(join(at(round), "deep"), { recursive: true });
      for (let index = 0; index < 20; index++)
        writeFileSync(join(at(round), `deep/file ${index}`), `${round} ${index}`);
      linkSync(join(at(round), "deep/file 0"), join(tree, `link-${round}`));
      const victims = files.filter((_, index) => index % 100 === 60 + round);
      for (const [index, path] of victims.entries())
        if (!statSync(path, { throwIfNoEntry: false })) continue;
        else if (index % 3 === 0) unlinkSync(path);
        else if (index % 3 === 1) renameSync(path, `${path} renamed`);
        else replace(path, `replaced in round ${round}`);
      if (round > 0) {
        renameSync(at(round - 1), `${at(round - 1)}-moved`); // a tree, one name of whose links stays
        for (let index = 5; index < 10; index++)
          replace(join(at(round), `deep/file ${index}`), "again");
      }
      if (round > 1) rmSync(`${at(round - 2)}-moved`, { recursive: true });
      const rows = await generation("Incremental");
      expect(deleted(rows).length).toBeGreaterThan(0);
    }
  });

  test("with four shards a replaced file stays, in whatever order the jobs end", async () => {
    const fulls = await Promise.all([0, 1, 2, 3].map((shard) => run(`S${shard}`, "Full")));
    const jobIds = fulls.map((full) => full.id);
    const victims = files
      .filter((_, index) => index % 200 === 50)
      .filter((path) => statSync(path, { throwIfNoEntry: false }));
    expect(victims.length).toBeGreaterThan(8);
    for (const [round, order] of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [2, 0, 3, 1],
    ].entries()) {
      await settle();
      for (const path of victims) replace(path, `round ${round} of ${path}`);
      const gone = files[1200 + round] ?? "";
      unlinkSync(gone);
      const rows = [];
      for (const shard of order) {
        const job = await run(`S${shard}`, "Incremental");
        jobIds.push(job.id);
        rows.push(...job.rows);
      }
      expect(deleted(rows)).toEqual([gone]);
      expect(present(rows)).toEqual(expect.arrayContaining([...victims].sort()));
      const where = scratch();
      expect((await lab.restore({ jobIds, where })).status).toBe("ok");
      for (const path of victims)
        expect(readFileSync(join(where, path), "utf8")).toBe(`round ${round} of ${path}`);
      const parity = await compareTrees(tree, join(where, tree));
      expect(parity.report).toMatch(/^identical/);
    }
  });
});
