import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { cleanUp, podheitor, scratch } from "./support";

afterAll(cleanUp);

test("every benchmark runs, names its peers, and saves what it measured", async () => {
  const [folder, saved] = [scratch(), scratch()];
  const words = ["--entries", "300", "--rounds", "1", "--large-mib", "2", "--threads", "2"];
  const said = await podheitor("bench", "all", ...words, "--folder", folder, "--save", saved, "--json");
  const results = said
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { name?: string; standings?: { name: string; seconds: number[] }[] })
    .filter(({ name }) => name !== undefined);
  const names = ["walk-ordinary", "walk-small-dirs", "walk-flat", "walk-deep", "archive", "large"];
  expect(results.map(({ name }) => name)).toEqual(names);
  for (const { standings = [] } of results) {
    expect(standings[0]?.name).toBe("podheitor-hpc");
    expect(standings.length).toBeGreaterThan(1); // find, tar or cat at least
    for (const { seconds } of standings) expect(seconds).toEqual([expect.any(Number)]);
  }
  for (const name of names) {
    expect(readFileSync(join(saved, `${name}.svg`), "utf8")).toMatch(/^<svg /);
    expect(readFileSync(join(saved, `${name}.md`), "utf8")).toContain("| podheitor-hpc |");
    expect(JSON.parse(readFileSync(join(saved, `${name}.json`), "utf8"))).toMatchObject({ rounds: 1 });
  }
  expect(readdirSync(folder)).toEqual([]);
});
