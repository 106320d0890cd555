import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { allocatedBytes, compareTrees } from "../src/parity";
import { makeTree } from "../src/tree";
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

const entries = 100_000;
const sparse = 3 * 2 ** 30;
let tree: string;

beforeAll(() => {
  tree = join(scratch(), "tree");
  makeTree({ root: tree, entries, sparse });
});
afterAll(cleanUp);

async function expectSame(restored: string): Promise<void> {
  const parity = await compareTrees(tree, restored);
  expect(parity.report).toMatch(/^identical: 100000 entries/);
}

test("100,000 entries of every kind go through the archive and come back identical", async () => {
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
  await expectSame(join(where, tree));
});

describe.each(chosenReleases)("Bacula %s", (release) => {
  test("100,000 entries of every kind come back identical, and the catalog names are those that find prints", async () => {
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
    await expectSame(join(where, tree));
    expect(existsSync(join(where, tree, "sparse"))).toBe(true);
    expect(allocatedBytes(join(where, tree, "sparse"))).toBeLessThan(sparse / 100);
    await lab.stop();
  });
});
