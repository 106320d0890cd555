import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { KNOWN_KEYS, parseParams } from "../src/params/params";

/* docs/plugin.md says what parseParams takes, key by key. */

const page = readFileSync(join(__dirname, "../../../docs/plugin.md"), "utf8");
const rows = [...page.matchAll(/^\| `([\w-]+)` \| (.+?) \| (.+?) \| .+ \|$/gm)].map(
  ([, key = "", values = "", fallback = ""]) => ({ key, values, fallback }),
);

/** What a job with these pairs is, as text. */
function parsed(...pairs: [string, string][]): string {
  const all: [string, string][] = [["path", "/"], ...pairs];
  const params = parseParams(all.map(([key, value]) => [key, Buffer.from(value)]));
  return JSON.stringify(params, (_, value: unknown) => value ?? null);
}

const words = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

test("the table has every key, each once", () => {
  expect(rows.map(({ key }) => key).sort()).toEqual([...KNOWN_KEYS].sort());
});

const ranges = rows.flatMap(({ key, values, fallback }) => {
  const [, min, max] = /^(\d+) to (\d+)$/.exec(values) ?? [];
  return min === undefined ? [] : [{ key, min: Number(min), max: Number(max), fallback }];
});
/** Bytes of the operator's own, and K/N. */
const free = ["path", "shard", "exclude", "exclude-marker", "tree", "other-path"];
const choices = rows.filter(({ key, values }) => !free.includes(key) && words(values).length > 0);

test("every key whose value is not free has a range or choices", () => {
  expect(ranges.length + choices.length + free.length).toBe(rows.length);
});

describe.each(ranges)("$key: $min to $max", ({ key, min, max, fallback }) => {
  test("takes both ends and nothing beyond", () => {
    for (const good of [min, max]) expect(parsed([key, String(good)])).toContain(`:${good},`);
    const remedy = `Use a whole number from ${min} to ${max}.`;
    for (const bad of [min - 1, max + 1])
      expect(() => parsed([key, String(bad)])).toThrow(expect.objectContaining({ key, remedy }));
  });

  // "by filesystem" is decided when the filesystem is known.
  if (/^\d+$/.test(fallback))
    test("has its default", () => expect(parsed([key, fallback])).toBe(parsed()));
});

describe.each(choices)("$key: $values", ({ key, values, fallback }) => {
  test("takes these and no other", () => {
    for (const choice of words(values)) expect(() => parsed([key, choice])).not.toThrow();
    const remedy = values.replaceAll("`", "");
    expect(() => parsed([key, "another"])).toThrow(
      expect.objectContaining({ remedy: `Use one of: ${remedy}.` }),
    );
  });

  const word = words(fallback).at(-1);
  if (word !== undefined) test("has its default", () => expect(parsed([key, word])).toBe(parsed()));
});

test("shard: K/N with 0 ≤ K < N, which brings its strategy", () => {
  expect(parsed(["shard", "3/4"])).toBe(parsed(["shard", "3/4"], ["strategy", "inode-hash"]));
  expect(() => parsed(["shard", "4/4"])).toThrow("shard=4/4");
});
