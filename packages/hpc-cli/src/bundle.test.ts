import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";

/* The command as it is shipped: esbuild chooses other modules of a package than a test gets. */

jest.setTimeout(60_000);

const ROOT = join(__dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/cli.md"), "utf8");
const sections = [...page.matchAll(/^## (podheitor-hpc.*)\n\n```\n([\s\S]*?)\n```$/gm)];
let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-cli-bundle-"));
  // Its version stands in the package.json above it.
  mkdirSync(join(scratch, "dist"));
  writeFileSync(
    join(scratch, "package.json"),
    readFileSync(join(ROOT, "packages/hpc-cli/package.json")),
  );
  execFileSync(process.execPath, [
    join(ROOT, "scripts/bundle.mjs"),
    "hpc-cli",
    join(scratch, "dist"),
  ]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

test("its --help is that of docs/cli.md, and cuts no word in two", () => {
  expect(sections.length).toBeGreaterThan(10);
  for (const [, command = "", help] of sections) {
    const words = [...command.split(" ").slice(1), "--help"];
    const said = execFileSync(process.execPath, [
      join(scratch, "dist/podheitor-hpc.cjs"),
      ...words,
    ]);
    expect(said.toString().trim()).toBe(help);
  }
});

(process.geteuid?.() === 0 ? test : test.skip)("without /proc paths are still found out", () => {
  const script = 'mount -t tmpfs none /proc && cd "$1" && shift && exec "$@"';
  const program = [process.execPath, join(scratch, "dist/podheitor-hpc.cjs")];
  const words = [
    "gen-fileset",
    "--path",
    "/whole",
    "--path",
    "part",
    "--shards",
    "2",
    "--output",
    "conf",
  ];
  execFileSync("unshare", ["-m", "sh", "-c", script, "sh", scratch, ...program, ...words]);
  const [file = ""] = readdirSync(join(scratch, "conf")).filter((name) => name.includes("-0-of-2"));
  expect(readFileSync(join(scratch, "conf", file), "utf8")).toContain(
    `:path=/whole;path=${scratch}/part;shard=0/2`,
  );
});
