import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeAccounting, type Frame, FrameDecoder } from "@podheitor/hpc-ptcomm";
import { VERSION } from "../src/version";

const ROOT = join(__dirname, "..", "..", "..");
let scratch: string;
let program: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-bundle-"));
  execFileSync(process.execPath, [join(ROOT, "scripts", "bundle.mjs"), "hpc-backend", scratch]);
  program = join(scratch, "podheitor-hpc-backend.cjs");
  mkdirSync(join(scratch, "tree"));
  writeFileSync(join(scratch, "tree", "file"), "content");
});
afterAll(() => rmSync(scratch, { recursive: true }));

const run = (...args: string[]) =>
  execFileSync(process.execPath, [program, ...args], { cwd: "/", env: {} });

test("the bundle runs without node_modules, from any folder", () =>
  expect(run("--version").toString()).toBe(`${VERSION}\n`));

test("it scans", () => {
  const decoder = new FrameDecoder();
  decoder.push(run("backup", `--path=${join(scratch, "tree")}`));
  const frames: Frame[] = [];
  for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
  decoder.end();
  expect(
    frames
      .filter(({ status }) => "MDZUF".includes(status))
      .map(({ status }) => status)
      .join(""),
  ).toBe("MMDZUF");
  expect(
    decodeAccounting(frames.find(({ status }) => status === "U")?.payload ?? Buffer.alloc(0)),
  ).toMatchObject({
    files: 1,
    bytes: 7,
  });
});

test("SIGUSR1's handler is the first thing the bundle evaluates", () => {
  const text = readFileSync(join(scratch, "podheitor-hpc-backend.main.cjs"), "utf8");
  const handler = text.indexOf('"SIGUSR1"');
  expect(handler).toBeGreaterThan(0);
  // Wrapped modules are evaluated when they are first required, which plain top-level code in front
  // of it would do.
  expect(text.slice(0, handler)).not.toMatch(/^(var|const) \w+ = (__toESM\()?require/m);
});

test("a wrong argument is a usage error", () => {
  expect(() => execFileSync(process.execPath, [program, "dump"], { stdio: "pipe" })).toThrow(
    /unknown argument dump/,
  );
  expect(() =>
    execFileSync(process.execPath, [program, "backup", "--path=/no/such"], { stdio: "pipe" }),
  ).toThrow(/cannot be used: ENOENT/);
});

test("every file it needs is beside it", () => {
  expect(readdirSync(scratch).filter((file) => /\.(so|node|cjs|cache)$/.test(file))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^ffi-rs\./),
      "libhpcrestore.so",
      "libhpcscan.so",
      "podheitor-hpc-backend.cache",
      "podheitor-hpc-backend.cjs",
      "podheitor-hpc-backend.main.cjs",
      expect.stringMatching(/^xxhash\./),
    ]),
  );
  const link = join(scratch, "elsewhere");
  symlinkSync(program, link);
  expect(execFileSync(link, ["--help"]).toString()).toContain("PTCOMM");
});

describe("what was compiled ahead", () => {
  const main = () => join(scratch, "podheitor-hpc-backend.main.cjs");
  const cache = () => join(scratch, "podheitor-hpc-backend.cache");
  const { compiled } = require(join(ROOT, "scripts", "launcher", "compiled.cjs"));
  let kept: Buffer;
  beforeAll(() => {
    kept = readFileSync(cache());
  });
  afterEach(() => writeFileSync(cache(), kept));

  test("is taken by the Node that made it", () =>
    expect(compiled(main(), cache()).rejected).toBe(false));

  test("is not taken for another text of the same length, nor when it is broken, nor when others may write it", () => {
    const other = join(scratch, "other.cjs");
    writeFileSync(other, readFileSync(main(), "utf8").replace("PTCOMM", "ptcomm"), { mode: 0o644 });
    expect(compiled(other, cache()).rejected).toBeUndefined();
    writeFileSync(cache(), kept.subarray(0, statSync(main()).size + 1000));
    expect(compiled(main(), cache()).rejected).toBe(true);
    expect(run("--version").toString()).toBe(`${VERSION}\n`);
    chmodSync(cache(), 0o666);
    expect(compiled(main(), cache()).rejected).toBeUndefined();
    chmodSync(cache(), 0o644);
  });

  test("may be missing", () => {
    rmSync(cache());
    expect(run("--version").toString()).toBe(`${VERSION}\n`);
  });
});

describe("files that others could change", () => {
  const asRoot = process.geteuid?.() === 0 ? test : test.skip;
  /** What it says in its one line. */
  const refusal = () => {
    const ran = spawnSync(process.execPath, [program, "--version"], { encoding: "utf8" });
    expect([ran.status, ran.stdout]).toEqual([1, ""]);
    return ran.stderr;
  };
  const FILES = [
    "podheitor-hpc-backend.cjs",
    "podheitor-hpc-backend.main.cjs",
    "podheitor-hpc-backend.cache",
    "libhpcscan.so",
    "libhpcrestore.so",
    "ffi-rs.linux-x64-gnu.node",
    "xxhash.linux-x64-gnu.node",
  ];

  test("no program is run whose text others may write", () => {
    chmodSync(join(scratch, "podheitor-hpc-backend.main.cjs"), 0o664);
    expect(refusal()).toMatch(/chmod go-w/);
    chmodSync(join(scratch, "podheitor-hpc-backend.main.cjs"), 0o644);
  });

  asRoot.each(FILES.filter((file) => existsSync(join(ROOT, "packages/hpc-backend/dist", file))))(
    "root runs none of it when %s may be written by others, or belongs to somebody else",
    (name) => {
      const file = join(scratch, name);
      const { mode } = statSync(file);
      chmodSync(file, 0o666);
      expect(refusal()).toMatch(
        new RegExp(
          `^podheitor-hpc-backend: it does not run as root, as \\S+/${name} is writable by .*HPC_UNTRUSTED_FILE\\]\n$`,
        ),
      );
      chmodSync(file, mode);
      if (name === "podheitor-hpc-backend.cjs") return; // whose launcher it is, his are the others
      chownSync(file, 54_321, 0);
      expect(refusal()).toMatch(/belongs to uid 54321/);
      chownSync(file, 0, 0);
      expect(run("--version").toString()).toBe(`${VERSION}\n`);
    },
  );

  asRoot("nor when others may put files beside it", () => {
    chmodSync(scratch, 0o777);
    expect(refusal()).toMatch(/hpc-bundle-\w+ is writable by group or others/);
    chmodSync(scratch, 0o700);
  });
});
