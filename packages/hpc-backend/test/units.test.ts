import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { HpcError, isInside } from "@podheitor/hpc-archive";
import fc from "fast-check";
import { version } from "../package.json";
import { KEYS } from "../src/params/keys";
import { parseParams } from "../src/params/params";
import { planScan, suitingThreads } from "../src/params/plan";
import { withoutNested } from "../src/params/roots";
import { shardingOf } from "../src/params/sharding";
import { VERSION } from "../src/version";

test("the version is the package's", () => expect(VERSION).toBe(version));

test("threads: eight to an MDT where they can be counted, the most that any of the filesystems suits", async () => {
  const lustre = { type: "lustre", isNetwork: true, mountPoint: Buffer.from("/lustre") } as const;
  const asked: string[] = [];
  const counting = (mdts: number | undefined) => async (mountPoint: Buffer) => {
    asked.push(mountPoint.toString());
    return mdts;
  };
  expect(await suitingThreads([lustre], counting(2))).toBe(16);
  expect(await suitingThreads([lustre], counting(undefined))).toBe(32);
  expect(asked).toEqual(["/lustre", "/lustre"]);
  const nfs = { type: "nfs", isNetwork: true, mountPoint: Buffer.from("/nfs") } as const;
  expect(await suitingThreads([nfs, lustre], counting(1))).toBe(32);
  expect(await suitingThreads([{ ...lustre, mountPoint: undefined }], counting(1))).toBe(32);
});

describe("parameters", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "hpc-params-"));
  });
  afterAll(() => rmSync(dir, { recursive: true }));
  const parse = (...pairs: [string, string][]) =>
    parseParams(pairs.map(([key, value]) => [key, Buffer.from(value)]));

  test("values may be text", () => {
    expect(
      parseParams([
        ["path", dir],
        ["exclude", "é"],
      ]),
    ).toMatchObject({ paths: [Buffer.from(dir)], excludes: [Buffer.from("é")] });
  });

  test("defaults", () => {
    expect(parse(["path", dir])).toEqual({
      paths: [Buffer.from(dir)],
      shard: undefined,
      strategy: "none",
      mode: "auto",
      threads: undefined,
      dropBehind: false,
      inlineKib: 64,
      channelDepth: 8192,
      allowRoot: false,
      excludes: [],
      excludeMarkers: [],
      oneFilesystem: false,
      xattrs: true,
      project: "auto",
      hsm: "skip",
      degraded: false,
      tree: undefined,
      otherPaths: [],
      nested: [],
      notes: [],
      warnings: [],
    });
  });

  test("a tree and other paths need not exist, but belong together", () => {
    const { tree, otherPaths } = parse(
      ["path", dir],
      ["tree", "/no/./tree/"],
      ["other-path", "/no/a"],
      ["other-path", "/no//b"],
    );
    expect([tree, ...otherPaths].map(String)).toEqual(["/no/tree", "/no/a", "/no/b"]);
    expect(() => parse(["path", dir], ["other-path", "/no/a"])).toThrow(/without "tree"/);
    expect(() => parse(["path", dir], ["tree", "no"])).toThrow(
      expect.objectContaining({ key: "tree" }),
    );
  });

  test("excludes and markers are bytes, in their order", () => {
    const odd = Buffer.from([0xff, 0x2a, 0x0a]);
    const { excludes, excludeMarkers, oneFilesystem, xattrs } = parseParams([
      ["path", Buffer.from(dir)],
      ["exclude", odd],
      ["exclude", Buffer.from("!keep\\\\")],
      ["exclude-marker", Buffer.from(".nobackup")],
      ["exclude-marker", Buffer.from("CACHEDIR.TAG")],
      ["one-filesystem", Buffer.from("yes")],
      ["xattrs", Buffer.from("no")],
    ]);
    expect(excludes).toEqual([odd, Buffer.from("!keep\\\\")]);
    expect(excludeMarkers.map(String)).toEqual([".nobackup", "CACHEDIR.TAG"]);
    expect([oneFilesystem, xattrs]).toEqual([true, false]);
  });

  test("a root lies inside the first that holds it, or that is the same and comes before", () => {
    const component = fc.constantFrom("a", "b", "ab", "\xff");
    const path = fc
      .array(component, { maxLength: 3 })
      .map((parts) => Buffer.from(`/${parts.join("/")}`, "latin1"));
    fc.assert(
      fc.property(fc.array(path, { maxLength: 6 }), (roots) => {
        const expected = roots.flatMap((root, at) => {
          const holds = (other: Buffer, place: number) =>
            other.equals(root) ? place < at : isInside(root, other);
          const outer = roots.find(holds);
          return outer === undefined ? [] : [{ root, outer }];
        });
        const left = { excludes: [], excludeMarkers: [], oneFilesystem: false };
        const { paths, nested } = withoutNested(roots, left);
        expect(nested).toEqual(expected);
        expect(paths).toHaveLength(roots.length - expected.length);
        const named = new Set(roots.map((root) => root.toString("latin1")));
        expect(withoutNested(roots, { ...left, oneFilesystem: true }).paths).toHaveLength(
          named.size,
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("a list of many files as roots takes no minute", () => {
    const roots = Array.from({ length: 50_000 }, (_, at) => Buffer.from(`/some/where/${at}`));
    const before = performance.now();
    const { paths } = withoutNested(roots, {
      excludes: [],
      excludeMarkers: [],
      oneFilesystem: false,
    });
    expect(paths).toHaveLength(roots.length);
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test("roots are normalised, and nested ones dropped with a note", () => {
    const { paths, notes } = parse(
      ["path", `${dir}//./`],
      ["path", dir],
      ["path", "/"],
      ["path", "/tmp"],
    );
    expect(paths.map(String)).toEqual(["/"]);
    expect(notes).toHaveLength(3);
    expect(notes.join()).toMatch(/lies inside/);
  });

  test("nothing of it looks at a filesystem", () => {
    const { paths, nested } = parse(["path", "/no/such"], ["path", "/no/such/below"]);
    expect([...paths, ...nested.map(({ root }) => root)].map(String)).toEqual([
      "/no/such",
      "/no/such/below",
    ]);
  });

  test.each<[string, [string, string][]]>([
    ["path", [["path", "x/../y"]]],
    ["path", [["path", "/a/../b"]]],
    ["shard", [["shard", "1"]]],
    [
      "strategy",
      [
        ["shard", "1/2"],
        ["strategy", "none"],
      ],
    ],
    ["inline_kib", [["inline_kib", "-1"]]],
    ["channel_depth", [["channel_depth", "1e3"]]],
    ["allow-root", [["allow-root", "maybe"]]],
    [
      "threads",
      [
        ["threads", "4"],
        ["threads", "4"],
      ],
    ],
    ["exclude", [["exclude", ""]]],
    ["exclude", [["exclude", "!"]]],
    ["exclude", [["exclude", "//"]]],
    ["exclude", [["exclude", "a\0b"]]],
    ["exclude", [["exclude", "a\\\\\\"]]],
    ["exclude", [["exclude", "x".repeat(4097)]]],
    ["exclude-marker", [["exclude-marker", "a/b"]]],
    ["exclude-marker", [["exclude-marker", ".."]]],
    ["one-filesystem", [["one-filesystem", "1"]]],
    ["xattrs", [["xattrs", "maybe"]]],
    ["back-off", [["back-off", "maybe"]]],
    ["drop-behind", [["drop-behind", "1"]]],
    ["__proto__", [["__proto__", "1"]]],
  ])("a bad %s names the key", (key, pairs) => {
    const work = () => parse(["path", dir], ...pairs);
    expect(work).toThrow(HpcError);
    expect(work).toThrow(expect.objectContaining({ key }));
  });

  test("a scan gives way where the filesystem is on a network, or as it is told", async () => {
    const scope = { since: undefined, keepOlder: false, content: true };
    const backOff = async (...pairs: [string, string][]) =>
      (await planScan(parse(["path", dir], ...pairs), scope)).scan.backOff;
    expect([
      await backOff(),
      await backOff(["back-off", "yes"]),
      await backOff(["back-off", "no"]),
    ]).toEqual([false, true, false]);
  });

  test("small files of a disk are asked for ahead; of what cannot be told they are not", async () => {
    const scope = { since: undefined, keepOlder: false, content: true };
    const gone = mkdtempSync(join(tmpdir(), "hpc-gone-"));
    const [here, both] = [parse(["path", dir]), parse(["path", dir], ["path", gone])];
    rmdirSync(gone);
    const plans = await Promise.all([here, both].map((params) => planScan(params, scope)));
    expect(plans.map(({ scan }) => scan.readAhead)).toEqual([true, false]);
  });

  test("a mode of another filesystem is said, and Lustre's way with directories is kept", async () => {
    const scope = { since: undefined, keepOlder: false, content: true };
    const { warnings, scan } = await planScan(
      parse(["path", dir], ["mode", "lustre"], ["inline_kib", "8"], ["threads", "3"]),
      scope,
    );
    expect(warnings).toEqual([
      expect.stringMatching(
        /^mode=lustre, but .* is on \w+: a directory is read by one thread all the same$/,
      ),
    ]);
    expect(scan).toMatchObject({
      serialDirectories: true,
      inlineBytes: 8192,
      threads: 3,
      ringEntries: 8192,
    });
    expect((await planScan(parse(["path", dir]), { ...scope, content: false })).scan).toMatchObject(
      {
        inlineBytes: 0,
        serialDirectories: false,
      },
    );
  });

  test("inode-hash is left to the engine; with other strategies nothing is read before it is known whose it is", async () => {
    const scope = { since: undefined, keepOlder: false, content: true };
    const planOf = async (strategy: string, shard: string) => {
      const params = parse(["path", dir], ["shard", shard], ["strategy", strategy]);
      return (await planScan(params, { ...scope, sharding: await shardingOf(params, "") })).scan;
    };
    const shard = { index: 1, count: 3 };
    expect(await planOf("inode-hash", "1/3")).toMatchObject({ shard, inlineBytes: 65536 });
    expect(await planOf("subtree+inode-hash", "1/3")).toMatchObject({ shard, inlineBytes: 65536 });
    expect(await planOf("lustre-mdt", "1/3")).toMatchObject({ shard, inlineBytes: 65536 }); // no Lustre here
    expect(await planOf("mtime-bucket", "1/3")).toMatchObject({ inlineBytes: 0 });
    expect((await planOf("mtime-bucket", "1/3")).shard).toBeUndefined();
    expect(await planOf("mtime-bucket", "0/1")).toMatchObject({ inlineBytes: 65536 });
  });

  test("no key survives that is not known", () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        fc.pre(!(key in KEYS));
        expect(() => parse(["path", dir], [key, "1"])).toThrow(
          expect.objectContaining({ code: "HPC_UNKNOWN_KEY", key }),
        );
      }),
    );
  });
});
