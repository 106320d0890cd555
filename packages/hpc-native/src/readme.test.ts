import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import * as native from "./index";

test("the example in the README runs and prints what it says", () => {
  const readme = readFileSync(join(__dirname, "..", "README.md"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const body = example.replace(/^import (\{[^}]*\}) from .*$/m, "const $1 = native;");
  const printed: string[] = [];
  new Function("native", "console", body)(native, {
    log: (value: unknown) => printed.push(String(value)),
  });
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
    (match) => match[1],
  );
  expect(promised).toHaveLength(3);
  expect(printed).toEqual(promised);
});
