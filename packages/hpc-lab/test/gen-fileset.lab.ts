import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { EntryKind, kindOfMode } from "@podheitor/hpc-wire";
import type { BaculaLab } from "../src";
import { compareTrees } from "../src/parity";
import { makeTree } from "../src/trees/tree";
import {
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  onDisk,
  podheitor,
  present,
  scratch,
} from "./support";

/**
 * A path that every quoting on its way has to survive: Bacula's, the plugin string's, and none at
 * all.
 */
const oddName = `odd "quoted" back\\slash;semi colon=# {brace} ü ${"long".repeat(50)}`;
const existing = ["--client", "lab-fd", "--storage", "File", "--messages", "Std"];
const topologies = [
  ["--topology", "pool"],
  ["--topology", "max-volume-jobs"],
  ["--topology", "storage", "--storage", "File,File"],
  ["--topology", "storage", "--pool", "Default"],
];

describe.each(chosenReleases)("generated configuration on Bacula %s", (release) => {
  let lab: BaculaLab;
  let tree: string;

  const generate = async (folder: string, ...words: string[]): Promise<string[]> => {
    // The last of an option given twice would be an error: a topology's own Storage replaces the
    // usual one.
    const rest = words.includes("--storage")
      ? existing.filter((_, at) => at !== 2 && at !== 3)
      : existing;
    await podheitor(
      "gen-fileset",
      "--path",
      tree,
      "--output",
      folder,
      "--job-prefix",
      "odd",
      ...rest,
      ...words,
    );
    return readdirSync(folder).map((name) => join(folder, name));
  };

  beforeAll(async () => {
    tree = join(scratch(), oddName);
    mkdirSync(tree);
    makeTree({ root: join(tree, "tree"), entries: 2000 });
    const includes = await generate(join(scratch(), "conf"), "--shards", "4");
    lab = await labWith(release, [], { pluginDir: installedPlugin(), includes });
  });
  afterAll(cleanUp);

  test("the Director takes 1, 2, 4 and 8 shards in every topology, and twice is the same to the byte", async () => {
    const trial = await labWith(release, []); // whose own configuration does not include the names yet
    for (const shards of ["1", "2", "4", "8"])
      for (const topology of topologies) {
        const [one, two] = [join(scratch(), "conf"), join(scratch(), "conf")];
        const files = await generate(one, "--shards", shards, ...topology);
        expect(files).toHaveLength(Number(shards) + 1);
        expect([shards, topology, await trial.testDirector(files)]).toEqual([shards, topology, ""]);
        const again = await generate(two, "--shards", shards, ...topology);
        expect(again.map((file) => readFileSync(file))).toEqual(
          files.map((file) => readFileSync(file)),
        );
      }
    const broken = join(scratch(), "broken.conf");
    symlinkSync("/dev/null/none", broken);
    expect(await trial.testDirector([broken])).toMatch(/exit 1/); // so that a check that says nothing means something
    await trial.stop();
  });

  test("four jobs run at once as probed, each on volumes of its own; one console command restores the tree", async () => {
    const names = [0, 1, 2, 3].map((shard) => `odd-${shard}-of-4`);
    const ids = await Promise.all(names.map((name) => lab.start(name)));
    const results = await Promise.all(ids.map((id) => lab.wait(id)));
    expect(results.map(({ status, errors }) => [status, errors])).toEqual(
      names.map(() => ["ok", 0]),
    );
    const catalogs = await Promise.all(ids.map((id) => lab.catalog(id)));
    expect(present(catalogs.flat())).toEqual(await onDisk(tree));
    // What shard-probe said beforehand is what the jobs saved.
    const probed = JSON.parse(
      (await podheitor("shard-probe", "--path", tree, "--shards", "4", "--json")).trim(),
    ) as {
      shards: { entries: number; bytes: number }[];
    };
    expect(probed.shards.map(({ entries }) => entries)).toEqual(results.map(({ files }) => files));
    const saved = catalogs.map((rows) =>
      rows
        .filter(
          ({ attributes: { mode, linkFileIndex } }) =>
            kindOfMode(mode) === EntryKind.REGULAR && linkFileIndex === 0,
        )
        .reduce((sum, { attributes }) => sum + Number(attributes.size), 0),
    );
    expect(probed.shards.map(({ bytes }) => bytes)).toEqual(saved);
    for (const [shard, id] of ids.entries())
      for (const volume of await lab.volumes(id))
        expect(volume).toMatch(new RegExp(`^Shard-${shard}-`));

    const where = scratch();
    expect((await lab.restore({ jobIds: ids, where })).status).toBe("ok");
    // sha256sum and its like print such a path escaped: they look through links with plain names.
    const [one, two] = [join(scratch(), "one"), join(scratch(), "two")];
    symlinkSync(tree, one);
    symlinkSync(join(where, tree), two);
    const compared = await compareTrees(`${one}/tree`, `${two}/tree`);
    expect(compared.report).toMatch(/^identical: 2000 entries/);
  });
});
