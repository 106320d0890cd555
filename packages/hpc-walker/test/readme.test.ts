import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import * as walker from "../src/index";

/** Runs the example of the README as it stands there, on a tree of three entries. */
test("the example of the README", async () => {
  const readme = readFileSync(join(__dirname, "../README.md"), "utf8");
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const dir = mkdtempSync(join(tmpdir(), "hpc-readme-"));
  try {
    for (const name of ["a", "b"]) writeFileSync(join(dir, name), name);
    const body = code.replace(/^import .*\n/, "").replace('"/data"', JSON.stringify(dir));
    expect(body).not.toBe(code);
    const run = new Function(
      "walker",
      `return (async () => {
        const { createScanner, RecordCursor, RecordType } = walker;
        const report = () => {};
        let entries = 0, failures = 0;
        ${body}
        return { entries, failures };
      })()`,
    ) as (module: typeof walker) => Promise<unknown>;
    expect(await run(walker)).toEqual({ entries: 3, failures: 0 });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
