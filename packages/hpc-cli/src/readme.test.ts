import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

test("the README's commands work, one after the other", () => {
  const scratch = mkdtempSync(join(tmpdir(), "hpc-readme-"));
  try {
    const tree = join(scratch, "tree");
    mkdirSync(tree);
    writeFileSync(join(tree, "a file"), "content");
    const [, commands = ""] =
      /```sh\n(.*?)```/s.exec(readFileSync(join(__dirname, "../README.md"), "utf8")) ?? [];
    expect(commands).toContain("podheitor-hpc restore");
    const program = `podheitor-hpc() { "${process.execPath}" --import "${require.resolve("tsx")}" --conditions=@podheitor/source "${join(__dirname, "main.ts")}" "$@"; }`;
    const output = execFileSync("bash", ["-e", "-o", "pipefail", "-c", `${program}\n${commands}`], {
      cwd: scratch,
      env: { ...process.env, TREE: tree },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output).toMatch(/^-rw-.* 7 .*\/tree\/a file$/m);
    expect(output).toContain("no difference");
    for (const where of ["back", "piped"])
      expect(readFileSync(join(scratch, where, tree, "a file"), "utf8")).toBe("content");
  } finally {
    rmSync(scratch, { recursive: true });
  }
}, 60_000);
