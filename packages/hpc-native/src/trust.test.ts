import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openLibrary } from "./library";
import { loadedBeside, unfitForRoot, untrusted } from "./trust";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hpc-trust-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function made(name: string, mode = 0o644): string {
  writeFileSync(join(folder, name), "");
  chmodSync(join(folder, name), mode);
  return join(folder, name);
}

test("what a launcher loads is what lies beside it, also when a link names it", () => {
  const names = ["a.main.cjs", "a.cache", "x.node", "libx.so"];
  for (const name of [...names, "a.cjs", "b.main.cjs", "notes.txt"]) made(name);
  mkdirSync(join(folder, "bin"));
  symlinkSync("../a.cjs", join(folder, "bin", "link"));
  const all = names.map((name) => join(folder, name)).sort();
  expect(loadedBeside(join(folder, "a.cjs"))).toEqual(all);
  expect(loadedBeside(join(folder, "bin", "link"))).toEqual(all);
});

(process.geteuid?.() === 0 ? describe : describe.skip)("as root", () => {
  test.each<[string, (file: string) => void, RegExp]>([
    [
      "may be written by others",
      (file) => chmodSync(file, 0o666),
      /lib\.so is writable by group or others/,
    ],
    [
      "belongs to somebody else",
      (file) => chownSync(file, 54_321, 0),
      /lib\.so belongs to uid 54321/,
    ],
    [
      "lies where others may put one",
      () => chmodSync(folder, 0o777),
      /hpc-trust-\w+ is writable by group or others/,
    ],
  ])("a library that %s is not loaded", (_what, spoil, reason) => {
    const file = made("lib.so");
    spoil(file);
    expect(() => openLibrary("lib", [file])).toThrow(
      expect.objectContaining({
        code: "HPC_UNTRUSTED_FILE",
        message: expect.stringMatching(reason),
      }),
    );
  });

  test("whoever owns the program may own what it loads, and nobody else", () => {
    const [program, library] = [made("program"), made("lib.so")];
    chownSync(library, 54_321, 0);
    expect(unfitForRoot(library, program)).toMatch(/uid 54321/);
    chownSync(program, 54_321, 0);
    expect(unfitForRoot(library, program)).toBeUndefined();
    expect(untrusted(library)).toMatch(/uid 54321/);
    // He could exchange the program as well.
    chownSync(program, 0, 0);
    chownSync(folder, 54_321, 0);
    expect(unfitForRoot(library, program)).toBeUndefined();
    chownSync(library, 54_322, 0);
    expect(unfitForRoot(library, program)).toMatch(/uid 54322/);
  });
});
