import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { shardName } from "../fileset/names";
import { planGeneration, restoreCommand, type ShardJob } from "./plan";

let jobIds = 0;
const job = (
  index: number,
  count: number,
  level: string,
  end: number,
  status = "T",
  scheduled = end,
): ShardJob => ({
  jobId: ++jobIds,
  name: shardName("tree", index, count),
  level,
  status,
  scheduled,
  end,
  fileSet: 1,
  purged: false,
  files: 1,
  client: "c-fd",
});
const ends = (jobs: readonly ShardJob[]) =>
  jobs.map(({ level, end }) => `${level}${end}`).join(" ");

describe("planGeneration", () => {
  test("takes the last Full, the last Differential and the Incrementals after it, all good and ended by then", () => {
    const jobs = [
      job(0, 1, "F", 10),
      job(0, 1, "I", 20),
      job(0, 1, "D", 30),
      job(0, 1, "I", 40),
      job(0, 1, "D", 50),
      job(0, 1, "I", 60, "f"),
      job(0, 1, "I", 70, "W"),
      job(0, 1, "F", 80),
    ];
    const chain = (before: number) =>
      ends(planGeneration("tree", jobs, before)?.chains[0]?.jobs ?? []);
    expect([15, 25, 35, 45, 55, 75, 85].map(chain)).toEqual([
      "F10",
      "F10 I20",
      "F10 D30",
      "F10 D30 I40",
      "F10 D50",
      "F10 D50 I70",
      "F80",
    ]);
    expect(planGeneration("tree", jobs, 5)).toBeUndefined();
    expect(planGeneration("tree", jobs, 65)?.warnings).toEqual([
      expect.stringContaining("did not end well"),
    ]);
    expect(planGeneration("other", jobs, 85)).toBeUndefined();
  });

  test("names a shard that is missing, and prefers a complete set", () => {
    const four = [0, 1, 3].map((index) => job(index, 4, "F", 100));
    expect(planGeneration("tree", four, 200)).toMatchObject({
      shards: 4,
      missing: ["tree-2-of-4"],
    });
    const two = [0, 1].map((index) => job(index, 2, "F", 50));
    const plan = planGeneration("tree", [...two, ...four], 200);
    const newer = expect.stringMatching(/newer and not complete.*: no good Full of tree-2-of-4$/);
    expect(plan).toMatchObject({ shards: 2, missing: [], warnings: [newer] });
    const later = [0, 1].map((index) => job(index, 2, "F", 150));
    const other = expect.stringContaining("jobs of 4 shards");
    expect(planGeneration("tree", [...four, ...later], 200)).toMatchObject({
      shards: 2,
      warnings: [other],
    });
  });

  test("a generation that had ended in part is named; one that began later is not", () => {
    const half = [
      job(0, 2, "F", 10),
      job(1, 2, "F", 11),
      job(0, 2, "I", 20),
      job(1, 2, "I", 30, "T", 20),
    ];
    expect(planGeneration("tree", half, 25)?.warnings).toEqual([
      expect.stringMatching(/^tree-1-of-2: job \d+ had not ended by then/),
    ]);
    const runs = (at: number) => job(0, 1, "I", 0, "R", at);
    expect(planGeneration("tree", [job(0, 1, "F", 10), runs(20)], 15)?.warnings).toEqual([]);
    expect(planGeneration("tree", [job(0, 1, "F", 10), runs(12)], 15)?.warnings).toEqual([
      expect.stringContaining("still runs"),
    ]);
  });

  test("a shard that stopped running, and a FileSet that changed without a Full, are named", () => {
    const full = [job(0, 2, "F", 10), job(1, 2, "F", 11)];
    const one = [...full, job(0, 2, "I", 20)];
    expect(planGeneration("tree", one, 50)?.warnings).toEqual([]);
    const two = [...one, job(0, 2, "I", 30)];
    expect(planGeneration("tree", two, 50)?.warnings).toEqual([
      expect.stringMatching(/^tree-1-of-2: has no good job/),
    ]);
    const changed = [job(0, 1, "F", 10), { ...job(0, 1, "I", 20), fileSet: 2 }];
    expect(planGeneration("tree", changed, 50)?.warnings).toEqual([
      expect.stringContaining("FileSet changed"),
    ]);
  });

  test("whatever ran: a chain is a Full, at most one Differential, then Incrementals, none failed and none later", () => {
    const any = fc.array(
      fc.record({
        level: fc.constantFrom("F", "D", "I"),
        status: fc.constantFrom("T", "W", "f", "A", "R"),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(any, fc.nat(40), (ran, before) => {
        const jobs = ran.map(({ level, status }, at) =>
          job(0, 1, level, status === "R" ? 0 : at + 1, status),
        );
        const chain = planGeneration("tree", jobs, before)?.chains[0]?.jobs ?? [];
        const hasFull = jobs.some(
          ({ level, status, end }) => level === "F" && "TW".includes(status) && end <= before,
        );
        expect(chain.map(({ level }) => level).join("")).toMatch(hasFull ? /^FD?I*$/ : /^$/);
        for (const one of chain)
          expect(["TW".includes(one.status), one.end <= before]).toEqual([true, true]);
      }),
    );
  });
});

test("restoreCommand quotes what needs it", () => {
  const plan = planGeneration("tree", [job(0, 1, "F", 1)], 2);
  if (plan === undefined) throw new Error("no plan");
  expect(restoreCommand(plan, { where: '/tmp/a "b"', restoreJob: "Rest" })).toBe(
    `restore jobid=${jobIds} client=c-fd restorejob=Rest where="/tmp/a \\"b\\"" all done yes`,
  );
});
