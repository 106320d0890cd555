import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { MAIN, OddTree, view } from "../test/odd-tree";
import { collector, runCommand } from "./testing";
import { escapeName } from "./text/escape";

/* The archive commands on a small tree that has every difficulty in its names. */

// Starting from source on a busy machine takes its time.
jest.setTimeout(60_000);

const tree = new OddTree();

describe("backup, list, verify, restore", () => {
  test("bring a tree back as it was", async () => {
    const backup = await runCommand([
      "backup",
      "--path",
      tree.path,
      "--archive",
      tree.archive,
      "--json",
    ]);
    expect(backup.stderr).toBe("");
    expect(backup.code).toBe(0);
    // tree, dir, empty · small, large, none, odd · symlink · other name of small
    expect(backup.objects.at(-1)).toMatchObject({
      entries: 9,
      files: 4,
      directories: 3,
      symlinks: 1,
      hardlinks: 1,
      specials: 0,
      bytes: 3_000_008,
      filtered: 0,
      vanished: 0,
      failed: 0,
    });

    const where = join(tree.work, "back");
    const restore = await runCommand(["restore", "--archive", tree.archive, "--where", where]);
    expect([restore.code, restore.stderr]).toEqual([0, ""]);
    expect(restore.stdout.toString()).toMatch(/back: 9 entries, 2\.9 MiB in /);
    expect(view(join(where, tree.path))).toBe(view(tree.path));
    expect((await runCommand(["verify", "--archive", tree.archive, "--against", where])).code).toBe(
      0,
    );
  });

  test("a pattern that nothing matches is a warning", async () => {
    await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
    const restore = (...patterns: string[]) =>
      runCommand([
        "restore",
        "--archive",
        tree.archive,
        "--where",
        join(tree.work, "back"),
        "--replace",
        "never",
        ...patterns,
      ]);
    const none = await restore("smal");
    expect([none.code, none.stderr]).toEqual([
      3,
      expect.stringMatching(/warning: no name in the archive matches/),
    ]);
    expect(none.stdout.toString()).toMatch(/\n {2}1 warning\n$/);
    expect(await restore("small")).toMatchObject({ code: 0, stderr: "" });
    // Skipped, because it is there by now: it matched all the same.
    expect(await restore("small")).toMatchObject({ code: 0, stderr: "" });
    const some = await restore("small", "q?z", "/nowhere");
    expect([some.code, some.stderr]).toEqual([
      3,
      "podheitor-hpc: warning: nothing in the archive matches q?z, /nowhere\n",
    ]);
  });

  test("the summary of a backup names what was left out, and of all shards nothing", async () => {
    const shard = await runCommand([
      "backup",
      "--path",
      tree.path,
      "--archive",
      tree.archive,
      "--shard",
      "0/64",
    ]);
    // Of 64 shards: one of two may well hold all of a tree so small.
    expect(shard.stdout.toString()).toMatch(/left out: \d of other shards$/m);
    const shards = await runCommand([
      "backup",
      "--path",
      tree.path,
      "--archive",
      tree.archive,
      "--shards",
      "2",
    ]);
    expect([shards.code, shards.stdout.toString()]).toEqual([
      0,
      expect.not.stringContaining("left out"),
    ]);
    const since = await runCommand([
      "backup",
      "--path",
      tree.path,
      "--archive",
      tree.archive,
      "--since",
      "99999999999",
    ]);
    expect(since.stdout.toString()).toMatch(/left out: \d older than --since$/m);
  });

  test("a restore target that is no directory is named with the errno", async () => {
    await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
    const { code, stderr } = await runCommand([
      "restore",
      "--archive",
      tree.archive,
      "--where",
      tree.archive,
    ]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/nothing can be restored to .*a\.hpc: (ENOTDIR|EEXIST)\. /),
    ]);
  });

  test("verify tells what differs and exits 3", async () => {
    await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
    const where = join(tree.work, "back");
    await runCommand(["restore", "--archive", tree.archive, "--where", where]);
    writeFileSync(join(where, tree.path, "small"), "SMALL");
    rmSync(join(where, tree.path, "symlink"));
    const { code, objects } = await runCommand([
      "verify",
      "--archive",
      tree.archive,
      "--against",
      where,
      "--json",
    ]);
    const differences = objects.flatMap(({ difference }) =>
      difference === undefined ? [] : [difference as { path: string; what: string }],
    );
    // The content of an inode with two names is compared under the one that the archive has it
    // under.
    const { objects: listed } = await runCommand(["list", "--archive", tree.archive, "--json"]);
    const link = listed.find((entry) => entry["hardlink"] !== undefined);
    const names = [link?.["path"], link?.["hardlink"]].map((name) =>
      String(name).slice(tree.path.length),
    );
    expect([...names].sort()).toEqual(["/dir/other-name", "/small"]);
    const found = differences.map(
      ({ path, what }) => `${what} ${path.slice(path.indexOf(tree.path) + tree.path.length)}`,
    );
    expect(found.filter((line) => !line.startsWith("mtime "))).toHaveLength(2);
    expect(found).toEqual(
      expect.arrayContaining([`content ${names[1]}`, "missing /symlink", `mtime ${names[1]}`]),
    );
    expect(objects.at(-1)).toMatchObject({ differences: differences.length });
    expect(code).toBe(3);
    const text = await runCommand(["verify", "--archive", tree.archive, "--against", where]);
    expect(text.stdout.toString()).toMatch(/^missing .*\/symlink$/m);
    expect(text.code).toBe(3);
  });

  test("list: bytes for a file, escapes for a terminal, NUL for programs, JSON", async () => {
    await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
    const plain = await runCommand(["list", "--archive", tree.archive]);
    expect(plain.stdout.includes(Buffer.concat([tree.odd, Buffer.from("\n")]))).toBe(true);
    const terminal = collector({ isTTY: true });
    await runCommand(["list", "--archive", tree.archive], { stdout: terminal });
    expect(terminal.text()).toContain(escapeName(tree.odd));
    expect(terminal.text().trimEnd().split("\n")).toHaveLength(9);

    const nul = await runCommand(["list", "--archive", tree.archive, "-0"]);
    const find = execFileSync("find", [tree.path, "-print0"]);
    const sorted = (bytes: Buffer) => bytes.toString("latin1").split("\0").sort();
    expect(sorted(nul.stdout)).toEqual(sorted(find));

    const { objects } = await runCommand(["list", "--archive", tree.archive, "--json"]);
    const named = objects.find((entry) => entry["path_base64"] !== undefined);
    expect(Buffer.from(String(named?.["path_base64"]), "base64")).toEqual(tree.odd);
    expect(objects.find((entry) => entry["type"] === "symlink")).toMatchObject({
      path: join(tree.path, "symlink"),
      symlink: "nowhere",
    });
  });

  test("patterns and --replace", async () => {
    await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
    const where = join(tree.work, "back");
    const some = await runCommand([
      "restore",
      "--archive",
      tree.archive,
      "--where",
      where,
      "--json",
      "small",
      `${tree.path}/dir/large`,
    ]);
    expect(some.objects.at(-1)).toMatchObject({ files: 2, unselected: 7 });
    expect(readdirSync(join(where, tree.path)).sort()).toEqual(["dir", "small"]);
    writeFileSync(join(where, tree.path, "small"), "mine");
    const kept = await runCommand([
      "restore",
      "--archive",
      tree.archive,
      "--where",
      where,
      "--replace",
      "never",
      "--json",
      "small",
    ]);
    expect(kept.objects.at(-1)).toMatchObject({ skipped: 1 });
    expect(readFileSync(join(where, tree.path, "small"), "utf8")).toBe("mine");
  });

  test("paths by --path-from, also from standard input", async () => {
    const { code, objects } = await runCommand(
      ["backup", "--path-from", "-", "--archive", tree.archive, "--json"],
      {
        input: Buffer.concat([tree.odd, Buffer.from([0])]),
      },
    );
    expect(objects.at(-1)).toMatchObject({ entries: 1, bytes: 3 });
    expect(code).toBe(0);
  });
});

describe("what cannot be done", () => {
  test.each<[string, (work: string) => string[], number, RegExp]>([
    [
      "a path that does not exist",
      (dir) => ["backup", "--path", join(dir, "none"), "--archive", join(dir, "a")],
      1,
      /none.* ENOENT/,
    ],
    [
      "a shard outside its count",
      (dir) => ["backup", "--path", dir, "--archive", join(dir, "a"), "--shard", "4/4"],
      2,
      /shard=4\/4/,
    ],
    [
      "a mode that does not exist",
      (dir) => ["backup", "--path", dir, "--archive", join(dir, "a"), "--mode", "steam"],
      2,
      /mode=steam/,
    ],
    [
      "an archive where there is no directory",
      (dir) => ["backup", "--path", "/etc/hostname", "--archive", join(dir, "no/a")],
      1,
      /no\/a/,
    ],
    [
      "an archive that does not exist",
      (dir) => ["list", "--archive", join(dir, "none")],
      1,
      /none/,
    ],
    ["a file that is no archive", () => ["list", "--archive", MAIN], 1, /main\.ts/],
    [
      "a pattern that cannot be",
      (dir) => ["restore", "--archive", join(dir, "none"), "--where", dir, ""],
      2,
      /empty pattern/,
    ],
  ])("%s", async (_what, argv, code, message) => {
    const ran = await runCommand(argv(tree.work));
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/^podheitor-hpc: [^\n]+\n$/);
    expect(ran.code).toBe(code);
    expect(readdirSync(tree.work)).toEqual([]);
  });

  test("a truncated archive is told, and is not a success", async () => {
    await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
    const whole = readFileSync(tree.archive);
    writeFileSync(tree.archive, whole.subarray(0, whole.length - 20));
    const { code, objects } = await runCommand(["list", "--archive", tree.archive, "--json"]);
    expect(objects.at(-1)).toMatchObject({ error: { code: "HPC_ARCHIVE_TRUNCATED" } });
    expect(code).toBe(1);
    // What came before its end is named all the same.
    expect(objects).toHaveLength(9 + 1);
  });
});

test("doctor tries the product itself", async () => {
  const { objects, code } = await runCommand(["doctor", "--json", "--path", tree.path]);
  const findings = objects[0]?.["findings"] as { name: string; status: string }[];
  expect(findings).toContainEqual(expect.objectContaining({ name: "self-test", status: "ok" }));
  expect([0, 1, 3]).toContain(code);
  expect(lstatSync(tree.path).isDirectory()).toBe(true);
});

test("what --exclude and its relatives leave out is no difference, and counted apart", async () => {
  mkdirSync(join(tree.work, "t/cache"), { recursive: true });
  for (const name of ["t/keep", "t/a.o", "t/cache/CACHEDIR.TAG", "t/cache/x"])
    writeFileSync(join(tree.work, name), "Signature: 8a477f597d28d172789f06886806bc55");
  const archive = join(tree.work, "x.hpc");
  const backup = await runCommand([
    ...[
      "backup",
      "--path",
      join(tree.work, "t"),
      "--archive",
      archive,
      "-x",
      "--no-xattrs",
      "--json",
    ],
    ...["--exclude", "*.o", "--exclude-caches", "--exclude-marker", ".nobackup"],
  ]);
  expect(backup.code).toBe(0);
  expect(backup.objects[0]).toMatchObject({
    entries: 3,
    scanned: 4,
    filtered: 1,
    filtered_by: { excluded: 1 },
    pruned: 1,
  });
  const verify = await runCommand(["verify", "--archive", archive, "--against", "/", "--json"]);
  expect(verify.code).toBe(0);
  expect(verify.objects.at(-1)).toMatchObject({ differences: 0, excluded: 3 });
  const bad = await runCommand(["verify", "--archive", archive, "--against", "/", "--sample", "0"]);
  expect(bad.code).toBe(2);
});
