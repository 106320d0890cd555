import { tmpdir } from "node:os";
import { expect, test } from "@jest/globals";
import { isSampled, NameTable } from "./name-table";

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
