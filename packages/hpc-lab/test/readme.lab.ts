import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { transformSync } from "@swc/core";
import * as lab from "../src";
import { cleanUp, scratch } from "./support";

afterAll(cleanUp);

test("the README's example runs as it stands there", async () => {
  const readme = readFileSync(join(__dirname, "../README.md"), "utf8");
  const source = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const { code } = transformSync(`${source}\nexport { example };`, {
    filename: "readme.ts",
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  const loaded: { exports: { example?: (folder: string) => Promise<string> } } = { exports: {} };
  const load = (name: string): unknown => {
    expect(name).toBe("@podheitor/hpc-lab");
    return lab;
  };
  new Function("module", "exports", "require", code)(loaded, loaded.exports, load);
  const said = await loaded.exports.example?.(scratch());
  // The stock File Daemon keeps two names of a symlink apart; everything else is the same.
  expect(said).toMatch(/^500 names; /);
  expect(said).toMatch(/links: peculiar\/links\/symlink|identical/);
});
