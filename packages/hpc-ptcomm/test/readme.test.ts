import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import * as ptcomm from "../src/index";

test("the example in the README runs and prints what it says", () => {
  const readme = readFileSync(join(__dirname, "..", "README.md"), "utf8");
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const body = example.replace(/^import (\{[^}]*\}) from .*$/m, "const $1 = ptcomm;");
  expect(body).toContain("= ptcomm;");
  const printed: unknown[] = [];
  new Function("ptcomm", "console", body)(ptcomm, { log: (text: unknown) => printed.push(text) });
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
    (match) => match[1],
  );
  expect(promised).toHaveLength(2);
  expect(printed).toEqual(promised);
});
