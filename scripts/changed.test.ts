import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

/** What `npm test -- --changed` would run for these files. */
function concerned(...files: string[]): { suites: string[]; related: string[] } {
  const program = `import(${JSON.stringify(join(__dirname, "changed.mjs"))}).then((it) =>
    process.stdout.write(JSON.stringify(it.concerned(${JSON.stringify(files)}))))`;
  return JSON.parse(execFileSync(process.execPath, ["-e", program], { encoding: "utf8" }));
}

test("a change in C runs its suite, those that include it, and what opens the library", () => {
  const { suites, related } = concerned("shim-c/path/hpc_path.c");
  expect(suites.sort()).toEqual(["fd-plugin", "path", "restore", "scan"]);
  expect(related).toContain("packages/hpc-walker/src/native-library.ts");
  expect(concerned("shim-c/fd-plugin/plugin.c").suites).toEqual(["fd-plugin"]);
});

test("a change in TypeScript runs what imports it, a page what reads it, anything else nothing", () => {
  const file = "packages/hpc-shard/src/shard.ts";
  expect(concerned(file)).toEqual({ suites: [], related: [file] });
  expect(concerned("docs/errors.md").related).toContain("packages/hpc-cli/src/docs.test.ts");
  expect(concerned("LICENSE", "packages/gone.ts")).toEqual({ suites: [], related: [] });
});
