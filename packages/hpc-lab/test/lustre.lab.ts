import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { command } from "../src/command";
import { LustreDouble } from "../src/lustre-double";
import { until } from "../src/wait";
import { atCleanUp, cleanUp, repository, scratch } from "./support";

/* The command on a double of a Lustre client; lustre-jobs.lab.ts has the same through Bacula. */

const PROGRAM = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");

let double: LustreDouble;
let work: string;
afterAll(cleanUp);
beforeAll(async () => {
  work = scratch();
  double = await LustreDouble.start(work);
  atCleanUp(() => double.stop());
  const source = join(work, "src");
  for (const name of ["tree", "tree/here", "tree/remote", "tree/striped", "alone"])
    mkdirSync(join(source, name));
  double.place("tree/remote", 1);
  double.place("tree/striped", 0, 1);
  writeFileSync(join(source, "tree/here/f"), "here");
  writeFileSync(join(source, "tree/remote/r"), "remote");
  for (let i = 0; i < 20; i++) writeFileSync(join(source, `tree/striped/s${i}`), "striped");
  double.mark("tree/here/f", "ost", "2");
  mkdirSync(join(source, "hsm"));
  for (const [name, size] of [
    ["tiny", 100],
    ["small", 10_000],
    ["large", 1_000_000],
  ] as const) {
    writeFileSync(join(source, "hsm", name), Buffer.alloc(size, "x"));
    double.mark(`hsm/${name}`, "released", "1");
  }
  writeFileSync(join(source, "hsm/here"), "x");
  for (const name of ["projects", "projects/owned", "projects/free"]) mkdirSync(join(source, name));
  writeFileSync(join(source, "projects/owned/f"), "x");
  writeFileSync(join(source, "projects/owned/large"), Buffer.alloc(300_000, "x"));
  writeFileSync(join(source, "projects/free/nodump"), "x");
  double.mark("projects/owned", "project", "42 200");
  double.mark("projects/owned/f", "project", "42 0");
  double.mark("projects/owned/large", "project", "42 0");
  double.mark("projects/free/nodump", "project", "0 80"); // FS_XFLAG_NODUMP
});
beforeEach(() => double.targets("mdt 0 active", "mdt 1 active", "ost 2 active"));

interface Ran {
  readonly code: number;
  readonly text: string;
}

async function podheitor(...words: string[]): Promise<Ran> {
  const argv = [process.execPath, PROGRAM, ...words, "--plugin-dir", double.tools];
  const { code, stdout, stderr } = await command(argv, {
    accept: [0, 1, 2, 3],
    env: double.environment,
  });
  return { code, text: `${stdout}${stderr}` };
}
const tree = () => join(double.mount, "tree");
const backup = (...more: string[]) =>
  podheitor("backup", "--path", tree(), "--archive", join(work, "a.hpc"), ...more);
const saved = async () => {
  const { text } = await podheitor0("list", "--archive", join(work, "a.hpc"));
  return text.trimEnd().split("\n").length;
};
async function podheitor0(...words: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await command([process.execPath, PROGRAM, ...words], {
    accept: [0, 1, 2, 3],
  });
  return { code, text: `${stdout}${stderr}` };
}

describe("a Lustre client", () => {
  test("is what root declares beside the plugin, and nobody else", async () => {
    const { text } = await podheitor("doctor", "--path", tree());
    expect(text).toMatch(/ok +filesystem types +\S+filesystem-types: fuse\.lustre is lustre/);
    expect(text).toMatch(/tree: lustre \(parallel\)/);
    expect((await podheitor0("doctor", "--path", tree())).text).toMatch(/tree: fuse,/);
    const root = await podheitor(
      "backup",
      "--path",
      double.mount,
      "--archive",
      join(work, "a.hpc"),
    );
    expect(root).toMatchObject({
      code: 1,
      text: expect.stringContaining("root of a whole lustre filesystem"),
    });
  });

  test("all of a tree is saved while all targets are there", async () => {
    expect(await backup()).toMatchObject({ code: 0 });
    expect(await saved()).toBe(26);
  });

  test.each(["inactive", "silent"] as const)(
    "an MDT that is inactive (%s) fails the job at once, with its name and the command that says more",
    async (state) => {
      double.targets(`mdt 1 ${state}`);
      const { code, text } = await backup();
      expect(code).toBe(1);
      expect(text).toMatch(
        /MDT testfs-MDT0001 of \S+mnt is inactive on this client.*lctl get_param mdc\.testfs-MDT0001.*degraded=yes.*HPC_MDT_INACTIVE/s,
      );
    },
  );

  test("degraded, it goes on, says what is not there, and counts", async () => {
    double.targets("mdt 1 inactive");
    const { code, text } = await backup("--degraded");
    expect(code).toBe(3);
    expect(text).toMatch(/warning: MDT testfs-MDT0001 of \S+ is inactive/);
    expect(text).toMatch(/tree\/remote: cannot stat: ESHUTDOWN \(/);
    expect(text).toMatch(/1 failed, .*1 directory not listed in full/);
    expect(await saved()).toBeLessThan(20);
  });

  test("an OST that is inactive is one warning with its name, and each of its files fails by name", async () => {
    double.targets("ost 2 inactive");
    const { code, text } = await backup();
    expect(code).toBe(3);
    expect(text.match(/OST testfs-OST0002 of \S+ is inactive/g)).toHaveLength(1);
    expect(text).toMatch(/tree\/here\/f: cannot stat: ESHUTDOWN/);
  });

  test("files that HSM has released are neither read nor asked for their holes, but named and counted", async () => {
    const { code, text } = await backup("--json", "--path", join(double.mount, "hsm"));
    expect(code).toBe(3);
    const { files, filtered_by, failed } = JSON.parse(
      text
        .trimEnd()
        .split("\n")
        .find((line) => line.includes("filtered_by")) ?? "",
    );
    expect([files, filtered_by.released, filtered_by.excluded, failed]).toEqual([23, 3, 0, 0]);
    expect(double.recalls).toBe(0);
    const said = await backup("--path", join(double.mount, "hsm"), "--inline-kib", "0");
    for (const name of ["tiny", "small", "large"])
      expect(said.text).toMatch(new RegExp(`hsm/${name}: HSM has released it`));
    expect(said.text).toMatch(/warning: 3 files are not saved, because HSM has released them/);
    expect(said.text).toMatch(/left out: 3 released by HSM/);
    const compared = await podheitor("verify", "--archive", join(work, "a.hpc"), "--against", "/");
    expect(compared).toMatchObject({ code: 0, text: expect.stringContaining("no difference") });
    expect(double.recalls).toBe(0);
  });

  test("hsm=recall reads them", async () => {
    const running = backup("--path", join(double.mount, "hsm"), "--hsm", "recall");
    await double.fs.hangs();
    expect(double.recalls).toBeGreaterThan(0);
    const letGo = setInterval(() => double.fs.release(), 100);
    const { code, text } = await running;
    clearInterval(letGo);
    expect(code).toBe(3);
    expect(text).toMatch(/hsm\/large: .*EIO/); // nobody brought it back
  });

  test("a cancelled command whose read does not come back says that the process may stay", async () => {
    const words = [
      "backup",
      "--path",
      join(double.mount, "hsm"),
      "--archive",
      join(work, "c.hpc"),
      "--hsm",
      "recall",
    ];
    const child = spawn(process.execPath, [PROGRAM, ...words, "--plugin-dir", double.tools]);
    const closed = once(child, "close");
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    await double.fs.hangs();
    child.kill("SIGTERM");
    await until(
      () => `said: ${said}`,
      20_000,
      () => said.includes("HPC_CANCELLED"),
    );
    expect(said).toMatch(
      /request to a filesystem has not come back: process \d+ may stay until that server answers/,
    );
    double.fs.release();
    await closed;
  });

  describe("project ids and flags", () => {
    const archive = () => join(work, "p.hpc");
    const save = (...more: string[]) =>
      podheitor(
        "backup",
        "--path",
        join(double.mount, "projects"),
        "--archive",
        archive(),
        ...more,
      );
    const projectOf = (path: string) =>
      execFileSync("lsattr", ["-pd", path], { encoding: "latin1" }).trim().split(/ +/);

    test("are saved where a directory has one, restored, and verified", async () => {
      const { code, text } = await save();
      expect(code).toBe(0);
      expect(text).toMatch(/project=auto: every directory is asked/);
      const where = join(double.mount, "back");
      expect(await podheitor0("restore", "--archive", archive(), "--where", where)).toMatchObject({
        code: 0,
      });
      const at = (name: string) => join(where, double.mount, "projects", name);
      expect(projectOf(at("owned")).slice(0, 2)).toEqual(["42", expect.stringContaining("P")]);
      expect(projectOf(at("owned/f"))[0]).toBe("42");
      expect(projectOf(at("owned/large"))[0]).toBe("42");
      expect(projectOf(at("free"))[0]).toBe("0");
      expect(projectOf(at("free/nodump"))[1]).not.toContain("d");
      const verified = await podheitor("verify", "--archive", archive(), "--against", where);
      expect(verified.text).toMatch(/no difference/);
      double.mark(`back${double.mount}/projects/owned/f`, "project", "43 0");
      expect((await podheitor("verify", "--archive", archive(), "--against", where)).text).toMatch(
        /xattr .*owned\/f/,
      );
    });

    test("of every file with project=yes, of none with project=no", async () => {
      const names = async () => {
        const { text } = await podheitor0("list", "--archive", archive(), "--json");
        return Object.fromEntries(
          text
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line) as { path: string; xattrs?: number })
            .map(({ path, xattrs = 0 }) => [
              path.slice(join(double.mount, "projects").length + 1),
              xattrs,
            ]),
        );
      };
      await save("--project", "yes");
      expect(await names()).toMatchObject({ owned: 2, "owned/f": 1, free: 0, "free/nodump": 1 });
      await save("--project", "no");
      expect(await names()).toMatchObject({ owned: 0, "owned/f": 0, free: 0, "free/nodump": 0 });
    });
  });

  test("an MDT that goes away in the middle of the job fails it", async () => {
    double.fs.rule("readdir hang : /tree/striped");
    const running = backup();
    await double.fs.hangs();
    double.targets("mdt 1 inactive");
    double.fs.release();
    expect(await running).toMatchObject({
      code: 1,
      text: expect.stringContaining("HPC_MDT_INACTIVE"),
    });
  });
});
