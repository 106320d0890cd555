import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { RecordType } from "@podheitor/hpc-wire";
import * as fc from "fast-check";
import { Excludes, excludeProblem } from "../src/excludes/exclude";
import { NamePattern, namePatternProblem } from "../src/excludes/name-pattern";
import { openNativeScanner } from "../src/native/native-scanner";
import { RecordCursor } from "../src/records/record";
import type { Scanner, ScanOptions } from "../src/scanner";
import { openWorkersScanner } from "../src/workers/workers-scanner";

const RUNS = Number(process.env["HPC_EXCLUDE_RUNS"] ?? 100);
jest.setTimeout(Math.max(60_000, RUNS * 200));
const scratch = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "hpc-exclude-"));
const gitDir = join(scratch, "git");
const tree = join(scratch, "tree");
afterAll(() => void execFileSync("rm", ["-rf", scratch]));

const NAMES = [
  "a",
  "b",
  "ab",
  "aab",
  "a.b",
  "A",
  "[",
  "]",
  "*",
  "?",
  "\\",
  "a\\",
  "!a",
  "#a",
  "a b",
  "-",
  "é",
  "\xff",
  "a\nb",
  "9",
];
/** latin1, relative to the tree. */
const paths = makeTree();

/** Every combination of names would be too many: three levels, with a few names at each. */
function makeTree(): string[] {
  mkdirSync(tree, { recursive: true });
  execFileSync("git", ["init", "-q", "--bare", gitDir]);
  const made: string[] = [];
  const make = (dir: string, level: number) => {
    for (const [i, name] of NAMES.entries()) {
      const path = dir === "" ? name : `${dir}/${name}`;
      const whole = Buffer.from(`${tree}/${path}`, "latin1");
      made.push(path);
      if (level < 3 && [0, 2, 4, 11, 17].includes(i) && (level < 2 || i < 5)) {
        mkdirSync(whole);
        make(path, level + 1);
      } else {
        writeFileSync(whole, "");
      }
    }
  };
  make("", 0);
  return made;
}

/**
 * What git leaves of the tree. It has other ideas of "#", of blanks at the end, of newlines and of
 * an escaped slash: no pattern here has them.
 */
function keptByGit(patterns: readonly string[]): string[] {
  mkdirSync(join(gitDir, "info"), { recursive: true });
  writeFileSync(join(gitDir, "info", "exclude"), patterns.map((p) => `${p}\n`).join(""), "latin1");
  const env = {
    ...process.env,
    GIT_DIR: gitDir,
    GIT_WORK_TREE: tree,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const args = ["-c", "core.bare=false", "check-ignore", "--no-index", "--stdin", "-z"];
  const input = Buffer.from(paths.map((p) => `${p}\0`).join(""), "latin1");
  let ignored = "";
  try {
    ignored = execFileSync("git", args, {
      cwd: tree,
      env,
      input,
      stdio: "pipe",
      encoding: "latin1",
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    if ((error as { status?: number }).status !== 1) throw error; // 1: none is ignored
  }
  const set = new Set(ignored.split("\0"));
  return paths.filter((path) => !set.has(path)).sort();
}

async function keptBy(
  open: (options: ScanOptions) => Scanner,
  patterns: readonly string[],
): Promise<string[]> {
  const scanner = open({
    paths: [Buffer.from(tree)],
    threads: 2,
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
    ringEntries: 8192,
    ringBytes: 1 << 20,
    excludes: patterns.map((p) => Buffer.from(p, "latin1")),
  });
  const kept: string[] = [];
  const cursor = new RecordCursor();
  try {
    for (let batch = await scanner.next(); batch; batch = await scanner.next()) {
      for (cursor.reset(batch.bytes); cursor.next(); ) {
        if (cursor.type !== RecordType.ENTRY || cursor.nameLength === 0) continue;
        const dir = cursor.dir.toString("latin1").slice(tree.length + 1);
        kept.push(`${dir}${dir === "" ? "" : "/"}${cursor.name.toString("latin1")}`);
      }
    }
    const { scanned, handedOut, filteredExcluded } = scanner.stats();
    expect(scanned).toBe(handedOut + filteredExcluded);
    return kept.sort();
  } finally {
    await scanner.close();
  }
}

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "ab", ".", "\xff", "\xc3", "é", "9", "-") },
  { weight: 3, arbitrary: fc.constantFrom("*", "?", "**", "***") },
  { weight: 2, arbitrary: fc.constantFrom("\\*", "\\[", "\\\\", "\\?", "\\a", "\\!", "\\") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "[ab]",
      "[!a]",
      "[^a]",
      "[a-c]",
      "[]]",
      "[!]]",
      "[[]",
      "[a-]",
      "[-a]",
      "[\\]a]",
      "[a-\\c]",
      "[[:alpha:]]",
      "[[:upper:][:digit:]]",
      "[![:punct:]]",
      "[[:space:]]",
      "[[:]",
      "[[:nope:]]",
      "[\x80-\xff]",
      "[a/b]",
      "[z-a]",
      "[a-c-e]",
      "[--9]",
      "[",
      "[a",
      "[!",
      "]",
    ),
  },
  { weight: 3, arbitrary: fc.constant("/") },
);
const pattern = fc
  .tuple(
    fc.constantFrom("", "", "", "!", "/", "!/", "**/"),
    fc.array(piece, { minLength: 1, maxLength: 6 }),
    fc.constantFrom("", "", "", "/", "/**", "/*"),
  )
  .map((parts) => parts.flat().join(""));
const patterns = fc.array(pattern, { minLength: 1, maxLength: 5 });

/**
 * What git does with a malformed pattern among others: nothing. We refuse it, so that a mistake is
 * seen. And git 2.39 takes "x**" before a slash for "x" and two stars of their own, because it cuts
 * a pattern's literal beginning off first; its manual says, and we do, that such stars are ordinary
 * ones. An escaped slash it does not take for a slash beside two stars.
 */
const good = (list: readonly string[]) =>
  list.filter(
    (p) =>
      excludeProblem(Buffer.from(p, "latin1")) === undefined && !/(?:[^/*!]|.!)\*\*|\\\//.test(p),
  );

describe("exclude patterns", () => {
  test("both engines leave out what git ignores", async () => {
    let excluded = 0;
    await fc.assert(
      fc.asyncProperty(patterns, async (all) => {
        const list = good(all);
        const git = keptByGit(list);
        excluded += git.length < paths.length ? 1 : 0;
        expect(await keptBy((o) => openNativeScanner(o), list)).toEqual(git);
        expect(keptByMatcher(list)).toEqual(git);
      }),
      { numRuns: RUNS },
    );
    expect(excluded).toBeGreaterThan(RUNS / 8);
  });

  test("the workers engine, too", async () => {
    await fc.assert(
      fc.asyncProperty(patterns, async (all) => {
        const list = good(all);
        expect(await keptBy((o) => openWorkersScanner({ ...o, trustedTree: true }), list)).toEqual(
          keptByMatcher(list),
        );
      }),
      { numRuns: Math.ceil(RUNS / 25) },
    );
  });

  test("what is refused could not match anything, and both engines refuse it", () => {
    fc.assert(
      fc.property(pattern, (p) => {
        const bytes = Buffer.from(p, "latin1");
        const bad = excludeProblem(bytes) !== undefined;
        const start = (open: (options: ScanOptions) => Scanner) => {
          const scanner = open({ ...SMALL, excludes: [bytes] });
          void scanner.close();
        };
        if (bad) {
          expect(() => start((o) => openNativeScanner(o))).toThrow(
            expect.objectContaining({ code: "HPC_SCAN_OPTIONS" }),
          );
          expect(keptByGit([p.replace(/^!/, "")])).toEqual([...paths].sort());
        }
      }),
      { numRuns: Math.ceil(RUNS / 4) },
    );
  });

  test("git's comments and blanks are ordinary bytes", async () => {
    const list = ["#a", "a ", "*\n*"];
    const kept = await keptBy((o) => openNativeScanner(o), list);
    const without = paths
      .filter((p) => !p.split("/").some((n) => n === "#a" || n.includes("\n")))
      .sort();
    expect(kept).toEqual(without);
    expect(keptByMatcher(list)).toEqual(without);
  });

  test("time does not explode with stars", () => {
    const evil = new Excludes(
      [Buffer.from(`${"*a".repeat(40)}b`), Buffer.from(`${"**/a/".repeat(30)}b`)],
      [Buffer.from("/")],
    );
    const begin = performance.now();
    expect(evil.in(Buffer.from("/"))(Buffer.from("a".repeat(255)), false)).toBe("kept");
    expect(evil.in(Buffer.from("/a".repeat(200)))(Buffer.from("a"), false)).toBe("kept");
    expect(performance.now() - begin).toBeLessThan(500);
  });
});

describe("patterns that select", () => {
  const latin1 = (text: string) => Buffer.from(text, "latin1");
  const selectedBy = (p: string) => {
    const one = new NamePattern(latin1(p));
    return paths.filter((path) => one.selects(latin1(`/${path}`)));
  };
  /** Excludes that have a meaning as a selection, too: at any level, or from the root on. */
  const both = pattern.filter(
    (p) => !/^!|\/$|[{}]/.test(p) && (/^\/|^\*\*\//.test(p) || !p.includes("/")),
  );

  test("select what the C engine leaves out for the same pattern", async () => {
    let some = 0;
    await fc.assert(
      fc.asyncProperty(both, async (p) => {
        const problem = excludeProblem(latin1(p));
        expect(namePatternProblem(latin1(p)) === undefined).toBe(problem === undefined);
        if (problem !== undefined) return;
        const kept = new Set(await keptBy((o) => openNativeScanner(o), [p]));
        const left = paths.filter((path) => !kept.has(path));
        some += left.length > 0 ? 1 : 0;
        expect(selectedBy(p)).toEqual(left);
      }),
      { numRuns: RUNS },
    );
    expect(some).toBeGreaterThan(RUNS / 8);
  });

  /** What a pattern means, by trying every way. */
  function slow(p: string, name: string): boolean {
    const here = (a: number, b: number): boolean => {
      if (a === p.length) return b === name.length;
      const [c, next] = [p[a], p[a + 1]];
      if (c === "*")
        return here(a + 1, b) || (b < name.length && name[b] !== "/" && here(a, b + 1));
      if (b === name.length) return false;
      if (c === "?") return name[b] !== "/" && here(a + 1, b + 1);
      return c === "\\"
        ? next === name[b] && here(a + 2, b + 1)
        : c === name[b] && here(a + 1, b + 1);
    };
    const ends = [...name.matchAll(/\/|$/g)].map(({ index }) => index).filter((index) => index > 0);
    const below = ends.map((end) => name.slice(0, end));
    return below.some((prefix) => {
      if (p.startsWith("/")) return slowEquals(prefix);
      return [...prefix.matchAll(/\//g)].some(({ index }) => slowEquals(prefix.slice(index + 1)));
    });
    function slowEquals(text: string): boolean {
      const [outer] = [name];
      name = text;
      const answer = here(0, 0);
      name = outer;
      return answer;
    }
  }

  test("mean what every way of matching says", () => {
    const bits = fc.constantFrom(
      "a",
      "b",
      "*",
      "?",
      "\\*",
      "\\\\",
      "(",
      "|",
      "+(",
      "!",
      "@",
      '"',
      "\xff",
      "\n",
      "/a",
    );
    const texts = fc.constantFrom(
      "a",
      "b",
      "*",
      "\\",
      "(",
      "|",
      "+(",
      "!",
      "@",
      '"',
      "\xff",
      "\n",
      "/",
      "/a",
      "aa",
    );
    fc.assert(
      fc.property(
        fc.tuple(
          fc.constantFrom("", "/"),
          fc.constantFrom("a", "b", "*", "?"),
          fc.array(bits, { maxLength: 7 }),
        ),
        fc.array(texts, { maxLength: 9 }),
        (p, name) => {
          const [pattern, path] = [
            p.flat().join("").replace(/\*\*+/g, "*"),
            `/a${name.join("")}`.replace(/\/+/g, "/").replace(/\/$/, ""),
          ];
          expect(new NamePattern(latin1(pattern)).selects(latin1(path))).toBe(slow(pattern, path));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("braces are one of several, and themselves where there is no comma", () => {
    const select = (p: string, ...names: string[]) =>
      names.filter((name) => new NamePattern(latin1(p)).selects(latin1(name)));
    expect(select("/{a,b/c,}x", "/ax", "/b/cx", "/x", "/bx", "/{a,b/c,}x")).toEqual([
      "/ax",
      "/b/cx",
      "/x",
    ]);
    expect(select("{a,{b,c}d}", "/a", "/bd", "/x/cd", "/b", "/d")).toEqual(["/a", "/bd", "/x/cd"]);
    expect(select("{a}", "/a", "/{a}")).toEqual(["/{a}"]);
    expect(select("{{a,b}}", "/a", "/{a}", "/{b}")).toEqual(["/{a}", "/{b}"]);
    expect(select("a{1..3}", "/a1", "/a{1..3}")).toEqual(["/a{1..3}"]);
    expect(select("{a", "/a", "/{a")).toEqual(["/{a"]);
    expect(select("\\{a,b}", "/a", "/{a,b}")).toEqual(["/{a,b}"]);
    expect(select("{a\\,b,c}", "/a,b", "/c", "/a")).toEqual(["/a,b", "/c"]);
    expect(select("[{,]x", "/{x", "/,x", "/x")).toEqual(["/{x", "/,x"]);
    expect(namePatternProblem(latin1("{a,b}".repeat(10)))).toMatch(/more than 1000 patterns/);
  });

  test.each([
    ["stars", `${"*a".repeat(2000)}b`],
    ["directories", `${"**/a/".repeat(2000)}b`],
    ["stars in directories", `${"**/*a*a*a*a*a*a*a*a*b/".repeat(100)}b`],
    ["backslashes", `x${"\\".repeat(4)}`],
    ["braces that end nowhere", "{,".repeat(20_000)],
    ["braces of braces", `${"{x,".repeat(500)}b${"}".repeat(500)}`],
    ["many braces", "{a,b}".repeat(2000)],
    ["brackets", "[!a]*".repeat(2000)],
  ])("a hostile pattern of %s costs no more than its length", (_what, p) => {
    const begin = performance.now();
    const bytes = latin1(p);
    if (namePatternProblem(bytes) === undefined) {
      const one = new NamePattern(bytes);
      for (const name of [
        `/${"a".repeat(255)}`,
        "/a".repeat(2000),
        `/${"a".repeat(200)}${"/a".repeat(200)}`,
      ])
        expect(one.selects(latin1(name))).toBe(false);
    }
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});

const SMALL = {
  paths: [Buffer.from(tree)],
  threads: 1,
  inlineBytes: 0,
  keepOlder: false,
  serialDirectories: false,
  ringEntries: 64,
  ringBytes: 1 << 16,
};

/** The matcher of the TypeScript engine, asked for each path and what is above it. */
function keptByMatcher(list: readonly string[]): string[] {
  const bytes = (text: string) => Buffer.from(text, "latin1");
  const excludes = new Excludes(list.map(bytes), [Buffer.from(tree)]);
  const directories = new Set(
    paths.flatMap((p) => (p.includes("/") ? [p.slice(0, p.lastIndexOf("/"))] : [])),
  );
  const answers = new Map<string, boolean>();
  const excluded = (path: string): boolean => {
    const known = answers.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const above = slash < 0 ? "" : path.slice(0, slash);
    const here = () =>
      excludes.in(bytes(`${tree}${above && "/"}${above}`))(
        bytes(path.slice(slash + 1)),
        directories.has(path),
      );
    const answer = (above !== "" && excluded(above)) || here() === "excluded";
    answers.set(path, answer);
    return answer;
  };
  return paths.filter((path) => !excluded(path)).sort();
}
