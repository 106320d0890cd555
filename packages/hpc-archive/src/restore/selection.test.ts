import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { printable } from "../common/printable";
import { selector } from "./selection";

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
