import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { allocatedBytes, compareTrees } from "../src/parity";
import { makeTree } from "../src/trees/tree";
import {
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  onDisk,
  pluginJob,
  present,
  repository,
  scratch,
} from "./support";

const sparse = 3 * 2 ** 30;
/** Through Bacula; the long tier shows as many as the archive does. */
const throughBacula = process.env["PODHEITOR_HPC_LONG"] === "1" ? 100_000 : 30_000;

function treeOf(entries: number): string {
  const tree = join(scratch(), "tree");
  makeTree({ root: tree, entries, sparse });
  return tree;
}
afterAll(cleanUp);

async function expectSame(tree: string, restored: string, entries: number): Promise<void> {
  const parity = await compareTrees(tree, restored);
  expect(parity.report).toMatch(new RegExp(`^identical: ${entries} entries`));
}

test("100,000 entries of every kind go through the archive and come back identical", async () => {
  const entries = 100_000;
  const tree = treeOf(entries);
  const folder = scratch();
  const archive = join(folder, "tree.hpc");
  const where = join(folder, "restored");
  const command = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const run = async (...words: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [command, ...words, "--json"], {
      maxBuffer: 1 << 26,
    });
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, number>;
  };
  const summary = await run("backup", "--path", tree, "--archive", archive);
  expect(summary).toMatchObject({ entries, failed: 0, vanished: 0, filtered: 0 });
  await run("restore", "--archive", archive, "--where", where);
  await expectSame(tree, join(where, tree), entries);
});

describe.each(chosenReleases)("Bacula %s", (release) => {
  const entries = throughBacula;
  let tree: string;
  beforeAll(() => {
    tree = treeOf(entries);
  });

  test("entries of every kind come back identical, and the catalog names are those that find prints", async () => {
    // Compression as a site would have it; here it also keeps the volume from holding 3 GiB of
    // zeros.
    const options = ["signature = MD5", "compression = LZO"];
    const lab = await labWith(release, [pluginJob("Plugin", tree, "", { options })], {
      pluginDir: installedPlugin(),
    });
    const job = await lab.run("Plugin");
    expect([job.status, job.letter, job.errors, job.files]).toEqual(["ok", "T", 0, entries]);
    const rows = await lab.catalog(job.jobId);
    expect(present(rows)).toEqual(await onDisk(tree));
    expect(rows.filter((row) => row.deleted)).toEqual([]);

    const where = scratch();
    const restored = await lab.restore({ jobIds: [job.jobId], where });
    expect([restored.status, restored.errors, restored.files]).toEqual(["ok", 0, entries]);
    await expectSame(tree, join(where, tree), entries);
    expect(existsSync(join(where, tree, "sparse"))).toBe(true);
    expect(allocatedBytes(join(where, tree, "sparse"))).toBeLessThan(sparse / 100);
    await lab.stop();
  });
});
