import { expect, test } from "@jest/globals";
import { table, textBars } from "./index";

test("a table has a row to a line, and a cell may hold a bar", () => {
  expect(table(["program", "seconds"], [["a | b", "1"]])).toBe(
    "| program | seconds |\n|---|---|\n| a \\| b | 1 |\n",
  );
});

test("bars of text are in proportion, and what is there at all has one", () => {
  const [most = "", half = "", little = "", none = ""] = textBars([
    ["one", 1000, "a"],
    ["two", 500, "b"],
    ["three", 1, "c"],
    ["four", 0, "d"],
  ]);
  const length = (line: string) => line.split("█").length - 1;
  expect([most, half, little, none].map(length)).toEqual([40, 20, 1, 0]);
  expect(none).toMatch(/^four {45}d$/);
});
