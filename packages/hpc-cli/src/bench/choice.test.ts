import { expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import { casesChosen } from "./choice";

const NAMES = ["walk-flat", "file-daemon", "file-daemon-without-tls"];

test.each([
  [undefined, NAMES],
  ["file", ["file-daemon", "file-daemon-without-tls"]],
  ["file-daemon", ["file-daemon"]],
  ["flat", ["walk-flat"]],
])("--case %s", (word, chosen) => {
  expect(NAMES.filter(casesChosen(NAMES, word))).toEqual(chosen);
});

test("a case that is in no name is refused", () => {
  expect(() => casesChosen(NAMES, "deep")).toThrow(HpcError);
});
