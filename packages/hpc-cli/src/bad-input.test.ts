import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { runCommand } from "./testing";

/* What operators get wrong, or what time does to files: one error that names thing and remedy, and nothing is touched. */

const ROOT = join(__dirname, "../../..");
const NODE = [
  process.execPath,
  "--import",
  "tsx",
  "--conditions=@podheitor/source",
  join(__dirname, "main.ts"),
];
/**
 * root reads everything: where the tests run as root, the command runs without the capabilities to.
 */
const DROP = [
  "--bounding-set=-dac_override,-dac_read_search",
  "--inh-caps=-dac_override,-dac_read_search",
  "--",
];
const POWERLESS = process.getuid?.() === 0 ? ["setpriv", ...DROP, ...NODE] : NODE;
const ONE_LINE = /^podheitor-hpc: [^\n]+\. [^\n]+\n$/;

jest.setTimeout(120_000);

let scratch: string;
let tree: string;
let work: string;
/** A good archive of `tree`. */
let good: Buffer;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-cli-bad-"));
  tree = join(scratch, "tree");
  mkdirSync(join(tree, "closed"), { recursive: true });
  writeFileSync(join(tree, "first"), Buffer.alloc(200_000, "first"));
  writeFileSync(join(tree, "second"), Buffer.alloc(900_000, "second"));
  const file = join(scratch, "good.hpc");
  await runCommand(["backup", "--path", tree, "--archive", file]);
  good = readFileSync(file);
});
afterAll(() => {
  chmodSync(join(tree, "closed"), 0o700);
  rmSync(scratch, { recursive: true });
});
beforeEach(() => {
  work = mkdtempSync(join(scratch, "work-"));
});

/** Runs the command as a process of its own. */
function spawned([command = "", ...args]: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(command, args, { encoding: "utf8", env: { ...process.env, ...env } });
}

describe("restore-plan", () => {
  test.each(["2026-02-31", "2026-13-01", "yesterday"])("--before %s is no time", async (before) => {
    const words = [
      "restore-plan",
      "--job-prefix",
      "set",
      "--catalog",
      join(work, "none"),
      "--before",
      before,
    ];
    const ran = await runCommand(words);
    expect([ran.code, ran.stderr]).toEqual([
      2,
      expect.stringContaining(`--before "${before}" is not a time`),
    ]);
  });
});

describe("backup", () => {
  const archive = () => join(work, "a.hpc");

  test.each<[string, () => string[], number, RegExp]>([
    [
      "a missing path",
      () => ["--path", join(tree, "none")],
      1,
      /"\S+\/none" cannot be used: ENOENT. Check the spelling/,
    ],
    [
      "one missing path of two",
      () => ["--path", tree, "--path", "/no/such"],
      1,
      /"\/no\/such" cannot be used: ENOENT/,
    ],
    [
      "a shard outside its count",
      () => ["--path", tree, "--shard", "4/4"],
      2,
      /shard=4\/4: .*\. Write shard=K\/N/,
    ],
    [
      "an unknown option",
      () => ["--path", tree, "--shrad", "0/4"],
      2,
      /unknown option: --shrad. See podheitor-hpc backup --help/,
    ],
    [
      "an unknown value",
      () => ["--path", tree, "--mode", "zfs"],
      2,
      /mode=zfs is not known. Use one of: auto, posix,/,
    ],
    [
      "a value out of range",
      () => ["--path", tree, "--inline-kib", "513"],
      2,
      /inline-kib=513 .*number from 0 to 512; default: 64/,
    ],
  ])("%s", async (_what, argv, code, message) => {
    writeFileSync(archive(), "the archive of yesterday");
    const ran = await runCommand(["backup", ...argv(), "--archive", archive()]);
    expect(ran.stderr).toMatch(ONE_LINE);
    expect(ran.stderr).toMatch(message);
    expect([ran.code, ran.stdout.length]).toEqual([code, 0]);
    expect(readFileSync(archive(), "utf8")).toBe("the archive of yesterday");
    expect(readdirSync(work)).toEqual(["a.hpc"]);
  });

  test("an unreadable root is no backup", () => {
    chmodSync(join(tree, "closed"), 0o000);
    writeFileSync(archive(), "the archive of yesterday");
    const argv = ["backup", "--path", join(tree, "closed"), "--archive"];
    const ran = spawned([...POWERLESS, ...argv, archive()]);
    expect(ran.stderr).toMatch(ONE_LINE);
    expect(ran.stderr).toMatch(/path "\S+\/closed" cannot be used: EACCES. Run the job as root/);
    expect([ran.status, ran.stdout]).toEqual([1, ""]);
    expect(readFileSync(archive(), "utf8")).toBe("the archive of yesterday");
    expect(readdirSync(work)).toEqual(["a.hpc"]);
    // Nor does a pipe get the beginning of one.
    const piped = spawned([...POWERLESS, ...argv, "-"]);
    expect([piped.status, piped.stdout]).toEqual([1, ""]);
  });

  test("an unreadable directory below it is a warning", () => {
    chmodSync(join(tree, "closed"), 0o000);
    const argv = ["backup", "--path", tree, "--archive", archive(), "--json"];
    const ran = spawned([...POWERLESS, ...argv]);
    expect(JSON.parse(ran.stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      entries: 4,
      unlistable: 1,
    });
    expect(ran.stdout).toContain("/closed: cannot open directory: EACCES");
    expect(ran.status).toBe(3);
  });

  /**
   * A library that lets the disk fail: reads of files called "second" beyond their first bytes give
   * EIO.
   */
  function failingDisk(): string {
    const source = join(work, "disk.c");
    writeFileSync(
      source,
      `#define _GNU_SOURCE
       #include <dlfcn.h>
       #include <errno.h>
       #include <stdio.h>
       #include <string.h>
       #include <sys/types.h>
       #include <unistd.h>
       static int bad(int fd, off_t at) {
         char link[64], path[4096];
         snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
         ssize_t n = at > 0 ? readlink(link, path, sizeof path - 1) : -1;
         return n > 7 && memcmp(path + n - 7, "/second", 7) == 0;
       }
       #define READER(name) ssize_t name(int fd, void *to, size_t n, off_t at) { \\
         ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, #name); \\
         return bad(fd, at) ? (errno = EIO, -1) : real(fd, to, n, at); }
       READER(pread)
       READER(pread64)`,
    );
    execFileSync("cc", ["-shared", "-fPIC", "-o", join(work, "disk.so"), source, "-ldl"], {
      stdio: "pipe",
    });
    return join(work, "disk.so");
  }

  test("a file whose reading fails half way is a warning, and is not restored", async () => {
    const argv = ["backup", "--path", tree, "--archive", archive(), "--json"];
    const ran = spawned([...NODE, ...argv], { LD_PRELOAD: failingDisk() });
    expect(JSON.parse(ran.stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      incomplete: 1,
      failed: 0,
    });
    expect(ran.stdout).toMatch(/\/second: read failed after 524288 bytes: EIO/);
    expect(ran.status).toBe(3);
    const where = join(work, "back");
    const restore = await runCommand(["restore", "--archive", archive(), "--where", where]);
    expect(restore.stderr).toMatch(
      /\/second: not restored: it was read incompletely when it was saved/,
    );
    expect(restore.code).toBe(3);
    expect(readdirSync(join(where, tree)).sort()).toEqual(["closed", "first"]);
  });
});

describe("where results go", () => {
  test.each([
    [
      "shard-probe",
      ["shard-probe", "--path", "/", "--svg", "/nowhere/at-all.svg"],
      "--svg /nowhere/at-all.svg cannot be written",
    ],
    ["bench", ["bench", "emit", "--folder", "/nowhere"], "--folder cannot be used"],
  ])("%s: is looked at before anything is read", async (_name, argv, message) => {
    const { code, stdout, stderr } = await runCommand(argv);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain(message);
    expect(stderr).toContain("[HPC_OUTPUT]");
    expect([code, stdout.toString()]).toEqual([1, ""]);
  });
});

describe("an archive", () => {
  const spoiled = (bytes: Buffer) => {
    const file = join(work, "spoiled.hpc");
    writeFileSync(file, bytes);
    return file;
  };
  const commands = (file: string): string[][] => [
    ["list", "--archive", file],
    ["verify", "--archive", file, "--against", tree],
    ["restore", "--archive", file, "--where", join(work, "back")],
  ];

  test.each([
    ["to nothing", () => 0],
    ["within its header", () => 5],
    ["in its middle", () => good.length >> 1],
    ["by its last byte", () => good.length - 1],
  ])("truncated %s fails every command, and is left as it is", async (_where, length) => {
    const bytes = good.subarray(0, length());
    const file = spoiled(bytes);
    for (const argv of commands(file)) {
      const { code, stderr } = await runCommand(argv);
      expect(stderr).toMatch(/^podheitor-hpc: [^\n]*spoiled\.hpc[^\n]*: [^\n]+\n$/m);
      expect(code).toBe(1);
    }
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test("with a flipped bit: whichever it is, no wrong byte is restored in silence", async () => {
    for (let at = 3; at < good.length; at += Math.floor(good.length / 40)) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      const file = spoiled(bytes);
      const where = join(work, `back-${at}`);
      const { code, stderr } = await runCommand(["restore", "--archive", file, "--where", where]);
      expect([at, code === 1 || code === 3]).toEqual([at, true]);
      // It names the archive, or the entry that it did not restore.
      expect(stderr).toMatch(/spoiled\.hpc|not restored/);
      for (const name of ["first", "second"]) {
        const path = join(where, tree, name);
        const whole =
          readdirSync(work).includes(`back-${at}`) && spawnSync("test", ["-e", path]).status === 0;
        if (whole) expect(readFileSync(path).equals(readFileSync(join(tree, name)))).toBe(true);
      }
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });
});

describe("plugin and backend", () => {
  let dir: string;
  let backend: string;
  beforeEach(() => {
    dir = join(work, "plugins");
    backend = join(work, "backend.cjs");
    mkdirSync(dir, { mode: 0o755 });
    writeFileSync(backend, greeting("hpc/1"));
  });

  /** A backend that answers the greeting with this dialect. */
  const greeting = (dialect: string) =>
    `process.stdout.write("C000026\\nHello podheitor-hpc ${dialect}\\n"); process.stdin.on("end", () => process.exit(0)).resume();`;
  const install = (...more: string[]) =>
    runCommand(["plugin", "install", "--plugin-dir", dir, ...more]);
  /** The lines of what is wrong, with the remedy that follows each. */
  async function check(): Promise<{ code: number; failed: string[] }> {
    const { code, stdout } = await runCommand(["plugin", "check", "--plugin-dir", dir]);
    return {
      code,
      failed: [...stdout.toString().matchAll(/^FAILED +(.+)\n +→ .+$/gm)].map(
        ([, line = ""]) => line,
      ),
    };
  }

  beforeAll(async () => {
    expect((await runCommand(["plugin", "build"])).code).toBe(0);
  });

  test.each<[string, () => string, RegExp]>([
    [
      "missing",
      () => join(work, "none.cjs"),
      /backend \S+\/none\.cjs does not exist. Give --backend/,
    ],
    [
      "not executable",
      () => join(work, "program"),
      /backend \S+\/program is not executable. Run `chmod \+x \S+\/program`/,
    ],
    ["a directory", () => dir, /backend \S+\/plugins is not a file. Give --backend/],
  ])("a backend that is %s is not installed", async (_what, file, message) => {
    copyFileSync("/bin/true", join(work, "program"));
    chmodSync(join(work, "program"), 0o644);
    expect((await install("--backend", backend)).code).toBe(0);
    const before = readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]);
    const { code, stderr } = await install("--backend", file());
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
    expect(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))])).toEqual(before);
  });

  test("a backend that goes missing, or cannot be run any more, is found by check", async () => {
    copyFileSync("/bin/true", join(work, "program"));
    chmodSync(join(work, "program"), 0o755);
    await install("--backend", join(work, "program"));
    chmodSync(join(work, "program"), 0o644);
    expect(await check()).toEqual({
      code: 1,
      failed: [expect.stringMatching(/^backend +\S+\/program cannot be run$/)],
    });
    rmSync(join(work, "program"));
    expect(await check()).toEqual({
      code: 1,
      failed: [expect.stringMatching(/^backend +\S+\/program does not exist$/)],
    });
  });

  test("a backend of another release is named by check", async () => {
    await install("--backend", backend);
    writeFileSync(backend, greeting("hpc/9"));
    expect(await check()).toEqual({
      code: 1,
      failed: [
        expect.stringMatching(
          /^handshake +the backend .*backend\.cjs does not answer as one of this release$/,
        ),
      ],
    });
  });

  test("a plugin that was made for another File Daemon says so when it is loaded", async () => {
    // The real one, but for a release that has interface version 24 where 15 has 23.
    cpSync(join(ROOT, "shim-c"), join(work, "shim-c"), {
      recursive: true,
      filter: (path) => !path.endsWith("/build") && !path.endsWith("/test"),
    });
    const source = join(work, "shim-c/fd-plugin");
    const table = readFileSync(join(source, "job/abi.c"), "utf8");
    expect(table).toContain(".version = 23,");
    writeFileSync(join(source, "job/abi.c"), table.replace(".version = 23,", ".version = 24,"));
    execFileSync("make", ["-s", "-C", source, "build/podheitor-hpc-fd.so"], { stdio: "pipe" });
    await install("--backend", backend);
    copyFileSync(join(source, "build/podheitor-hpc-fd.so"), join(dir, "podheitor-hpc-fd.so"));
    const { code, failed } = await check();
    expect(failed).toEqual([expect.stringMatching(/^load +exit 1: .*interface version 23/)]);
    expect(code).toBe(1);
  });
});
