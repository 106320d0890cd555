import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { runCommand } from "../testing";
import { checkLine } from "./check-line";

/* `plugin check --plugin-string` and `--fileset`: nothing of it looks at a filesystem that is saved. */

const checked = (line: string) =>
  runCommand(["plugin", "check", "--plugin-string", line, "--json"]);

test("a good line is good anywhere, with what is odd about it", async () => {
  const line = "podheitor-hpc:path=/no/such/tree;shard=0/4;channel_depth=100;path=/no/such/tree/a";
  const { code, stderr, objects } = await checked(line);
  expect([code, stderr]).toEqual([0, ""]);
  expect(objects).toMatchObject([
    {
      ok: true,
      checks: [
        { detail: "4 keys; the filesystems are not looked at" },
        { detail: expect.stringMatching(/^channel-depth=100 /) },
        { detail: "path /no/such/tree/a lies inside path /no/such/tree and is saved with it" },
      ],
    },
  ]);
});

test("all that is wrong is told, each with what to do", async () => {
  const line = "podheitor-hpc:path=/a/../b;thread=4;metadata-ops=0;mode=zfs";
  expect(await checked(line)).toMatchObject({
    code: 1,
    objects: [
      {
        ok: false,
        checks: [
          { code: "HPC_BAD_PATH", key: "path" },
          { code: "HPC_UNKNOWN_KEY", remedy: expect.stringMatching(/^Did you mean "threads"\?/) },
          {
            key: "metadata-ops",
            remedy: expect.stringMatching(/1 to 10000000; default: no limit/),
          },
          { key: "mode", remedy: expect.stringMatching(/auto, posix, .*; default: auto/) },
        ],
      },
    ],
  });
  const { code, stdout } = await runCommand(["plugin", "check", "--plugin-string", line]);
  expect(stdout.toString()).toMatch(/^FAILED {2}plugin string unknown key "thread"\n +→ Did you/m);
  expect(code).toBe(1);
});

test.each([
  ["podheitor:path=/a", /begins with "podheitor:" and not/],
  ["path=/a", /begins with ":" and not/],
  ['podheitor-hpc:path="/a', /the quote that opens here is never closed/],
  ["podheitor-hpc:", /key "path" is missing/],
])("%j is no line of ours", async (line, message) => {
  const { code, stdout } = await runCommand(["plugin", "check", "--plugin-string", line]);
  expect([code, stdout.toString()]).toEqual([1, expect.stringMatching(message)]);
});

test("whatever stands in a line, there is an answer", async () => {
  const byte = fc.oneof(fc.constantFrom(...Buffer.from(';="\\ /path')), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(byte), async (bytes) => {
      const text = Buffer.concat([Buffer.from("podheitor-hpc:"), Buffer.from(bytes)]);
      const checks = await checkLine({ name: "x", text });
      expect(checks.length).toBeGreaterThan(0);
      for (const { ok, code } of checks) expect(ok ? "" : code).not.toBe("HPC_INTERNAL");
    }),
  );
});

describe("--fileset", () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "hpc-check-line-"));
  });
  afterAll(() => rmSync(scratch, { recursive: true }));
  const lines = (...plugins: string[]) => {
    const file = join(scratch, "dir.conf");
    const include = plugins.map((line) => `    Plugin = "${line}"\n`).join("");
    writeFileSync(file, `FileSet {\n  Name = a\n  Include {\n${include}  }\n}\n`);
    return runCommand(["plugin", "check", "--fileset", file, "--json"]);
  };

  test("each line is checked, and named by its place", async () => {
    expect(await lines("podheitor-hpc:path=/a", "bpipe:/x", "podheitor-hpc:path=b")).toMatchObject({
      code: 1,
      objects: [
        {
          checks: [
            { name: expect.stringMatching(/dir\.conf:4$/), ok: true },
            { name: expect.stringMatching(/dir\.conf:6$/), ok: false, key: "path" },
          ],
        },
      ],
    });
    expect((await lines("podheitor-hpc:path=/a")).code).toBe(0);
  });

  test("a file without one is said", async () => {
    expect(await lines("bpipe:/x")).toMatchObject({
      code: 1,
      objects: [{ error: { code: "HPC_CONFIGURATION" } }],
    });
  });

  test("one thing is checked at a time", async () => {
    const words = ["plugin", "check", "--fileset", "a", "--plugin-string", "podheitor-hpc:path=/a"];
    expect((await runCommand(words)).code).toBe(2);
  });
});
