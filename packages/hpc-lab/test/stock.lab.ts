import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type BaculaLab, sweep } from "../src";
import { alive, processOf } from "../src/bacula/daemon";
import { compareTrees } from "../src/parity";
import { makeTree } from "../src/trees/tree";
import { until } from "../src/wait";
import { chosenReleases, cleanUp, labWith, onDisk, present, repository, scratch } from "./support";

const startAndStay = `
require("./packages/hpc-lab/src").startBacula({ release: process.argv[1], jobs: [] }).then((lab) => {
  console.log(JSON.stringify({ folder: lab.folder, fdPid: lab.fdPid }));
  setInterval(() => {}, 1000);
});`;

/**
 * The lab, the tree maker and the comparison, proved on the stock File Daemon: what fails here is
 * not our plugin's fault.
 */
describe.each(chosenReleases)("stock File Daemon %s", (release) => {
  let lab: BaculaLab;
  let tree: string;
  let out: string;

  beforeAll(async () => {
    const folder = scratch();
    tree = join(folder, "tree");
    makeTree({ root: tree, entries: 1000 });
    // The stock walk stores two names of one symlink as two symlinks.
    unlinkSync(join(tree, "peculiar/links/symlink"));
    out = join(folder, "pipe-restored");
    lab = await labWith(release, [
      { name: "Tree", files: [tree] },
      { name: "Pipe", plugins: [`bpipe:/PIPE/file:cat ${tree}/peculiar/size-1048577:cat >${out}`] },
    ]);
  });
  afterAll(cleanUp);

  test("a tree comes back as it was, to the second", async () => {
    const job = await lab.run("Tree");
    expect([job.status, job.files]).toEqual(["ok", 999]);
    const where = scratch();
    const restored = await lab.restore({ jobIds: [job.jobId], where });
    expect(restored.status).toBe("ok");
    const parity = await compareTrees(tree, join(where, tree), { times: "seconds" });
    expect(parity.report).toMatch(/^identical: 999 entries/);
  });

  test("the catalog's names and attributes are those of the tree", async () => {
    const job = await lab.run("Tree");
    const rows = await lab.catalog(job.jobId);
    expect(present(rows)).toEqual(await onDisk(tree));
    const row = rows.find(({ name }) => name.toString("latin1").endsWith("/peculiar/size-65537"));
    const stat = lstatSync(join(tree, "peculiar/size-65537"), { bigint: true });
    expect(row?.attributes).toMatchObject({
      ino: stat.ino,
      size: 65_537n,
      mode: Number(stat.mode),
      mtime: stat.mtimeMs / 1000n,
    });
    expect(row?.digest).toMatch(/^[A-Za-z0-9+/]{22}$/);
  });

  test("a plugin runs, and bextract reads a volume", async () => {
    const job = await lab.run("Pipe");
    expect(job.status).toBe("ok");
    expect((await lab.restore({ jobIds: [job.jobId], where: scratch() })).status).toBe("ok");
    expect(readFileSync(out).equals(readFileSync(join(tree, "peculiar/size-1048577")))).toBe(true);

    const full = await lab.run("Tree");
    const [volume = ""] = await lab.volumes(full.jobId);
    const where = join(scratch(), "extracted");
    mkdirSync(where);
    await lab.bextract(volume, where);
    const file = "peculiar/size-65536";
    expect(readFileSync(join(where, tree, file)).equals(readFileSync(join(tree, file)))).toBe(true);
  });

  test("a lab whose owner is killed leaves no daemon, and the next one clears its folder away", async () => {
    const owner = spawn(
      process.execPath,
      ["--import", "tsx", "--conditions=@podheitor/source", "-e", startAndStay, release],
      {
        cwd: repository,
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const [line] = (await once(owner.stdout, "data")) as [Buffer];
    const { folder, fdPid } = JSON.parse(line.toString()) as { folder: string; fdPid: number };
    const daemon = processOf(fdPid);
    expect(daemon && existsSync(folder)).toBe(true);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    await until("the daemon dies with its owner", 5000, () => daemon && !alive(daemon));
    expect(sweep()).toContain(folder);
    expect(existsSync(folder)).toBe(false);
  });

  test("estimate counts the tree; a job that does not exist is an error", async () => {
    expect((await lab.estimate("Tree")).files).toBe(999);
    await expect(lab.start("NoSuchJob")).rejects.toThrow(/started no job/);
  });
});
