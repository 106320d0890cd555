// Every TypeScript example of every package's README is type-checked as it stands there, and run:
// what `console.log(…); // TEXT` promises has to be printed.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import ts from "typescript";

const root = join(__dirname, "..");
mkdirSync(join(root, ".cache"), { recursive: true });
/** Below the checkout, where imports of the packages are found. */
const sources = mkdtempSync(join(root, ".cache/readmes-"));
const scratch = mkdtempSync(join(tmpdir(), "hpc-readmes-"));
const NODE = [process.execPath, "--import", "tsx", "--conditions=@podheitor/source"];

// hpc-archive reads the archive that the example of hpc-backend has written: backwards.
const packages = readdirSync(join(root, "packages")).sort().reverse();
const examples = packages.flatMap((name) => {
  const readme = readFileSync(join(root, "packages", name, "README.md"), "utf8");
  return [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""], index) => ({
    name: `${name}, example ${index + 1}`,
    code,
    file: join(sources, `${name}-${index}.ts`),
  }));
});

/** Folders that examples name are below the scratch folder; a function allows `await`. */
function programOf(code: string): string {
  const here = code.replaceAll(/"\/(data|backup|tmp|usr\/lib\/bacula)(?=[/"])/g, `"${scratch}/$1`);
  const [, imports = "", body = ""] = /^((?:import [\s\S]*?;\n)+)([\s\S]*)$/.exec(here) ?? [];
  return `${imports}export async function example() {\n${body}}\nif (require.main === module) void example();\n`;
}

beforeAll(() => {
  for (const folder of ["data/project", "backup", "tmp", "usr/lib/bacula", "bin"])
    mkdirSync(join(scratch, folder), { recursive: true, mode: 0o755 });
  writeFileSync(join(scratch, "data/project/main.c"), "int main(void) { return 0; }\n");
  const backend = join(scratch, "bin/podheitor-hpc-backend");
  const main = join(root, "packages/hpc-backend/src/main.ts");
  writeFileSync(backend, `#!/bin/sh\ncd '${root}' && exec '${NODE.join("' '")}' '${main}' "$@"\n`);
  chmodSync(backend, 0o755);
  for (const { file, code } of examples) writeFileSync(file, programOf(code));
});
afterAll(() => {
  for (const folder of [sources, scratch]) rmSync(folder, { recursive: true });
});

test("there are examples, and their types are right", () => {
  expect(examples.length).toBeGreaterThan(8);
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const files = examples.map(({ file }) => file);
  const program = ts.createProgram(files, { ...options, noEmit: true, noUnusedLocals: false });
  const problems = files.flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  const told = problems.map(
    ({ file, messageText }) =>
      `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
  );
  expect(told).toEqual([]);
});

// The lab's needs a Bacula: readme.lab.ts runs it.
describe.each(examples.filter(({ code }) => !code.includes("startBacula")))("$name", (example) => {
  test("runs, and prints what it says", () => {
    const [program = "", ...words] = [...NODE, example.file];
    const output = execFileSync(program, words, {
      cwd: root,
      env: { ...process.env, PATH: `${join(scratch, "bin")}:${process.env["PATH"]}` },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const [, text = ""] of example.code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm))
      expect(output.replaceAll(scratch, "").split("\n")).toContain(text);
  });
});
