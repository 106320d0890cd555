import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { type ContestResult, machineFacts, makeBenchTree, plot, table } from "@podheitor/hpc-bench";
import { chosenReleases, cleanUp, installedPlugin, labWith, pluginJob, repository, scratch } from "./support";

/*
 * One job of the plugin beside one of the stock File Daemon, on the same tree, in turn. Part of test:long for its time, and because it measures: nothing is asserted but
 * that both save everything. UPDATE_DOCS=1 records it.
 */
const ENTRIES = Number(process.env["HPC_BENCH_FILES"] ?? 100_000);
const ROUNDS = 5;
const LIMIT_MS = 900_000;
const date = new Date().toISOString().slice(0, 10);

afterAll(cleanUp, LIMIT_MS);

test.each(chosenReleases)(
  "Full of small files, Bacula %s",
  async (release) => {
    const tree = join(scratch(), "tree");
    makeBenchTree(tree, "ordinary", ENTRIES, 1024);
    const jobs = [pluginJob("Plugin", tree), { name: "Stock", files: [tree] }];
    const lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
    const seconds = jobs.map((): number[] => []);
    const saved = new Set<number>();
    for (let round = 0; round <= ROUNDS; round++)
      for (const turn of jobs.keys()) {
        const at = (turn + round) % jobs.length;
        const started = performance.now();
        const job = await lab.run(jobs[at]?.name ?? "");
        if (round > 0) seconds[at]?.push((performance.now() - started) / 1000); // the first labels the volume, and warms the caches
        expect([job.status, job.errors]).toEqual(["ok", 0]);
        saved.add(job.files);
      }
    await lab.stop();
    expect(saved.size).toBe(1);
    const [ours = [], stock = []] = seconds;
    const result: ContestResult = {
      title: `Full through Bacula ${release}`,
      facts: `${ENTRIES.toLocaleString("en-US")} names, 1 KiB in each file; MD5; warm; from the console's \`run\` to the end of the job`,
      standings: [
        { name: "podheitor-hpc", seconds: ours, ratios: ours.map(() => 1) },
        { name: "stock File Daemon", seconds: stock, ratios: stock.map((one, round) => one / (ours[round] ?? one)) },
      ],
    };
    const text = `${table(result)}\n${machineFacts(tree)}, ${ROUNDS} rounds, ${date}\n`;
    process.stderr.write(text);
    if (process.env["UPDATE_DOCS"] !== "1") return;
    const name = join(repository, "docs/benchmarks", `file-daemon-${release}`);
    writeFileSync(`${name}.md`, text);
    writeFileSync(`${name}.svg`, plot(result));
    writeFileSync(
      `${name}.json`,
      `${JSON.stringify({ machine: machineFacts(tree), date, rounds: ROUNDS, ...result }, null, 2)}\n`,
    );
  },
  LIMIT_MS,
);
