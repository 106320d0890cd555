import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Key } from "../src/params/key-types";
import { KEYS } from "../src/params/keys";
import { parseParams } from "../src/params/params";

/* The table of docs/plugin.md is written from the rows, and parseParams takes what it says. */

const FILE = join(__dirname, "../../../docs/plugin.md");
const TABLE = /(<!-- keys[^\n]*-->\n)[\s\S]*?(<!-- end of keys -->)/;

function line(name: string, key: Key<unknown>): string {
  const { help, aliases = [], form, repeatable, defaultText } = key;
  const quoted = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");
  const also = aliases.length > 0 ? ` (also ${quoted(aliases)})` : "";
  const values = form.choices === undefined ? form.values : quoted(form.choices);
  const fallback = form.choices?.includes(defaultText) ? quoted([defaultText]) : defaultText;
  return `| \`${name}\`${also} | ${values}${repeatable ? ", repeatable" : ""} | ${fallback} | ${help} |`;
}

const written = [
  "| key | value | default | what it does |",
  "|---|---|---|---|",
  ...Object.entries(KEYS).map(([name, key]) => line(name, key)),
  "",
].join("\n");

if (process.env["UPDATE_DOCS"] === "1") {
  const text = readFileSync(FILE, "utf8");
  writeFileSync(
    FILE,
    text.replace(TABLE, (_, begin, end) => `${begin}${written}${end}`),
  );
}
const page = readFileSync(FILE, "utf8");

test("the table is that of the keys (npm run docs writes it)", () => {
  expect(TABLE.exec(page)?.[0]).toContain(`-->\n${written}<!--`);
});

test("no key has a name of another one", () => {
  const names = Object.entries(KEYS).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
  for (const name of Object.keys(KEYS)) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
});

const rows = [...page.matchAll(/^\| `([\w-]+)`(?: \(.+?\))? \| (.+?) \| (.+?) \| .+ \|$/gm)]
  .map(([, key = "", values = "", fallback = ""]) => ({ key, values, fallback }))
  .filter(({ key }) => key in KEYS);

/** What a job with these pairs is, as text. */
function parsed(...pairs: [string, string][]): string {
  const all: [string, string][] = [["path", "/"], ...pairs];
  const params = parseParams(all.map(([key, value]) => [key, Buffer.from(value)]));
  return JSON.stringify({ ...params, warnings: [] }, (_, value: unknown) => value ?? null);
}

const words = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

test("the table has every key, each once", () => {
  expect(rows.map(({ key }) => key)).toEqual(Object.keys(KEYS));
});

const ranges = rows.flatMap(({ key, values, fallback }) => {
  const [, min, max] = /^(\d+) to (\d+)( |$)/.exec(values) ?? [];
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
    const remedy = `Use a whole number from ${min} to ${max}; default: ${fallback}.`;
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
    const [remedy, otherwise] = [values, fallback].map((text) => text.replaceAll("`", ""));
    expect(() => parsed([key, "another"])).toThrow(
      expect.objectContaining({ remedy: `Use one of: ${remedy}; default: ${otherwise}.` }),
    );
  });

  const [word] = words(fallback);
  if (word !== undefined) test("has its default", () => expect(parsed([key, word])).toBe(parsed()));
});

test("shard: K/N with 0 ≤ K < N, which brings its strategy", () => {
  expect(parsed(["shard", "3/4"])).toBe(parsed(["shard", "3/4"], ["strategy", "inode-hash"]));
  expect(() => parsed(["shard", "4/4"])).toThrow("shard=4/4");
});
