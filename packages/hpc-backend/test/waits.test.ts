import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { backupToArchive } from "../src/job/backup-archive";
import { parseParams } from "../src/params/params";
import { TestPlugin } from "./plugin";

const scratch = mkdtempSync(join(tmpdir(), "hpc-waits-"));
const tree = join(scratch, "tree");
mkdirSync(tree);
for (let i = 0; i < 100; i++) writeFileSync(join(tree, `f${i}`), "x");
writeFileSync(join(tree, "large"), Buffer.alloc(2 ** 20, 1));
afterAll(() => rmSync(scratch, { recursive: true }));

const backup = (...keys: [string, string][]) =>
  backupToArchive({
    params: parseParams([["path", Buffer.from(tree)], ...keys.map(pair)]),
    archive: join(scratch, "a.hpc"),
  });
const pair = ([key, value]: [string, string]): [string, Buffer] => [key, Buffer.from(value)];

test.each([
  ["throttle", ["metadata-ops", "200"]],
  ["bandwidth", ["bandwidth", "2"]],
] as const)("a job that waits for its %s says so, and its times add up", async (what, key) => {
  const { time_by, seconds } = await backup([...key]);
  const sum = Object.values(time_by).reduce((all, one) => all + one, 0);
  expect(sum).toBeCloseTo(seconds, 6);
  // A busy machine makes the work longer; of what was waited for this is the most all the same.
  const { sending, [what]: limit, ...others } = time_by;
  expect(sending).toBeGreaterThanOrEqual(0);
  expect(limit).toBeGreaterThan(Math.max(...Object.values(others)));
});

test("the job log ends with where the time went; an estimate says nothing of it", async () => {
  for (const [command, type, times] of [
    ["BackupStart", "B", 1],
    ["EstimateStart", "E", 0],
  ] as const) {
    const plugin = new TestPlugin(["backup"]);
    await plugin.configure({ Level: "F", Type: type }, [`path=${tree}`]);
    await plugin.start(command);
    const said = (await plugin.rest()).map(({ payload }) => payload.toString("latin1"));
    expect(said.filter((text) => text.includes(" the job worked "))).toHaveLength(times);
    await plugin.finish();
  }
});
