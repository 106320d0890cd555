import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { helpText } from "./run";

const ROOT = join(__dirname, "../../..");

/** Private packages, whose errors no operator meets. */
const PRIVATE = new Set(["hpc-lab"]);

/** Codes in quotes, or as keys of a table, in all sources that are not tests. */
function codesInSources(): Set<string> {
  const codes = new Set<string>();
  for (const name of readdirSync(join(ROOT, "packages")).filter((each) => !PRIVATE.has(each))) {
    const source = join(ROOT, "packages", name, "src");
    for (const file of readdirSync(source, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
      const text = readFileSync(join(source, file), "utf8");
      for (const [, quoted, key] of text.matchAll(
        /["'](HPC_[A-Z_]*[A-Z])["']|^\s*(HPC_[A-Z_]*[A-Z]):/gm,
      ))
        codes.add(quoted ?? key ?? "");
    }
  }
  return codes;
}

describe("docs/errors.md", () => {
  const page = readFileSync(join(ROOT, "docs/errors.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(HPC_[A-Z_]+)` \| (.+) \| (.+) \|$/gm)];
  const documented = rows.map(([, code = ""]) => code);

  test("has every code of the sources, and no other", () => {
    expect([...documented].sort()).toEqual([...codesInSources()].sort());
  });

  test("has each once, with what happened and what to do", () => {
    expect(new Set(documented).size).toBe(documented.length);
    expect(page.match(/^\| `/gm)).toHaveLength(rows.length);
  });
});

const COMMANDS = [
  [],
  ["backup"],
  ["restore"],
  ["list"],
  ["verify"],
  ["estimate"],
  ["shard-probe"],
  ["gen-fileset"],
  ["restore-plan"],
  ["bench"],
  ["plugin"],
  ["plugin", "build"],
  ["plugin", "install"],
  ["plugin", "check"],
  ["doctor"],
];

test("docs/cli.md is what --help says (npm run docs writes it)", () => {
  const sections = COMMANDS.map(
    (command) =>
      `## podheitor-hpc${command.map((word) => ` ${word}`).join("")}\n\n\`\`\`\n${helpText(command).trim()}\n\`\`\`\n`,
  );
  const expected = `# podheitor-hpc: every command\n\nWritten by \`npm run docs\` from \`--help\`. Errors: [errors.md](errors.md).\n\n${sections.join("\n")}`;
  const file = join(ROOT, "docs/cli.md");
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(file, expected);
  expect(readFileSync(file, "utf8")).toBe(expected);
});

test("every command shows an example", () => {
  for (const command of COMMANDS.filter((words) => words.length > 0 && words.join() !== "plugin"))
    expect(helpText(command)).toMatch(/Examples:\s+podheitor-hpc/);
});

test("every option says what holds without it", () => {
  for (const command of COMMANDS) {
    const [, options = ""] = /\nOptions:\n([\s\S]*?)(\n\n|$)/.exec(helpText(command)) ?? [];
    for (const option of options.split(/\n(?= +(?:-\w, )? *--)/).slice(2))
      expect(option.replace(/\s+/g, " ")).toMatch(/\[required\]|\[default: /);
  }
});
