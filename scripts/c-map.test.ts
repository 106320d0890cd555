/** The map of shim-c must fail where it should: a tree with one planted fault each. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "hpc-c-map-"));
  write("ring/ring.c", "void ring_take(void)\n{\n    pace_wait();\n}\n");
  write(
    "pace/pace.c",
    "static int rest(int n)\n{\n    return n;\n}\n\nvoid pace_wait(void)\n{\n}\n",
  );
});

afterEach(() => rmSync(tree, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

function check(...words: string[]): { status: number | null; output: string } {
  const run = spawnSync(process.execPath, [join(__dirname, "c-map.mjs"), tree, ...words], {
    encoding: "utf8",
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

describe("npm run c-map", () => {
  test("passes on a tree without a circle, and draws it", () => {
    const { status, output } = check("--draw");
    expect(output).toContain("ring/ring.c → pace/pace.c");
    expect(output).toContain("pace/pace.c → nobody");
    expect(status).toBe(0);
  });

  test("fails on files that call each other, be it through a header, and names the way", () => {
    write("pace/deque.c", "int deque_push(void)\n{\n    return pace_next();\n}\n");
    write("pace/pace.h", "static inline int pace_more(void)\n{\n    return deque_push();\n}\n");
    write(
      "pace/pace.c",
      "int pace_next(void)\n{\n    return 0;\n}\n\nvoid pace_wait(void)\n{\n}\n",
    );
    const { status, output } = check();
    expect(output).toMatch(/a circle of files: .*pace_next\(\) of pace\/pace\.c/);
    expect(status).toBe(1);
  });

  test("fails on a circle of folders whose files have none", () => {
    write("pace/slow.c", "void slow_down(void)\n{\n    ring_take();\n}\n");
    const { status, output } = check();
    expect(output).toContain("a circle of folders: ");
    expect(output).not.toContain("a circle of files");
    expect(status).toBe(1);
  });

  test("comments, strings and static functions are no calls", () => {
    write(
      "pace/pace.c",
      '/* ring_take() */\nstatic void ring_take(void)\n{\n}\n\nvoid pace_wait(void)\n{\n    ring_take();\n    puts("ring_take()");\n}\n',
    );
    expect(check()).toMatchObject({ status: 0 });
  });

  test("fails on a global that is not called after its file", () => {
    write("pace/pace.c", "void wait_here(void)\n{\n}\n");
    const { status, output } = check();
    expect(output).toContain("pace/pace.c has wait_here(): call it pace_…");
    expect(status).toBe(1);
  });

  test("fails on a folder of many sources", () => {
    for (let i = 0; i < 23; i++) write(`many/m${i}.c`, `void m${i}_do(void)\n{\n}\n`);
    const { status, output } = check();
    expect(output).toContain("many has 23 sources");
    expect(status).toBe(1);
  });
});
