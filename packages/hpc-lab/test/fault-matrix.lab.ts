import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Release } from "../src";
import { command } from "../src/command";
import { missingForLabFs } from "../src/labfs";
import { backendFaults } from "./fault-backend";
import { Bench, type Fault } from "./fault-bench";
import { type DaemonFault, daemonFaults, daemonLab } from "./fault-daemons";
import { restoreFaults } from "./fault-restore";
import { sourceFaults } from "./fault-source";
import { chosenReleases, cleanUp, repository } from "./support";

// CI plays the short tier on Bacula 9.6.7. PODHEITOR_HPC_LONG=1 (npm run test:long) plays all of
// them there, the short tier on 15.0.3 too, and writes docs/fault-matrix.md.
const long = process.env["PODHEITOR_HPC_LONG"] === "1";
const limit = 180_000;

interface Outcome {
  readonly seconds: number;
  readonly ok: boolean;
}
const outcomes = new Map<string, Outcome>();

async function recorded(release: Release, name: string, work: () => Promise<void>): Promise<void> {
  const start = Date.now();
  let ok = false;
  try {
    await work();
    ok = true;
  } finally {
    outcomes.set(`${release} ${name}`, { seconds: (Date.now() - start) / 1000, ok });
  }
}

function chosen<T extends { readonly short?: true }>(
  release: Release,
  faults: readonly T[],
): readonly T[] {
  return faults.filter((fault) => fault.short === true || (long && release === "9.6.7"));
}

const groups: readonly (readonly [string, readonly Fault[]])[] = [
  ["the source", sourceFaults],
  ["the backend", backendFaults],
  ["the restore", restoreFaults],
];
const releases = chosenReleases.filter((release) => long || release === "9.6.7");

test("the matrix names every fault once", () => {
  const names = [...groups.flatMap(([, faults]) => faults), ...daemonFaults].map(
    ({ name }) => name,
  );
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(40);
});

// Without FUSE there is no fault to play; npm test names what was skipped, and CI skips nothing.
const suite = missingForLabFs() === undefined ? describe : describe.skip;

suite.each(releases)("faults on Bacula %s", (release) => {
  describe.each(groups)("of %s", (_, faults) => {
    let bench: Bench;
    const played = chosen(release, faults);
    beforeAll(async () => {
      bench = await Bench.start(release, played);
    });
    afterAll(cleanUp);
    test.each(played.map((fault) => [fault.name, fault] as const))(
      "%s",
      (name, fault) =>
        recorded(release, name, async () => bench.check(fault, await bench.play(fault))),
      limit,
    );
  });

  describe("of a daemon", () => {
    afterEach(cleanUp);
    test.each(
      chosen(release, daemonFaults).map((fault: DaemonFault) => [fault.name, fault] as const),
    )(
      "%s",
      (name, fault) =>
        recorded(release, name, async () => {
          const { lab, trees } = await daemonLab(release);
          await fault.act(lab, trees);
        }),
      limit,
    );
  });
});

afterAll(async () => {
  if (long && releases.length > 1)
    writeFileSync(join(repository, "docs/fault-matrix.md"), await page());
});

/** docs/fault-matrix.md: what was played, and how it went. */
async function page(): Promise<string> {
  const commit = (await command(["git", "-C", repository, "rev-parse", "--short", "HEAD"])).stdout
    .toString()
    .trim();
  const cell = (release: Release, name: string) => {
    const outcome = outcomes.get(`${release} ${name}`);
    if (outcome === undefined) return "–";
    return `${outcome.ok ? "ok" : "FAILED"}, ${outcome.seconds.toFixed(1)} s`;
  };
  const all = [...outcomes.values()];
  const lines = [
    "# Fault matrix",
    "",
    `Written by \`npm run test:long\` (packages/hpc-lab/test/fault-matrix.lab.ts) on ${new Date().toISOString().slice(0, 10)} at commit ${commit}:`,
    `${all.filter(({ ok }) => ok).length} of ${all.length} as they should be. **Bold** names are the short tier, which runs in CI.`,
    "",
    "Every fault but those of a daemon happens while another job of the same File Daemon is held in the middle of its work. After each: the File Daemon lives, the other",
    "job ends OK with all its entries, the faulty job's log says why, its sums add up, no child process (nor a zombie), no pipe and no temporary file is left.",
  ];
  for (const [title, faults] of [...groups, ["a daemon", daemonFaults] as const]) {
    lines.push(
      "",
      `## Faults of ${title}`,
      "",
      `| name | what happens | ${releases.join(" | ")} |`,
    );
    lines.push(`|---|---|${releases.map(() => "---|").join("")}`);
    for (const { name, what, short } of faults) {
      const shown = short === true ? `**${name}**` : name;
      lines.push(
        `| ${shown} | ${what} | ${releases.map((release) => cell(release, name)).join(" | ")} |`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}
