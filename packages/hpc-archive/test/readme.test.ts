import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { file, make, put } from "./made";

const scratch = mkdtempSync(join(tmpdir(), "hpc-readme-"));
const PACKAGE = join(__dirname, "..");
const example = join(PACKAGE, `.readme-${process.pid}.ts`);
afterAll(() => {
  rmSync(scratch, { recursive: true });
  rmSync(example, { force: true });
});

test("the example in the README runs", () => {
  mkdirSync(join(scratch, "backup"));
  const name = join(scratch, "main.c");
  const archive = make((out) => put(out, file(name, {}), undefined, Buffer.from("int x")), {
    ...{ files: 1, bytes: 5 },
    path: name,
  });
  writeFileSync(join(scratch, "backup/project.hpc"), archive);
  const code =
    /```ts\n([\s\S]*?)```/.exec(readFileSync(join(PACKAGE, "README.md"), "utf8"))?.[1] ?? "";
  const [imports = "", ...body] = code
    .replaceAll(/"\/(backup|tmp)/g, `"${scratch}/$1`)
    .split("\n\n");
  // A function round it, because the sources are CommonJS.
  writeFileSync(
    example,
    `${imports}\nasync function main() {\n${body.join("\n")}\n}\nvoid main();\n`,
  );
  const output = execFileSync(
    process.execPath,
    ["--import", "tsx", "--conditions=@podheitor/source", example],
    { cwd: PACKAGE, encoding: "utf8" },
  );
  expect(output).toContain("main.c 5\n");
  expect(output).toContain("1 restored, 0 differences");
  expect(existsSync(join(scratch, "tmp/back", name))).toBe(true);
});
