import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import * as chart from "./index";

test("the README's example draws a chart", () => {
  const readme = readFileSync(join(__dirname, "..", "README.md"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const body = example.replace(/^import (\{[^}]*\}) from .*$/m, "const $1 = chart;");
  expect(new Function("chart", `${body}; return svg;`)(chart)).toMatch(
    /^<svg [\s\S]*four shards[\s\S]*<\/svg>\n$/,
  );
});
