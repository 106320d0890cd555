import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { peakRss } from "./peak-rss";

const MIB = 1024 * 1024;

/** Runs `code` in a new process, and returns what it prints. */
function inNewProcess(code: string): string {
  return execFileSync(process.execPath, ["--require", "tsx/cjs", "-e", code], {
    encoding: "utf8",
  }).trim();
}

test("counts what was touched, after it is gone too", () => {
  const before = peakRss();
  Buffer.alloc(256 * MIB, 1);
  expect(peakRss()).toBeGreaterThan(before);
});

test("a large process that starts us does not count", () => {
  const module = JSON.stringify(join(__dirname, "peak-rss.ts"));
  const child = `console.log(require(${module}).peakRss())`;
  // The parent is its own process, so that its memory is not this test runner's.
  const parent =
    `const fat = Buffer.alloc(${400 * MIB}, 1);` +
    `const { execFileSync } = require("node:child_process");` +
    `console.log(execFileSync(process.execPath, ["--require", "tsx/cjs", "-e", ${JSON.stringify(child)}], { encoding: "utf8" }).trim(), fat.length);`;
  const [peak = "", held] = inNewProcess(parent).split(" ");
  expect(Number(held)).toBe(400 * MIB);
  expect(Number(peak)).toBeGreaterThan(20 * MIB);
  expect(Number(peak)).toBeLessThan(300 * MIB);
});
