import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";

const ROOT = join(__dirname, "..", "..", "..");
const generated = readFileSync(join(__dirname, "../src/layout.ts"), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "hpc-layout-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** What the build does before it compiles, with another file in the place of layout.ts. */
function check(text: string) {
  const file = join(scratch, "layout.ts");
  writeFileSync(file, text);
  const argv = ["-s", "-C", join(ROOT, "shim-c/wire"), "check", `LAYOUT=${file}`];
  const { status, stdout, stderr } = spawnSync("make", argv, { encoding: "latin1" });
  return { ok: status === 0, output: stdout + stderr };
}

describe("layout.ts", () => {
  test("is what the headers say", () => expect(check(generated)).toEqual({ ok: true, output: "" }));

  test.each([
    ["an offset that moved", "mtimeS: 48,", "mtimeS: 56,"],
    ["a field that is new", "  holeCount: 120, // u32\n", ""],
    ["a bound that changed", "XATTR_BLOCK = 900000", "XATTR_BLOCK = 800000"],
    ["a name of ours", "podheitor.project", "podheitor.quota"],
  ])("is stale after %s, and the build says what to do", (_, now, before) => {
    expect(generated).toContain(now);
    const { ok, output } = check(generated.replace(now, before));
    expect(ok).toBe(false);
    expect(output).toContain("is stale: npm run layout");
  });
});
