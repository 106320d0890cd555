/** The edge check must fail where it should: a tree with one planted import each. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

const root = resolve(__dirname, "..");
let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "hpc-edges-"));
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  writeFileSync(join(tree, "tsconfig.json"), "{}");
  write("packages/hpc-ptcomm/src/index.ts", "export const frame = 1;\n");
  write("packages/hpc-walker/src/index.ts", "export const scan = 1;\n");
});

afterEach(() => rmSync(tree, { recursive: true }));

function write(path: string, text: string): void {
  const file = join(tree, path);
  mkdirSync(resolve(file, ".."), { recursive: true });
  writeFileSync(file, text);
}

function check(): { status: number | null; output: string } {
  const run = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
      "--config",
      join(root, ".dependency-cruiser.cjs"),
      "packages",
    ],
    { cwd: tree, encoding: "utf8" },
  );
  return { status: run.status, output: run.stdout + run.stderr };
}

describe("npm run edges", () => {
  test("passes on a tree without forbidden imports", () => {
    write(
      "packages/hpc-cdylib/src/index.ts",
      'export { frame } from "../../hpc-ptcomm/src/index";\n',
    );
    expect(check()).toMatchObject({ status: 0 });
  });

  test("fails on an import against the edges and names the rule", () => {
    write(
      "packages/hpc-ptcomm/src/planted.ts",
      'export { scan } from "../../hpc-walker/src/index";\n',
    );
    const { status, output } = check();
    expect(status).not.toBe(0);
    expect(output).toContain("hpc-ptcomm-edges");
  });

  test("fails on a package without a line of its own", () => {
    write("packages/hpc-new/src/index.ts", 'export { frame } from "../../hpc-ptcomm/src/index";\n');
    const { status, output } = check();
    expect(status).not.toBe(0);
    expect(output).toContain("known-package");
  });

  test("fails on files that know each other by their types only", () => {
    write(
      "packages/hpc-ptcomm/src/one.ts",
      'import type { Two } from "./two";\nexport interface One { two?: Two }\n',
    );
    write(
      "packages/hpc-ptcomm/src/two.ts",
      'import type { One } from "./one";\nexport interface Two { one?: One }\n',
    );
    const { status, output } = check();
    expect(status).not.toBe(0);
    expect(output).toContain("no-cycles");
  });

  test("fails on a folder of more files than can be read as a list, tests apart", () => {
    const folders = () =>
      spawnSync(process.execPath, [join(root, "scripts/folders.mjs")], {
        cwd: tree,
        encoding: "utf8",
      });
    const many = (from: number, to: number, suffix = "") => {
      for (let i = from; i < to; i++) write(`packages/hpc-ptcomm/src/sub/f${i}${suffix}.ts`, "");
    };
    many(0, 22);
    many(0, 30, ".test");
    expect(folders()).toMatchObject({ status: 0, stderr: "" });
    many(22, 23);
    expect(folders().stderr).toContain("packages/hpc-ptcomm/src/sub: 23 files");
    expect(folders().status).toBe(1);
  });

  test("fails when ffi-rs is imported outside hpc-native", () => {
    write(
      "packages/hpc-walker/src/index.ts",
      'import { load } from "ffi-rs";\nexport const scan = load;\n',
    );
    const { status, output } = check();
    expect(status).not.toBe(0);
    expect(output).toContain("foreign-calls-in-one-place");
  });
});
