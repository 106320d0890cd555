import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab, JobResult, Release } from "../src";
import { LabFs } from "../src/labfs";
import { compareTrees } from "../src/parity";
import { until } from "../src/wait";
import {
  atCleanUp,
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
} from "./support";

/*
 * What FileSets and Directors may ask of a plugin beside a plain backup: it works, or one message
 * says why not.
 */

/** Jobs that the lab's own configuration has no words for. */
function moreJobs(release: Release, line: string, stopped: string): string {
  const common = "Client = lab-fd\n Storage = File\n Pool = Default\n Messages = Std\n";
  const job = (name: string, level: string, fileSet: string, more = "") =>
    `Job { Name = ${name}\n Type = Backup\n Level = ${level}\n FileSet = ${fileSet}\n ${more}\n ${common} }\n`;
  const verify = (level: string, more = "") =>
    `Job { Name = ${level}\n Type = Verify\n Level = ${level}\n FileSet = FS-Plain\n ${more}\n ${common} }\n`;
  const blocks = [
    "signature = MD5\n wilddir = /none",
    'signature = SHA1\n wildfile = "*file 1*"\n exclude = yes',
  ];
  const options = blocks.map((lines) => `Options {\n ${lines} }\n`).join("");
  return [
    verify("InitCatalog"),
    verify("DiskToCatalog", "Verify Job = Plain"),
    verify("VolumeToCatalog", "Verify Job = Plain"),
    job("BaseJob", "Base", "FS-Plain"),
    job("OnBase", "Full", "FS-Plain", "Base = BaseJob, OnBase\n Accurate = yes"),
    `FileSet { Name = FS-Blocks\n Include {\n ${options} Plugin = "${line}" } }\n`,
    job("Blocks", "Full", "FS-Blocks"),
    // The directive that keeps a job from being resumed; the oldest release does not know it.
    job(
      "NoIncomplete",
      "Full",
      "FS-Plain",
      release.startsWith("9") ? "" : "Allow Incomplete Jobs = no",
    ),
    `FileSet { Name = FS-Stopped\n Include {\n Options { signature = MD5 }\n Plugin = "podheitor-hpc:path=${stopped}" } }\n`,
    job("Stopped", "Full", "FS-Stopped", "Spool Attributes = no"),
  ].join("");
}

function makeTree(root: string): void {
  mkdirSync(join(root, "sub"), { recursive: true });
  for (let at = 0; at < 20; at++) writeFileSync(join(root, `sub/file ${at}`), `content ${at}`);
  linkSync(join(root, "sub/file 0"), join(root, "link"));
  symlinkSync("sub", join(root, "symlink"));
}

const HOLE_DATA = Buffer.alloc(100_000, "not a hole");
const messagesOf = ({ messages }: JobResult) => messages.match(/podheitor-hpc: .*/g) ?? [];

/**
 * What Bacula does by itself beside plugin files, as docs/plugin.md says it: only a release of
 * Bacula can change that.
 */
function inTheLongTier(name: string, work: () => Promise<void>): void {
  if (process.env["PODHEITOR_HPC_LONG"] === "1") test(name, work);
}

describe.each(chosenReleases)("unusual jobs on Bacula %s", (release) => {
  let lab: BaculaLab;
  let fs: LabFs;
  let tree: string;
  let digests: string;
  let hole: string;
  let stripped: string;
  let plain: JobResult;

  beforeAll(async () => {
    const folder = scratch();
    fs = await LabFs.start(join(folder, "source"), join(folder, "mount"));
    atCleanUp(() => fs.stop());
    [tree, digests, stripped] = [
      join(folder, "tree"),
      join(folder, "digests"),
      join(folder, "stripped"),
    ];
    for (const root of [tree, digests, stripped]) makeTree(root);
    for (const name of ["unread", "stopped", "hole"]) mkdirSync(join(fs.source, name));
    writeFileSync(join(fs.source, "unread/big"), Buffer.alloc(2 ** 21, "big"));
    for (let at = 0; at < 40; at++)
      writeFileSync(join(fs.source, `stopped/file ${at}`), Buffer.alloc(100_000, at));
    mkdirSync(join(folder, "hole"));
    hole = join(folder, "hole/hole");
    const fd = openSync(hole, "w");
    for (const at of [0, 2 ** 42]) writeSync(fd, HOLE_DATA, 0, HOLE_DATA.length, at);
    closeSync(fd);
    execFileSync("truncate", ["-s", "8T", hole]);
    const line = `podheitor-hpc:path=${tree}`;
    const more = join(folder, "more.conf");
    writeFileSync(more, moreJobs(release, line, join(fs.mount, "stopped")));
    const jobs = [
      { name: "Inside", options: ["signature = MD5", `Plugin = "${line}"`], files: [tree] },
      pluginJob("Strip", tree, "", { options: ["signature = MD5", "strippath = 2"] }),
      pluginJob("StripAccurate", stripped, "", {
        accurate: true,
        options: ["signature = MD5", "strippath = 2"],
      }),
      { name: "Nested", plugins: [line, `podheitor-hpc:path=${tree}/sub`] },
      { name: "Beside", plugins: [line], files: [join(tree, "sub")] },
      pluginJob("Plain", tree),
      pluginJob("Unread", join(fs.mount, "unread")),
      pluginJob("Hole", join(folder, "hole")),
      pluginJob("Digests", digests, "", {
        accurate: true,
        options: ["signature = MD5", "accurate = 5"],
      }),
    ];
    lab = await labWith(release, jobs, { pluginDir: installedPlugin(), includes: [more] });
    plain = await lab.run("Plain");
    expect([plain.status, plain.errors]).toEqual(["ok", 0]);
  });
  afterAll(cleanUp);

  test("a Plugin line inside Options: one message, which says where it belongs", async () => {
    const job = await lab.run("Inside");
    expect(job.status).toBe("failed");
    expect(messagesOf(job)).toEqual([
      expect.stringMatching(/inside Options \{ \}; remedy: write it directly into Incl/),
    ]);
  });

  test("strippath strips every kind of entry, and what is left is restored", async () => {
    const job = await lab.run("Strip");
    const [below, where] = [tree.slice(0, tree.lastIndexOf("/")), scratch()];
    expect(present(await lab.catalog(job.jobId))).toEqual(
      (await onDisk(tree)).map((name) => name.slice(below.length)),
    );
    const restored = await lab.restore({ jobIds: [job.jobId], where });
    expect([restored.status, restored.errors]).toEqual(["ok", 0]);
    expect((await compareTrees(tree, join(where, "tree"))).report).toMatch(/^identical/);
  });

  inTheLongTier(
    "strippath in an accurate job: what has changed is recorded as deleted, which is why the two do not go together",
    async () => {
      writeFileSync(join(stripped, "gone"), "gone");
      await settle();
      await lab.run("StripAccurate");
      await settle();
      expect(await lab.catalog((await lab.run("StripAccurate", "Incremental")).jobId)).toEqual([]);
      rmSync(join(stripped, "gone"));
      const rows = await lab.catalog((await lab.run("StripAccurate", "Incremental")).jobId);
      // The File Daemon marks what it saves under its whole name, and then misses the stripped one.
      expect(deleted(rows)).toEqual(["/stripped/", "/stripped/gone"]);
    },
  );

  test("a line inside another line's path: an error that names both, before anything is saved; estimate says it, too", async () => {
    const words =
      /save the same names, \S+\/tree and \S+\/tree\/sub: '.*tree' and '.*tree\/sub'.* Remedy: leave one/;
    const job = await lab.run("Nested");
    expect([job.status, job.files]).toEqual(["failed", 0]);
    expect(messagesOf(job)).toEqual([expect.stringMatching(words)]);
    expect((await lab.estimate("Nested")).text).toMatch(words);
  });

  test("File lines beside ours are mentioned, with what they saved", async () => {
    const job = await lab.run("Beside");
    expect([job.status, job.errors]).toEqual(["ok", 0]);
    expect(job.messages).toMatch(
      /File lines of this FileSet saved 21 entries: none of them may lie below \S+tree,/,
    );
  });

  test("`.ls plugin=` gets one sentence", async () => {
    const answer = await lab.console(
      `.ls plugin="podheitor-hpc:path=${tree}" client=lab-fd path=/`,
    );
    expect(answer.match(/podheitor-hpc: .*/g)).toEqual([
      expect.stringMatching(/this plugin lists no trees for `\.ls`/),
    ]);
  });

  test("content that could not be read in full comes back with an error and its reason", async () => {
    fs.rule("read error EIO offset 1048577 : /unread/big");
    const job = await lab.run("Unread");
    fs.clear();
    expect(job.messages).toMatch(/not read in full 1/);
    const where = scratch();
    const restored = await lab.restore({ jobIds: [job.jobId], where });
    expect([restored.status, restored.errors]).toEqual(["failed", 1]);
    expect(restored.messages).toMatch(
      /unread\/big: restored in part, \d+ of 2097152 bytes: its reading failed during the backup \(Input\/output error\)/,
    );
    expect(statSync(join(where, fs.mount, "unread/big")).size).toBeLessThan(2 ** 21);
  });

  test("8 TiB of hole: passed over where the File Daemon takes offsets, else a cancel among the zeros ends the job at once", async () => {
    if (!release.startsWith("9")) {
      const jobId = await lab.start("Hole");
      await until("it reads", 20_000, async () =>
        (await lab.console("status client=lab-fd")).includes("/hole/hole"),
      );
      const before = performance.now();
      await lab.cancel(jobId);
      const cancelled = await lab.wait(jobId);
      expect(performance.now() - before).toBeLessThan(5000);
      expect(cancelled.status).toBe("cancelled");
      expect(cancelled.messages).not.toMatch(/Input\/output error/);
      appendFileSync(join(lab.pluginDir, "podheitor-hpc-fd.conf"), "holes = skip\n");
    }
    const job = await lab.run("Hole", "Full", 30_000);
    expect([job.status, job.errors]).toEqual(["ok", 0]);
    const where = scratch();
    const restored = await lab.restore({ jobIds: [job.jobId], where, limit: 30_000 });
    expect([restored.status, restored.errors]).toEqual(["ok", 0]);
    const { size, blocks } = statSync(join(where, hole));
    expect([size, blocks * 512 < 2 ** 20]).toEqual([2 ** 43, true]);
    const fd = openSync(join(where, hole), "r");
    for (const at of [0, 2 ** 42]) {
      const back = Buffer.alloc(HOLE_DATA.length);
      readSync(fd, back, 0, back.length, at);
      expect(back.equals(HOLE_DATA)).toBe(true);
    }
    closeSync(fd);
  });

  test("an incomplete job that is restarted says that the plugin starts over", async () => {
    fs.rule("open hang after 20 : /stopped/file*");
    const jobId = await lab.start("Stopped");
    await until("it hangs", 20_000, () => fs.state().hanging > 0);
    await lab.console(`stop jobid=${jobId} yes`);
    fs.release();
    fs.clear();
    expect((await lab.wait(jobId)).letter).toBe("I");
    await lab.console(`restart incomplete jobid=${jobId} yes`);
    const said = await until("it ends again", 30_000, async () => {
      const messages = await lab.messages(jobId);
      return messages.split("Termination:").length > 2 && messages;
    });
    expect(said).toMatch(
      /this job was incomplete and goes on behind its file \d+; the plugin .* starts over/,
    );
    const where = scratch();
    expect((await lab.restore({ jobIds: [jobId], where })).errors).toBe(0);
    const root = join(fs.mount, "stopped");
    expect((await compareTrees(root, join(where, root))).report).toMatch(/^identical/);
  });

  inTheLongTier("digest letters in accurate: more is saved than has changed", async () => {
    await settle();
    expect((await lab.run("Digests")).errors).toBe(0);
    await settle();
    const path = join(digests, "sub/file 3");
    const { atime, mtime } = statSync(path);
    writeFileSync(path, "CONTENT 3");
    utimesSync(path, atime, mtime);
    const job = await lab.run("Digests", "Incremental");
    expect([job.status, job.errors]).toEqual(["ok", 0]);
    const names = present(await lab.catalog(job.jobId)).map((name) => name.slice(digests.length));
    if (release.startsWith("9")) {
      expect(names).toEqual(["/link", "/sub/file 0", "/sub/file 3"]);
      expect(job.messages).toMatch(/Cannot verify checksum for/);
    } else expect(names).toHaveLength(21);
  });

  const runMore = async (name: string) => {
    const [, id] = /JobId=(\d+)/.exec(await lab.console(`run job=${name} yes`)) ?? [];
    return lab.wait(Number(id));
  };

  test("verify: the catalog against a volume works; against the disk the File Daemon refuses plugins", async () => {
    const [init, disk, volume] = [
      await runMore("InitCatalog"),
      await runMore("DiskToCatalog"),
      await runMore("VolumeToCatalog"),
    ];
    for (const job of [init, disk])
      expect([job.status, job.messages]).toEqual([
        "failed",
        expect.stringMatching(/Plugin: ".*" not found/),
      ]);
    expect([volume.status, volume.errors]).toEqual(["ok", 0]);
  });

  test("a job on a Base job saves everything itself", async () => {
    expect((await runMore("BaseJob")).files).toBe(plain.files);
    const job = await runMore("OnBase");
    expect([job.status, job.errors]).toEqual(["ok", 0]);
    expect(job.messages).toMatch(new RegExp(`emitted ${plain.files},`));
    const where = scratch();
    const { errors, messages } = await lab.restore({ jobIds: [job.jobId], where });
    expect([errors, messages]).toEqual([0, expect.anything()]);
    expect((await compareTrees(tree, join(where, tree))).report).toMatch(/^identical/);
  });

  test("several Options blocks: their wildcards and excludes do not reach plugin files", async () => {
    const job = await runMore("Blocks");
    expect([job.status, job.errors, job.files]).toEqual(["ok", 0, plain.files]);
  });
});
