import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalogNames, compareTrees, printable } from "./parity";
import { makeTree } from "./trees/tree";

const entries = 600;
let base: string;
let original: string;
let copy: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "hpc-parity-"));
  original = join(base, "original");
  makeTree({ root: original, entries, sparse: 70 * 2 ** 20 });
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function freshCopy(): void {
  copy = join(base, "copy");
  rmSync(copy, { recursive: true, force: true });
  execFileSync("cp", ["-a", original, copy]);
}

test("the tree has exactly the entries that were asked for", async () => {
  const names = await catalogNames(original);
  expect(names.length).toBe(entries);
  expect(new Set(names.map((name) => name.toString("latin1"))).size).toBe(entries);
});

test("the same call makes the same tree, times of untouched entries included", async () => {
  const again = join(base, "again");
  makeTree({ root: again, entries, sparse: 70 * 2 ** 20 });
  const { differences } = await compareTrees(original, again);
  expect(differences.filter(({ what }) => what !== "mtime")).toEqual([]);
  rmSync(again, { recursive: true });
});

test("a faithful copy is identical", async () => {
  freshCopy();
  const parity = await compareTrees(original, copy);
  expect(parity.report).toMatch(/^identical: 600 entries/);
  expect(parity.entries).toBe(entries);
});

describe("each kind of difference is seen", () => {
  const file = () => join(copy, "peculiar/size-512");
  const kept = (change: () => void): void => {
    const path = file();
    change();
    execFileSync("touch", ["-r", join(original, "peculiar/size-512"), path]);
  };
  const cases: [string, string, () => void][] = [
    ["content", "content", () => kept(() => writeFileSync(file(), Buffer.alloc(512, 1)))],
    ["size", "size", () => kept(() => appendFileSync(file(), "x"))],
    ["mode", "mode", () => chmodSync(file(), 0o600)],
    [
      "a nanosecond of mtime",
      "mtime",
      () =>
        void execFileSync("touch", [
          "-d",
          "@1000000000.000000002",
          join(copy, "peculiar/time-one-nanosecond"),
        ]),
    ],
    ["a missing name", "missing", () => unlinkSync(join(copy, "peculiar/names/-rf"))],
    ["a name too many", "extra", () => writeFileSync(join(copy, "peculiar/names/more"), "")],
    [
      "a link target",
      "target",
      () => {
        unlinkSync(join(copy, "peculiar/symlink-dangling"));
        symlinkSync("elsewhere", join(copy, "peculiar/symlink-dangling"));
      },
    ],
    [
      "a broken hard link",
      "links",
      () => {
        unlinkSync(join(copy, "peculiar/links/b"));
        execFileSync("cp", ["-a", join(copy, "peculiar/linked"), join(copy, "peculiar/links/b")]);
      },
    ],
    [
      "a hard link too many",
      "links",
      () => {
        unlinkSync(join(copy, "peculiar/size-1"));
        linkSync(join(copy, "peculiar/linked"), join(copy, "peculiar/size-1"));
      },
    ],
    [
      "a type",
      "type",
      () => {
        unlinkSync(join(copy, "peculiar/fifo"));
        writeFileSync(join(copy, "peculiar/fifo"), "");
      },
    ],
    [
      "one byte of a large file",
      "content",
      () =>
        void execFileSync("dd", [
          "if=/dev/zero",
          `of=${join(copy, "sparse")}`,
          "bs=1",
          "count=1",
          "seek=3",
          "conv=notrunc",
          "status=none",
        ]),
    ],
  ];
  if (process.getuid?.() === 0) {
    cases.push(
      [
        "an owner",
        "owner",
        () => void execFileSync("chown", ["-h", "9:9", join(copy, "peculiar/symlink-long")]),
      ],
      [
        "a device number",
        "device",
        () => {
          unlinkSync(join(copy, "peculiar/block-device"));
          execFileSync("mknod", [join(copy, "peculiar/block-device"), "b", "7", "98"]);
        },
      ],
    );
  }
  test.each(cases)("%s", async (_, what, change) => {
    freshCopy();
    change();
    const { differences, report } = await compareTrees(original, copy);
    expect(differences.map((difference) => difference.what)).toContain(what);
    expect(report).not.toContain("identical");
  });
});

test("whole seconds are compared when asked for, also before 1970", async () => {
  freshCopy();
  execFileSync("touch", ["-d", "@-86400.9", join(copy, "peculiar/time-before-1970")]);
  const times = { times: "seconds" } as const;
  const path = Buffer.from("peculiar/time-before-1970");
  const found = async () =>
    (await compareTrees(original, copy, times)).differences.filter((one) => one.path.equals(path));
  // -86400.123 lies in second -86401, and so does -86400.9
  expect(await found()).toEqual([]);
  utimesSync(join(copy, "peculiar/time-before-1970"), 0, -86400);
  expect(await found()).toHaveLength(1);
});

test("names are printed without control bytes", () => {
  expect(printable(Buffer.from([0x61, 0x0a, 0xff, 0x5c, 0x20]))).toBe("a\\x0a\\xff\\x5c ");
});
