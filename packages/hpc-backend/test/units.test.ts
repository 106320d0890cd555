import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import { ENTRY_AT, EntryFlag as WireFlag, EntryKind as WireKind } from "@podheitor/hpc-ptcomm";
import { ENTRY_OFFSETS, EntryFlag, EntryKind } from "@podheitor/hpc-walker";
import fc from "fast-check";
import { version } from "../package.json";
import { isSampled, NameTable } from "../src/archive/name-table";
import { StandIns } from "../src/archive/stand-ins";
import { type Inode, KEY_WORDS, keyOf } from "../src/entry/link-key";
import { LinkGroups } from "../src/entry/links";
import { LinkSpill } from "../src/entry/links-spill";

import { KEYS } from "../src/params/keys";
import { parseParams } from "../src/params/params";
import { isInside } from "../src/params/paths";
import { selector } from "../src/params/patterns";
import { planScan, suitingThreads } from "../src/params/plan";
import { withoutNested } from "../src/params/roots";
import { shardingOf } from "../src/params/sharding";
import { printable } from "../src/printable";
import { VERSION } from "../src/version";

test("the scan's head and the wire's head are the same", () => {
  // The scan's fields bear the names that C gives them, the wire's those of its Entry.
  const inWords = (field: string) =>
    field
      .replace(/_len$/, "_length")
      .replace(/time_s$/, "time")
      .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const scan = Object.fromEntries(
    Object.entries(ENTRY_OFFSETS).map(([field, at]) => [inWords(field), at]),
  );
  expect(scan).toEqual(ENTRY_AT);
  expect(EntryKind).toEqual(WireKind);
  expect(EntryFlag).toEqual(WireFlag);
});

test("the version is the package's", () => expect(VERSION).toBe(version));

const inode = (inoLo: number, inoHi = 0, more: Partial<Inode> = {}): Inode => ({
  ...{
    inoLo,
    inoHi,
    devLo: 5,
    devHi: 0,
    birthLo: 0,
    birthHi: 0,
    kind: EntryKind.REGULAR,
    uid: 1000,
    gid: 1000,
  },
  ...{ sizeLo: 4, sizeHi: 0, ...more },
});

test.each([
  ["in memory", 1_000],
  ["on disk beyond a few", 3],
  ["all on disk", 0],
])("hard-link groups %s: one leader, then links, closed with the last name", (_, budget) => {
  const some = fc.record({
    ino: fc.integer({ min: 1, max: 0xffff_ffff }),
    hi: fc.integer({ min: 0, max: 3 }),
    nlink: fc.integer({ min: 2, max: 5 }),
  });
  const inodes = fc.uniqueArray(some, {
    selector: ({ ino, hi }) => `${ino}.${hi}`,
    maxLength: 200,
  });
  fc.assert(
    fc.property(inodes, fc.infiniteStream(fc.nat()), (all, random) => {
      const links = new LinkGroups({ budget });
      const names = all.flatMap((one, at) =>
        Array.from({ length: one.nlink }, (_, name) => ({ ...one, at, name })),
      );
      names.sort(() => (random.next().value % 3) - 1);
      const sent = new Map<number, { group: number; leader: string; count: number }>();
      for (const { ino, hi, nlink, at, name } of names) {
        const later = links.later(inode(ino, hi));
        const known = sent.get(at);
        if (known === undefined) {
          expect(later).toBeUndefined();
          const full = `${at}/${name}`;
          sent.set(at, {
            group: links.lead(inode(ino, hi), nlink, Buffer.from(full)),
            leader: full,
            count: 1,
          });
        } else {
          known.count++;
          expect(later?.leader.toString()).toBe(known.leader);
          expect(later?.group).toBe(known.group);
          expect(later?.last).toBe(known.count === nlink);
        }
      }
      expect(new Set([...sent.values()].map(({ group }) => group)).size).toBe(all.length);
      expect(links.size).toBe(0);
      links.close();
    }),
    { numRuns: budget === 1_000 ? 200 : 50 },
  );
});

test("hard-link groups on disk: the table grows, forgets, and is made anew", () => {
  const links = new LinkGroups({ budget: 100 });
  const name = (i: number) => Buffer.from(`/some/directory/name-${i}`);
  const groups = new Map<number, number>();
  // More come than go: 4,000 in the end, after 8,000 leaders.
  for (let i = 1; i <= 8_000; i++) {
    expect(links.later(inode(i, 1))).toBeUndefined();
    groups.set(i, links.lead(inode(i, 1), 3, name(i)));
    if (i % 2 === 0) {
      const one = i / 2;
      expect(links.later(inode(one, 1))).toEqual({
        group: groups.get(one),
        leader: name(one),
        last: false,
      });
      expect(links.later(inode(one, 1))).toEqual({
        group: groups.get(one),
        leader: name(one),
        last: true,
      });
    }
  }
  expect(links.size).toBe(4_000);
  expect(links.spilled).toBeGreaterThan(3_800);
  for (let i = 4_001; i <= 8_000; i++) expect(links.later(inode(i, 1))?.leader).toEqual(name(i));
  links.close();
});

test("hard-link groups on disk: bytes of finished groups are used again", () => {
  const spill = new LinkSpill(tmpdir(), 4096);
  const key = (inoLo: number) => {
    const words = new Uint32Array(KEY_WORDS);
    keyOf(inode(inoLo), words);
    return words;
  };
  const name = (i: number) => Buffer.alloc(1 + (i % 300), `${i} `);
  // A hundred at once, of 1,500 in all.
  for (let i = 1; i <= 1_500; i++) {
    spill.lead(key(i), i, 1, name(i));
    if (i > 100)
      expect(spill.later(key(i - 100))).toEqual({
        group: i - 100,
        leader: name(i - 100),
        last: true,
      });
  }
  expect(spill.size).toBe(100);
  expect(spill.nameBytes).toBeLessThan(300 * 512);
  for (let i = 1_401; i <= 1_500; i++) expect(spill.later(key(i))?.leader).toEqual(name(i));
  spill.close();
});

test.each([
  ["in memory", 100],
  ["on disk", 0],
])("an inode number that was given to another file is another group %s", (_, budget) => {
  const links = new LinkGroups({ budget });
  const user = { birthLo: 7, birthHi: 3 };
  links.lead(inode(1, 0, user), 3, Buffer.from("user's"));
  links.lead(inode(2), 3, Buffer.from("without a birth"));
  // Root's, who got the number later; another kind; another owner; and where no birth is known,
  // another size.
  for (const more of [
    { birthLo: 8 },
    { birthHi: 4 },
    { birthLo: 0, birthHi: 0 },
    { kind: EntryKind.SYMLINK },
    { uid: 0 },
  ])
    expect(links.later(inode(1, 0, { ...user, ...more }))).toBeUndefined();
  for (const more of [
    { birthLo: 4 },
    { kind: EntryKind.FIFO },
    { uid: 0 },
    { gid: 0 },
    { sizeLo: 5 },
    { sizeHi: 1 },
  ])
    expect(links.later(inode(2, 0, more))).toBeUndefined();
  const root = links.lead(inode(1, 0, { ...user, birthLo: 8, uid: 0 }), 2, Buffer.from("root's"));
  // A file that grows is the same file still.
  expect(links.later(inode(1, 0, { ...user, sizeLo: 5 }))?.leader.toString()).toBe("user's");
  expect(links.later(inode(1, 0, { ...user, birthLo: 8, uid: 0 }))).toEqual({
    ...{ group: root, leader: Buffer.from("root's"), last: true },
  });
  expect(links.later(inode(1, 0, user))?.last).toBe(true);
  expect(links.later(inode(2))?.last).toBe(false);
  links.close();
});

test("names that stand in for leaders are kept, however many and however often they are asked for", () => {
  const names = new StandIns();
  const group = (i: number) => (BigInt(i) << 30n) + 1n;
  for (let i = 0; i < 70_000; i++) names.add(group(i), Buffer.from(`name ${i}`));
  for (const i of [0, 5, 5, 5, 65_535, 65_536, 69_999, 69_999])
    expect(names.get(group(i))?.toString()).toBe(`name ${i}`);
  expect(names.get(7n)).toBeUndefined();
  names.close();
});

test("a working directory that cannot be used is an error that names it", () => {
  const links = new LinkGroups({ budget: 0, directory: "/nonexistent" });
  expect(() => links.lead(inode(1), 2, Buffer.from("x"))).toThrow(
    "/nonexistent cannot be used: ENOENT",
  );
});

test.each([
  ["one pass", 1_000_000],
  ["seven passes", 3_000],
])("a name table holds what was added, in %s", (_, perPass) => {
  const names = new NameTable(tmpdir(), perPass);
  const name = (i: number) => Buffer.from(`name ${i}`);
  for (let i = 0; i < 20_000; i++) names.add(name(i), i);
  names.add(name(5), 7);
  expect(names.count).toBe(20_001);
  const seen = new Set<number>();
  let passes = 0;
  for (const part of names.parts()) {
    passes++;
    for (let i = 0; i < 22_000; i++) {
      if (!part.isFor(name(i))) continue;
      expect(part.valueOf(name(i))).toBe(i < 20_000 ? i : undefined);
      seen.add(i);
    }
  }
  expect(seen.size).toBe(22_000);
  expect(passes).toBe(perPass === 3_000 ? 7 : 1);
  names.close();
});

test("a name table beyond its buffer is read back from disk", () => {
  const names = new NameTable(tmpdir());
  for (let i = 0; i < 150_000; i++) names.add(Buffer.from(`name ${i}`), i);
  for (const part of names.parts()) {
    for (let i = 0; i < 150_000; i += 997) expect(part.valueOf(Buffer.from(`name ${i}`))).toBe(i);
    expect(part.valueOf(Buffer.from("name 150000"))).toBeUndefined();
  }
  names.close();
});

test("a sample is about one in so many, the same every time", () => {
  const names = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`/tree/file-${i}`));
  const sampled = names.filter((name) => isSampled(name, 20));
  expect(sampled.length).toBeGreaterThan(800);
  expect(sampled.length).toBeLessThan(1_200);
  expect(sampled.every((name) => isSampled(Buffer.from(name), 20))).toBe(true);
  expect(names.every((name) => isSampled(name, 1))).toBe(true);
});

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

describe("printable", () => {
  test("is one line and keeps clean text", () => {
    expect(printable(Buffer.from("/a/ä ö"))).toBe("/a/ä ö");
    expect(printable(Buffer.from("a\nb\x1b[0m\\"))).toBe("a\\x0ab\\x1b[0m\\\\");
    expect(printable(Buffer.from([0xff, 0x41]))).toBe("\\xffA");
  });

  test("of any bytes has no control character", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => !/\p{Cc}/u.test(printable(Buffer.from(bytes)))),
    );
  });
});

describe("patterns", () => {
  const match = (pattern: string, name: string) =>
    selector({ patterns: [Buffer.from(pattern, "latin1")] })(Buffer.from(name, "latin1"));
  test.each([
    ["/a/b", "/a/b", true],
    ["/a", "/a/b/c", true],
    ["/a/", "/a/b", true],
    ["b", "/a/b", true],
    ["b", "/a/bb", false],
    ["/b", "/a/b", false],
    ["*.c", "/x/y.c", true],
    ["/x/*.c", "/x/z/y.c", false],
    ["/x/**/y.c", "/x/z/w/y.c", true],
    ["b?", "/a/b\xff", true],
    ["*", "/a\nb", true],
    ["/", "/anything", true],
    [".hid*", "/a/.hidden", true],
    ["!a", "/a", false],
    ["/a b(c|d)", "/a b(c|d)", true],
    ["\xff*", "/\xffx", true],
    ["/a/**", "/a", false],
    ["/a/**", "/a/b/c", true],
  ])("%s on %j: %s", (pattern, name, wanted) => expect(match(pattern, name)).toBe(wanted));

  test.each(["a\\", "[a", "a//b", "[[:nope:]]"])("%j is refused by name", (pattern) =>
    expect(() => selector({ patterns: [pattern] })).toThrow(
      expect.objectContaining({
        code: "HPC_BAD_PATTERN",
        message: expect.stringContaining(`"${printable(Buffer.from(pattern))}"`),
      }),
    ),
  );

  test("names of a list are themselves, whatever they hold, with what lies below", () => {
    const bytes = (text: string) => Buffer.from(text, "latin1");
    const select = (...listed: string[]) => {
      const wanted = selector({ names: listed.map(bytes) });
      return ["/a/*", "/a/b", "/a/*/\xff", "/c/a/b", "/c/{x,y}", "/a\\"].filter((name) =>
        wanted(bytes(name)),
      );
    };
    expect(select("/a/*")).toEqual(["/a/*", "/a/*/\xff"]);
    expect(select("a/b")).toEqual(["/a/b", "/c/a/b"]);
    expect(select("\xff", "{x,y}", "/a\\")).toEqual(["/a/*/\xff", "/c/{x,y}", "/a\\"]);
    expect(select("//c/a//")).toEqual(["/c/a/b"]);
    expect(select("/")).toHaveLength(6);
    expect(select("/b", "*/b")).toEqual([]);
  });

  test("a name of a list is found wherever it begins, also within the beginning of another one", () => {
    const parts = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 7 });
    const both = fc.record({
      listed: fc.array(parts, { minLength: 1, maxLength: 4 }),
      name: parts,
    });
    fc.assert(
      fc.property(both, ({ listed, name }) => {
        const path = `/${name.join("/")}/`;
        const found = listed.some((one) => path.includes(`/${one.join("/")}/`));
        expect(selector({ names: listed.map((one) => one.join("/")) })(Buffer.from(path))).toBe(
          found,
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("a name that repeats what a listed one repeats takes no longer than others", () => {
    const wanted = selector({ names: [`${"a/".repeat(30_000)}b`] });
    const before = performance.now();
    expect(wanted(Buffer.from(`/${"a/".repeat(60_000)}c`))).toBe(false);
    expect(performance.now() - before).toBeLessThan(2_000); // milliseconds when the time is linear, a minute when it is not
  });

  test("what matched nothing is known by name, also below something that is wanted", () => {
    const bytes = (text: string) => Buffer.from(text, "latin1");
    const patterns = ["/a", "/a/b*", "*.none", "/z"].map(bytes);
    const names = ["/a/b", "/a/none", "c", "\xff", "/z"].map(bytes);
    const wanted = selector({ patterns, names });
    for (const name of ["/a", "/a/b", "/x/c/d"]) expect(wanted(bytes(name))).toBe(true);
    expect(wanted(bytes("/x/e"))).toBe(false);
    expect(wanted.unmatched()).toEqual({
      count: 5,
      first: ["*.none", "/z", "/a/none", "\xff", "/z"].map(bytes),
    });
    const nested = selector({ names: ["a/b", "b", "x/a/b", "b/c"] });
    expect(nested(bytes("/x/a/b"))).toBe(true);
    expect(nested.unmatched()).toEqual({ count: 1, first: [bytes("b/c")] });
    const many = selector({ names: Array.from({ length: 5000 }, (_, at) => `n${at}`) });
    expect(many(bytes("/d/n7/x"))).toBe(true);
    expect(many.unmatched()).toMatchObject({ count: 4999, first: { length: 10 } });
    expect(selector({}).unmatched().count).toBe(0);
  });
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
