import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { NODE, OddTree } from "../test/odd-tree";
import { collector, runCommand } from "./testing";

/* The archive commands as processes: pipes, signals, readers that go away. */

// Starting from source on a busy machine takes its time.
jest.setTimeout(60_000);

const tree = new OddTree();

/** Runs the program as a process of its own, from source. */
function start(args: readonly string[]) {
  const child = spawn(process.execPath, [...NODE, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const err = collector();
  child.stdout.resume();
  child.stderr.pipe(err);
  return { child, err };
}

test("standard output and input carry an archive; names arrive byte for byte", () => {
  const where = join(tree.work, "back");
  const script = `"\${@:2}" backup --path "$(printf '%b' "$1")" --archive - 2>"$WORK/err" | "\${@:2}" restore --archive - --where "$WORK/back"`;
  const shown = tree.odd
    .toString("latin1")
    .replaceAll(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  execFileSync("bash", ["-o", "pipefail", "-c", script, "bash", shown, process.execPath, ...NODE], {
    env: { ...process.env, WORK: tree.work },
  });
  expect(readFileSync(Buffer.concat([Buffer.from(where), tree.odd]), "utf8")).toBe("odd");
  expect(readFileSync(join(tree.work, "err"), "utf8")).toMatch(/^standard output: 1 entry, 3 B/);
});

test.each(["/dev/stdout", "/proc/self/fd/1"])(
  "%s is standard output: nothing but the archive goes there",
  (name) => {
    for (const json of [[], ["--json"]]) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [...NODE, "backup", "--path", tree.path, "--archive", name, ...json],
        { stdio: ["ignore", "pipe", "pipe"], maxBuffer: 16 * 1024 * 1024 },
      );
      expect(status).toBe(0);
      expect(stderr.toString()).toMatch(/9 entries|"entries":9/);
      writeFileSync(tree.archive, stdout);
      const listed = spawnSync(process.execPath, [...NODE, "list", "--archive", tree.archive]);
      expect([listed.status, listed.stderr.toString()]).toEqual([0, ""]);
    }
  },
);

test.each([
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s leaves nothing behind and exits %d", async (signal, code) => {
  const { child, err } = start(["backup", "--path", "/usr", "--archive", tree.archive]);
  const exited = once(child, "exit");
  const partial = () => readdirSync(tree.work).some((name) => name.startsWith("a.hpc"));
  // Until the archive has begun; jest's time limit is ours.
  while (!partial() && child.exitCode === null) await setTimeout(5);
  child.kill(signal);
  expect(await exited).toEqual([code, null]);
  expect(err.text()).toMatch(new RegExp(`^podheitor-hpc: cancelled by ${signal}\\. [^\\n]+\\n$`));
  expect(readdirSync(tree.work)).toEqual([]);
});

test("a reader that goes away ends it quietly", async () => {
  await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
  const script = `set -o pipefail; "$@" list --archive "$ARCHIVE" | true; echo "\${PIPESTATUS[0]}"`;
  const text = execFileSync("bash", ["-c", script, "bash", process.execPath, ...NODE], {
    env: { ...process.env, ARCHIVE: tree.archive },
    encoding: "utf8",
  });
  // The whole list may have fitted into the pipe before `true` ended.
  expect(["0\n", "141\n"]).toContain(text);
});

test("standard output that is full is an error that says so", async () => {
  await runCommand(["backup", "--path", tree.path, "--archive", tree.archive]);
  const script = '"$@" > /dev/full';
  const child = spawn("bash", [
    "-c",
    script,
    "bash",
    process.execPath,
    ...NODE,
    "list",
    "--archive",
    tree.archive,
  ]);
  const err = collector();
  child.stderr.pipe(err);
  const [code] = (await once(child, "close")) as [number];
  expect([code, err.text()]).toEqual([
    1,
    expect.stringMatching(/standard output cannot be written: ENOSPC/),
  ]);
});

describe("in a current directory that was removed", () => {
  const ROOT = join(__dirname, "../../..");
  let folder: string;
  // As it is installed: the loader of sources does not start there.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "hpc-cli-bundle-"));
    copyFileSync(join(__dirname, "../package.json"), join(folder, "package.json"));
    execFileSync(process.execPath, [
      join(ROOT, "scripts/bundle.mjs"),
      "hpc-cli",
      join(folder, "dist"),
    ]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const inNowhere = (...args: string[]) => {
    const nowhere = join(tree.work, "nowhere");
    const script = 'mkdir "$1" && cd "$1" && rmdir "$1" && shift && exec "$@"';
    const program = [process.execPath, join(folder, "dist/podheitor-hpc.cjs")];
    return spawnSync("sh", ["-c", script, "sh", nowhere, ...program, ...args], {
      encoding: "utf8",
      timeout: 20_000,
    });
  };

  test("whole paths work", () => {
    const backup = inNowhere("backup", "--path", tree.path, "--archive", tree.archive);
    expect(backup).toMatchObject({ status: 0, stderr: "" });
    for (const args of [
      ["list", "--archive", tree.archive],
      ["restore", "--archive", tree.archive, "--where", join(tree.work, "back")],
      ["verify", "--archive", tree.archive, "--against", tree.path],
      ["estimate", "--path", tree.path],
      ["shard-probe", "--path", tree.path],
      ["--help"],
    ])
      expect([args[0], inNowhere(...args)]).toEqual([
        args[0],
        expect.objectContaining({ status: 0, stderr: "" }),
      ]);
  });

  test.each([
    [["backup", "--path", ".", "--archive", "/dev/null"], "path ."],
    [["backup", "--path", "/etc/passwd", "--archive", "a.hpc"], "archive a.hpc"],
    [["restore", "--archive", "/a.hpc", "--where", "back"], "where back"],
    [["gen-fileset", "--path", "/usr", "--output", "conf"], "output conf"],
    [["plugin", "check", "x.so"], "file x.so"],
  ])("a relative one is one clear error: %j", (args, named) => {
    const { status, stderr } = inNowhere(...args);
    expect(stderr).toBe(
      `podheitor-hpc: ${named} is relative, and the current directory was removed. Go to a directory that is there, or write the whole path. [HPC_USAGE]\n`,
    );
    expect(status).toBe(2);
  });
});
