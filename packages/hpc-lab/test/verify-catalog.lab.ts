import { chmodSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { run } from "@podheitor/hpc-cli";
import type { BaculaLab } from "../src";
import { makeSocket } from "../src/trees/metadata-tree";
import { makeTree } from "../src/trees/tree";
import {
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  scratch,
  settle,
} from "./support";

interface Differs {
  readonly path: string;
  readonly why: string;
  readonly detail?: string;
}

describe.each(chosenReleases)("verify --catalog on Bacula %s", (release) => {
  let lab: BaculaLab;
  let tree: string;
  let files: readonly string[];
  const jobIds: number[] = [];

  beforeAll(async () => {
    tree = join(scratch(), "tree");
    ({ files } = makeTree({ root: tree, entries: 2000 }));
    makeSocket(join(tree, "socket"));
    const jobs = [0, 1].map((shard) =>
      pluginJob(`S${shard}`, tree, `shard=${shard}/2`, { accurate: true }),
    );
    lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
    await settle();
    for (const job of ["S0", "S1"]) jobIds.push((await lab.run(job, "Full")).jobId);
    await settle();
  });
  afterAll(cleanUp);

  async function verify(...words: string[]) {
    const out: Buffer[] = [];
    const stdout = new PassThrough();
    stdout.on("data", (chunk: Buffer) => out.push(chunk));
    const argv = [
      "verify",
      "--catalog",
      join(lab.folder, "work/bacula.db"),
      "--json",
      "--jobid",
      jobIds.join(),
      ...words,
    ];
    const io = {
      stdin: new PassThrough().end(),
      stdout,
      stderr: new PassThrough(),
      signal: new AbortController().signal,
    };
    const code = await run(argv, io);
    const objects = Buffer.concat(out)
      .toString()
      .trimEnd()
      .split("\n")
      .map(
        (line) => JSON.parse(line) as { difference?: Differs; entries?: number; compared?: number },
      );
    const differences = objects.flatMap(({ difference }) =>
      difference === undefined ? [] : [difference],
    );
    return { code, differences, sums: objects.at(-1) };
  }

  const socket = () => ({ path: join(tree, "socket"), why: "socket" });

  test("an untouched tree differs by its socket alone; a sample of it by nothing", async () => {
    const { code, differences, sums } = await verify("--against", "/");
    expect(differences).toEqual([socket()]);
    expect([code, sums]).toEqual([
      3,
      expect.objectContaining({ entries: 2000, compared: 2000, differences: 1 }),
    ]);
    const sample = await verify("--against", "/", "--sample-names", "100");
    expect([sample.code, sample.differences]).toEqual([0, []]);
    expect(sample.sums).toMatchObject({ entries: 2000, compared: 100 });
  });

  test("a restored tree is the catalog's; what was tampered with there differs", async () => {
    const where = scratch();
    await lab.restore({ jobIds, where });
    expect(await verify("--against", where)).toMatchObject({ code: 0, differences: [] });
    const [one = "", two = ""] = files;
    chmodSync(join(where, one), 0o611);
    unlinkSync(join(where, two));
    writeFileSync(join(where, tree, "planted"), "");
    const { code, differences } = await verify("--against", where);
    expect(code).toBe(3);
    expect(differences.map(({ path, why }) => [path, why]).sort()).toEqual(
      [
        [one, "differs"],
        [two, "vanished"],
        [join(tree, "planted"), "not-in-catalog"],
        // its times moved
        [`${join(one, "..")}/`, "differs"],
        [`${tree}/`, "differs"],
      ].sort(),
    );
    expect(differences.find(({ path }) => path === one)?.detail).toMatch(
      /^mode 0100644, found 0100611$/,
    );
  });

  test("what happened since the jobs is told with its reason, and an incremental settles it", async () => {
    const [, , changed = "", gone = "", moved = ""] = [0, 0, 300, 600, 900].map((at) => files[at]);
    writeFileSync(changed, "other content");
    unlinkSync(gone);
    renameSync(moved, `${moved}-moved`);
    rmSync(join(tree, "peculiar/names-of-directories/new\nline"), { recursive: true });
    const whys = (all: readonly Differs[]) => new Map(all.map(({ path, why }) => [path, why]));
    const found = whys((await verify("--against", "/")).differences);
    expect(Object.fromEntries(found)).toMatchObject({
      [changed]: "changed",
      [gone]: "vanished",
      [moved]: "vanished",
      [`${moved}-moved`]: "created",
      [join(tree, "peculiar/names-of-directories/new\nline/")]: "vanished",
      [join(tree, "socket")]: "socket",
    });
    await settle();
    for (const job of ["S0", "S1"]) jobIds.push((await lab.run(job, "Incremental")).jobId);
    const after = await verify("--against", "/");
    expect(after.differences).toEqual([socket()]);
  });

  test("a job that does not exist, and a file that is no catalog, are errors", async () => {
    jobIds.push(999);
    expect(await verify("--against", "/")).toMatchObject({
      code: 1,
      sums: { error: { code: "HPC_CATALOG" } },
    });
    jobIds.pop();
  });
});
