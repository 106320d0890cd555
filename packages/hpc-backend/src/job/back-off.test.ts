import { expect, test } from "@jest/globals";
import { BackOffReport } from "./back-off";

function reported(...states: [backOffs: number, least: number, now: number][]): string[] {
  const said: string[] = [];
  const report = new BackOffReport(32, { say: (_level, text) => void said.push(text) });
  const stats = states.map(([backOffs, threadsLeast, threadsNow]) => ({
    backOffs,
    threadsLeast,
    threadsNow,
  }));
  for (const state of stats) report.look(state);
  for (const last of stats.slice(-1)) report.end(last);
  return said;
}

test("a scan that never gave way says nothing", () => {
  expect(reported([0, 32, 32], [0, 32, 32])).toEqual([]);
});

test("it is said when it begins, once, and at the end how far it went", () => {
  expect(reported([0, 32, 32], [1, 16, 16], [3, 4, 4], [3, 4, 32])).toEqual([
    "the filesystem answers much slower than it did: 16 of 32 scan threads go on (back-off=no: all)",
    "the scan gave way to a slow filesystem 3 times, down to 4 of 32 threads; 32 at its end",
  ]);
});
