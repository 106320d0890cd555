import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { uncovered } from "./uncovered";

const tree = mkdtempSync(join(tmpdir(), "hpc-uncovered-"));
const odd = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x6f])]);
beforeAll(() => {
  for (const folder of ["home/ann", "home/bob/deep", "projects/x"])
    mkdirSync(join(tree, folder), { recursive: true });
  writeFileSync(join(tree, "README"), "");
  writeFileSync(odd, "");
});
afterAll(() => rmSync(tree, { recursive: true }));

const said = (...paths: (string | Buffer)[]) =>
  uncovered(
    Buffer.from(tree),
    paths.map((path) => (typeof path === "string" ? Buffer.from(join(tree, path)) : path)),
  );

test("names what is in none of the paths, at the highest level, and nothing below it", async () => {
  expect(await said("home/ann", "projects")).toEqual([
    `no job saves ${tree}/README, ${tree}/home/bob, ${tree}/\\xffo: of ${tree}, they are in no path and no other-path`,
  ]);
});

test("is silent where everything is covered", async () => {
  expect(await said("home", "projects", "README", odd)).toEqual([]);
  expect(await said("")).toEqual([]);
});

test("names ten, and counts the rest", async () => {
  const folder = join(tree, "projects/x");
  for (let at = 0; at < 25; at++) writeFileSync(join(folder, `f${at}`), "");
  const [sentence = ""] = await said("home", "README", odd, "projects/x/f0");
  expect(sentence).toMatch(/ and 14 more: /);
});

test("a path that is gone leaves its neighbours uncovered; a tree that cannot be listed is said", async () => {
  expect((await said("home", "gone/deep", "README", odd)).join()).toContain(
    `no job saves ${tree}/projects:`,
  );
  expect(await uncovered(Buffer.from(join(tree, "none")), [])).toEqual([
    expect.stringContaining("ENOENT"),
  ]);
});
