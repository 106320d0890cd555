import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { escapeName } from "./escape";
import { collector, runCommand } from "./testing";

/* The archive commands on a small tree that has every difficulty in its names. */

const ODD = Buffer.from([0x6f, 0xff, 0x0a, 0x22, 0x20]);
const MAIN = join(__dirname, "main.ts");
const NODE = ["--import", "tsx", "--conditions=@podheitor/source", MAIN];

// Starting from source on a busy machine takes its time.
jest.setTimeout(60_000);

let scratch: string;
let tree: string;
let work: string;

/** `tree` and the odd name below it, as bytes. */
const odd = () => Buffer.concat([Buffer.from(`${tree}/`), ODD]);

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-cli-"));
  tree = join(scratch, "tree");
  mkdirSync(join(tree, "dir/empty"), { recursive: true });
  writeFileSync(join(tree, "dir/large"), Buffer.alloc(3_000_000, "large"));
  writeFileSync(join(tree, "small"), "small");
  writeFileSync(join(tree, "none"), "");
  linkSync(join(tree, "small"), join(tree, "dir/other-name"));
  symlinkSync("nowhere", join(tree, "symlink"));
  writeFileSync(odd(), "odd");
  for (const path of ["dir/empty", "dir", "."]) utimesSync(join(tree, path), 1_000_000_000.5, 1_000_000_000.5);
});
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => {
  work = mkdtempSync(join(scratch, "work-"));
});

/** GNU find's and sha256sum's view of a tree: what must be the same after a restore. */
function view(directory: string): string {
  const script = `cd "$1" && find . -printf '%p %y %s %m %U %G %T@ %l %n\\0' | LC_ALL=C sort -z | tr '\\0' '\\n'; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -z | tr '\\0' '\\n'`;
  // Sizes of directories depend on their history.
  return execFileSync("bash", ["-c", script, "bash", directory], { encoding: "latin1" }).replaceAll(/ d \d+ /g, " d ");
}

/** Runs the program as a process of its own, from source. */
function start(args: readonly string[]) {
  const child = spawn(process.execPath, [...NODE, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const out = collector();
  const err = collector();
  child.stdout.pipe(out);
  child.stderr.pipe(err);
  return { child, out, err };
}

const archive = () => join(work, "a.hpc");

describe("backup, list, verify, restore", () => {
  test("bring a tree back as it was", async () => {
    const backup = await runCommand(["backup", "--path", tree, "--archive", archive(), "--json"]);
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

    const where = join(work, "back");
    const restore = await runCommand(["restore", "--archive", archive(), "--where", where]);
    expect([restore.code, restore.stderr]).toEqual([0, ""]);
    expect(restore.stdout.toString()).toMatch(/back: 9 entries, 2\.9 MiB in /);
    expect(view(join(where, tree))).toBe(view(tree));
    expect((await runCommand(["verify", "--archive", archive(), "--against", where])).code).toBe(0);
  });

  test("a pattern that nothing matches is a warning", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const restore = (...patterns: string[]) =>
      runCommand(["restore", "--archive", archive(), "--where", join(work, "back"), "--replace", "never", ...patterns]);
    const none = await restore("smal");
    expect([none.code, none.stderr]).toEqual([3, expect.stringMatching(/warning: no name in the archive matches/)]);
    expect(await restore("small")).toMatchObject({ code: 0, stderr: "" });
    // Skipped, because it is there by now: it matched all the same.
    expect(await restore("small")).toMatchObject({ code: 0, stderr: "" });
  });

  test("the summary of a backup names what was left out, and of all shards nothing", async () => {
    const shard = await runCommand(["backup", "--path", tree, "--archive", archive(), "--shard", "0/64"]);
    // Of 64 shards: one of two may well hold all of a tree so small.
    expect(shard.stdout.toString()).toMatch(/left out: \d of other shards$/m);
    const shards = await runCommand(["backup", "--path", tree, "--archive", archive(), "--shards", "2"]);
    expect([shards.code, shards.stdout.toString()]).toEqual([0, expect.not.stringContaining("left out")]);
    const since = await runCommand(["backup", "--path", tree, "--archive", archive(), "--since", "99999999999"]);
    expect(since.stdout.toString()).toMatch(/left out: \d older than --since$/m);
  });

  test("a restore target that is no directory is named with the errno", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const { code, stderr } = await runCommand(["restore", "--archive", archive(), "--where", archive()]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/nothing can be restored to .*a\.hpc: (ENOTDIR|EEXIST): /),
    ]);
  });

  test("standard output that is full is an error that says so", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const script = '"$@" > /dev/full';
    const child = spawn("bash", ["-c", script, "bash", process.execPath, ...NODE, "list", "--archive", archive()]);
    const err = collector();
    child.stderr.pipe(err);
    const [code] = (await once(child, "close")) as [number];
    expect([code, err.text()]).toEqual([1, expect.stringMatching(/standard output cannot be written: ENOSPC/)]);
  });

  test("verify tells what differs and exits 3", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const where = join(work, "back");
    await runCommand(["restore", "--archive", archive(), "--where", where]);
    writeFileSync(join(where, tree, "small"), "SMALL");
    rmSync(join(where, tree, "symlink"));
    const { code, objects } = await runCommand(["verify", "--archive", archive(), "--against", where, "--json"]);
    const differences = objects.flatMap(({ difference }) =>
      difference === undefined ? [] : [difference as { path: string; what: string }],
    );
    // The content of an inode with two names is compared under the one that the archive has it under.
    const { objects: listed } = await runCommand(["list", "--archive", archive(), "--json"]);
    const link = listed.find((entry) => entry["hardlink"] !== undefined);
    const names = [link?.["path"], link?.["hardlink"]].map((name) => String(name).slice(tree.length));
    expect([...names].sort()).toEqual(["/dir/other-name", "/small"]);
    const found = differences.map(({ path, what }) => `${what} ${path.slice(path.indexOf(tree) + tree.length)}`);
    expect(found.filter((line) => !line.startsWith("mtime "))).toHaveLength(2);
    expect(found).toEqual(expect.arrayContaining([`content ${names[1]}`, "missing /symlink", `mtime ${names[1]}`]));
    expect(objects.at(-1)).toMatchObject({ differences: differences.length });
    expect(code).toBe(3);
    const text = await runCommand(["verify", "--archive", archive(), "--against", where]);
    expect(text.stdout.toString()).toMatch(/^missing .*\/symlink$/m);
    expect(text.code).toBe(3);
  });

  test("list: bytes for a file, escapes for a terminal, NUL for programs, JSON", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const plain = await runCommand(["list", "--archive", archive()]);
    expect(plain.stdout.includes(Buffer.concat([odd(), Buffer.from("\n")]))).toBe(true);
    const terminal = collector({ isTTY: true });
    await runCommand(["list", "--archive", archive()], { stdout: terminal });
    expect(terminal.text()).toContain(escapeName(odd()));
    expect(terminal.text().trimEnd().split("\n")).toHaveLength(9);

    const nul = await runCommand(["list", "--archive", archive(), "-0"]);
    const find = execFileSync("find", [tree, "-print0"]);
    const sorted = (bytes: Buffer) => bytes.toString("latin1").split("\0").sort();
    expect(sorted(nul.stdout)).toEqual(sorted(find));

    const { objects } = await runCommand(["list", "--archive", archive(), "--json"]);
    const named = objects.find((entry) => entry["path_base64"] !== undefined);
    expect(Buffer.from(String(named?.["path_base64"]), "base64")).toEqual(odd());
    expect(objects.find((entry) => entry["type"] === "symlink")).toMatchObject({
      path: join(tree, "symlink"),
      symlink: "nowhere",
    });
  });

  test("patterns and --replace", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const where = join(work, "back");
    const some = await runCommand([
      "restore",
      "--archive",
      archive(),
      "--where",
      where,
      "--json",
      "small",
      `${tree}/dir/large`,
    ]);
    expect(some.objects.at(-1)).toMatchObject({ files: 2, unselected: 7 });
    expect(readdirSync(join(where, tree)).sort()).toEqual(["dir", "small"]);
    writeFileSync(join(where, tree, "small"), "mine");
    const kept = await runCommand([
      "restore",
      "--archive",
      archive(),
      "--where",
      where,
      "--replace",
      "never",
      "--json",
      "small",
    ]);
    expect(kept.objects.at(-1)).toMatchObject({ skipped: 1 });
    expect(readFileSync(join(where, tree, "small"), "utf8")).toBe("mine");
  });

  test("paths by --path-from, also from standard input", async () => {
    const { code, objects } = await runCommand(["backup", "--path-from", "-", "--archive", archive(), "--json"], {
      input: Buffer.concat([odd(), Buffer.from([0])]),
    });
    expect(objects.at(-1)).toMatchObject({ entries: 1, bytes: 3 });
    expect(code).toBe(0);
  });
});

describe("shards", () => {
  test("are written at once and together are the tree", async () => {
    const { code, objects, stderr } = await runCommand([
      "backup",
      "--path",
      tree,
      "--archive",
      archive(),
      "--shards",
      "3",
      "--json",
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(objects.at(-1)).toMatchObject({ entries: 9, files: 4, directories: 3, bytes: 3_000_008 });
    expect(readdirSync(work).sort()).toEqual(["a.0-of-3.hpc", "a.1-of-3.hpc", "a.2-of-3.hpc"]);
    const where = join(work, "back");
    const restore = await runCommand([
      "restore",
      ...[2, 0, 1].flatMap((k) => ["--archive", join(work, `a.${k}-of-3.hpc`)]),
      "--where",
      where,
    ]);
    expect([restore.code, restore.stderr]).toEqual([0, ""]);
    expect(view(join(where, tree))).toBe(view(tree));
  });

  test("one by one: --shard K/N", async () => {
    const entries = [];
    for (const k of [0, 1]) {
      const { objects } = await runCommand([
        "backup",
        "--path",
        tree,
        "--archive",
        join(work, `${k}`),
        "--shard",
        `${k}/2`,
        "--json",
      ]);
      entries.push(Number(objects.at(-1)?.["entries"]));
    }
    expect(entries.reduce((a, b) => a + b)).toBe(9);
  });

  test("one that fails is named, and the others stay", async () => {
    mkdirSync(join(work, "a.1-of-2.hpc"));
    const { code, stderr } = await runCommand(["backup", "--path", tree, "--archive", archive(), "--shards", "2"]);
    expect(stderr).toMatch(/1 of 2 shards failed \(.*a\.1-of-2\.hpc\): .*--shard K\/2\n$/);
    expect(code).toBe(1);
    expect(existsSync(join(work, "a.0-of-2.hpc"))).toBe(true);
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
      "an engine that does not exist",
      (dir) => ["backup", "--path", dir, "--archive", join(dir, "a"), "--engine", "steam"],
      2,
      /engine=steam/,
    ],
    [
      "an archive where there is no directory",
      (dir) => ["backup", "--path", "/etc/hostname", "--archive", join(dir, "no/a")],
      1,
      /no\/a/,
    ],
    ["an archive that does not exist", (dir) => ["list", "--archive", join(dir, "none")], 1, /none/],
    ["a file that is no archive", () => ["list", "--archive", MAIN], 1, /main\.ts/],
    [
      "a pattern that cannot be",
      (dir) => ["restore", "--archive", join(dir, "none"), "--where", dir, ""],
      2,
      /empty pattern/,
    ],
  ])("%s", async (_what, argv, code, message) => {
    const ran = await runCommand(argv(work));
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/^podheitor-hpc: [^\n]+\n$/);
    expect(ran.code).toBe(code);
    expect(readdirSync(work)).toEqual([]);
  });

  test("a truncated archive is told, and is not a success", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const whole = readFileSync(archive());
    writeFileSync(archive(), whole.subarray(0, whole.length - 20));
    const { code, objects } = await runCommand(["list", "--archive", archive(), "--json"]);
    expect(objects.at(-1)).toMatchObject({ error: { code: "HPC_ARCHIVE_TRUNCATED" } });
    expect(code).toBe(1);
  });
});

describe("as a process", () => {
  test("standard output and input carry an archive; names arrive byte for byte", () => {
    const where = join(work, "back");
    const script = `"\${@:2}" backup --path "$(printf '%b' "$1")" --archive - 2>"$WORK/err" | "\${@:2}" restore --archive - --where "$WORK/back"`;
    const shown = odd()
      .toString("latin1")
      .replaceAll(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
    execFileSync("bash", ["-o", "pipefail", "-c", script, "bash", shown, process.execPath, ...NODE], {
      env: { ...process.env, WORK: work },
    });
    expect(readFileSync(Buffer.concat([Buffer.from(where), odd()]), "utf8")).toBe("odd");
    expect(readFileSync(join(work, "err"), "utf8")).toMatch(/^standard output: 1 entry, 3 B/);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s leaves nothing behind and exits %d", async (signal, code) => {
    const { child, err } = start(["backup", "--path", "/usr", "--archive", archive()]);
    const exited = once(child, "exit");
    const partial = () => readdirSync(work).some((name) => name.startsWith("a.hpc"));
    // Until the archive has begun; jest's time limit is ours.
    while (!partial() && child.exitCode === null) await setTimeout(5);
    child.kill(signal);
    expect(await exited).toEqual([code, null]);
    expect(err.text()).toMatch(new RegExp(`^podheitor-hpc: cancelled by ${signal}: [^\\n]+\\n$`));
    expect(readdirSync(work)).toEqual([]);
  });

  test("a reader that goes away ends it quietly", async () => {
    await runCommand(["backup", "--path", tree, "--archive", archive()]);
    const script = `set -o pipefail; "$@" list --archive "$ARCHIVE" | true; echo "\${PIPESTATUS[0]}"`;
    const text = execFileSync("bash", ["-c", script, "bash", process.execPath, ...NODE], {
      env: { ...process.env, ARCHIVE: archive() },
      encoding: "utf8",
    });
    // The whole list may have fitted into the pipe before `true` ended.
    expect(["0\n", "141\n"]).toContain(text);
  });
});

test("doctor tries the product itself", async () => {
  const { objects, code } = await runCommand(["doctor", "--json", "--path", tree]);
  const findings = objects[0]?.["findings"] as { name: string; status: string }[];
  expect(findings).toContainEqual(expect.objectContaining({ name: "self-test", status: "ok" }));
  expect(findings).toContainEqual(expect.objectContaining({ name: "scan engine" }));
  expect([0, 1, 3]).toContain(code);
  expect(lstatSync(tree).isDirectory()).toBe(true);
});

test("what --exclude and its relatives leave out, verify names with the reason", async () => {
  mkdirSync(join(work, "t/cache"), { recursive: true });
  for (const name of ["t/keep", "t/a.o", "t/cache/CACHEDIR.TAG", "t/cache/x"])
    writeFileSync(join(work, name), "Signature: 8a477f597d28d172789f06886806bc55");
  const archive = join(work, "x.hpc");
  const backup = await runCommand([
    ...["backup", "--path", join(work, "t"), "--archive", archive, "-x", "--no-xattrs", "--json"],
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
  expect(verify.code).toBe(3);
  const lines = verify.objects;
  const differences = lines.slice(0, -1).map((line) => line["difference"]);
  expect(differences).toHaveLength(3);
  for (const one of differences) expect(one).toMatchObject({ what: "extra", why: "excluded" });
  expect(lines.at(-1)).toMatchObject({ differences: 3, differences_by: { excluded: 3, unknown: 0 } });
  const bad = await runCommand(["verify", "--archive", archive, "--against", "/", "--sample", "0"]);
  expect(bad.code).toBe(2);
});
