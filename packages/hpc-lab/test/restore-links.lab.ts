import {
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab } from "../src";
import { chosenReleases, cleanUp, installedPlugin, labWith, pluginJob, scratch } from "./support";

/*
 * A restore in place through symbolic links on the way to the path of the backup: root's own are
 * followed, those of others named.
 */
describe.each(chosenReleases)("symbolic links on the way of a restore, Bacula %s", (release) => {
  let lab: BaculaLab;
  let folder: string;
  let above: number;
  let itself: number;

  beforeAll(async () => {
    folder = scratch();
    mkdirSync(join(folder, "big/home/u/sub"), { recursive: true });
    symlinkSync("big/home", join(folder, "home"));
    writeFileSync(join(folder, "home/u/sub/file"), "content");
    for (const name of ["one", "two"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "one/a"), "of two names");
    linkSync(join(folder, "one/a"), join(folder, "two/b"));
    const jobs = [
      pluginJob("Above", join(folder, "home/u")),
      pluginJob("Itself", join(folder, "home")),
      pluginJob("Both", join(folder, "one"), `path=${folder}/two`),
    ];
    lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
    const [first, second] = [await lab.run("Above"), await lab.run("Itself")];
    expect([first.status, first.errors, second.status, second.errors]).toEqual(["ok", 0, "ok", 0]);
    [above, itself] = [first.jobId, second.jobId];
  });
  afterAll(cleanUp);

  const remove = () => rmSync(join(folder, "big/home/u"), { recursive: true, force: true });
  const file = () => join(folder, "big/home/u/sub/file");
  const isLink = () => lstatSync(join(folder, "home")).isSymbolicLink();

  test("root's own is followed, above the path and at it", async () => {
    for (const jobId of [above, itself]) {
      remove();
      const restored = await lab.restore({ jobIds: [jobId], where: "/" });
      expect([restored.status, restored.errors, isLink()]).toEqual(["ok", 0, true]);
      expect(readFileSync(file(), "utf8")).toBe("content");
    }
  });

  test("a file with names below two paths of the job keeps them", async () => {
    const job = await lab.run("Both");
    for (const name of ["one/a", "two/b"]) rmSync(join(folder, name));
    const restored = await lab.restore({ jobIds: [job.jobId], where: "/" });
    expect([restored.status, restored.errors]).toEqual(["ok", 0]);
    expect(lstatSync(join(folder, "two/b")).ino).toBe(lstatSync(join(folder, "one/a")).ino);
  });

  test("another user's is named, and nothing goes through it", async () => {
    lchownSync(join(folder, "home"), 12345, 12345);
    for (const jobId of [above, itself]) {
      remove();
      const restored = await lab.restore({ jobIds: [jobId], where: "/" });
      const sentence = `nothing is restored below it: the symbolic link ${folder}/home on the way may lead where another user wants; remedy: `;
      expect(restored.messages.split(sentence)).toHaveLength(2);
      expect([restored.status === "ok" && restored.errors === 0, isLink()]).toEqual([false, true]);
      expect(existsSync(join(folder, "big/home/u"))).toBe(false);
    }
    const where = join(folder, "home/elsewhere");
    const restored = await lab.restore({ jobIds: [above], where });
    expect(restored.messages).toContain(`the symbolic link ${folder}/home on the way`);
    expect(existsSync(join(folder, "big/home/elsewhere"))).toBe(false);
    lchownSync(join(folder, "home"), 0, 0);
  });
});
