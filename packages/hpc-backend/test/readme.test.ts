import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";

const scratch = mkdtempSync(join(tmpdir(), "hpc-readme-"));
const PACKAGE = join(__dirname, "..");
const example = join(PACKAGE, `.readme-${process.pid}.ts`);
afterAll(() => {
  rmSync(scratch, { recursive: true });
  rmSync(example, { force: true });
});

test("the example in the README runs", () => {
  const code =
    /```ts\n([\s\S]*?)```/.exec(readFileSync(join(PACKAGE, "README.md"), "utf8"))?.[1] ?? "";
  for (const dir of ["data/project", "backup"]) mkdirSync(join(scratch, dir), { recursive: true });
  writeFileSync(join(scratch, "data/project/main.c"), "int main(void) { return 0; }\n");
  const [imports = "", ...body] = code
    .replaceAll(/"\/(data|backup|tmp)/g, `"${scratch}/$1`)
    .split("\n\n");
  const check =
    "if (entries !== 2 || bytes !== 29 || differences !== 0) throw new Error([entries, bytes, differences].join());";
  // A function round it, because the sources are CommonJS.
  writeFileSync(
    example,
    `${imports}\nasync function main() {\n${body.join("\n")}\n${check}\n}\nvoid main();\n`,
  );
  const output = execFileSync(
    process.execPath,
    ["--import", "tsx", "--conditions=@podheitor/source", example],
    {
      cwd: PACKAGE,
    },
  );
  expect(output.toString()).toContain("main.c");
  expect(existsSync(join(scratch, "tmp/back", scratch, "data/project/main.c"))).toBe(true);
});
