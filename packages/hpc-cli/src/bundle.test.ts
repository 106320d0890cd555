import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  writeFileSync(join(scratch, "package.json"), readFileSync(join(ROOT, "packages/hpc-cli/package.json")));
  execFileSync(process.execPath, [join(ROOT, "scripts/bundle.mjs"), "hpc-cli", join(scratch, "dist")]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

test("its --help is that of docs/cli.md, and cuts no word in two", () => {
  expect(sections.length).toBeGreaterThan(10);
  for (const [, command = "", help] of sections) {
    const words = [...command.split(" ").slice(1), "--help"];
    const said = execFileSync(process.execPath, [join(scratch, "dist/podheitor-hpc.cjs"), ...words]);
    expect(said.toString().trim()).toBe(help);
  }
});
