import { join } from "node:path";
import type { Making, MemoryRun } from "@podheitor/hpc-bench";
import { formatCount } from "../text/format";
import { type BenchRun, hasRoom, makingOf } from "./run";

/**
 * Says and saves what the memory of the backend was. @param synthetic entries that come from memory
 */
export async function runMemory(synthetic: number, run: BenchRun): Promise<void> {
  const bench = await import("@podheitor/hpc-bench");
  const { setup, output, report } = run;
  if (!(await hasRoom("Memory", bench.roomOf("ordinary", setup.entries, 0), run))) return;
  output.message(
    "info",
    `Memory: up to ${formatCount(setup.entries)} names, and entries from memory`,
  );
  const runs = await measure(synthetic, run);
  const facts = "hpc/1 frames to a drained pipe";
  await report.say("memory", bench.memoryTable(runs), facts, { runs }, bench.memoryPlot(runs));
}

/**
 * Real trees of a tenth of the entries and of all, in many directories and in one, and of hard
 * links; then entries that come from memory.
 */
async function measure(synthetic: number, run: BenchRun): Promise<MemoryRun[]> {
  const bench = await import("@podheitor/hpc-bench");
  const { output, report, signal } = run;
  const { folder, entries, ourselves, backend } = run.setup;
  const tenth = Math.ceil(entries / 10);
  const tree = join(folder, "tree");
  const trees: [string, (how: Making) => Promise<void>][] = [
    [`${formatCount(tenth)} files`, (how) => bench.makeBenchTree(tree, "ordinary", tenth, 0, how)],
    [
      `${formatCount(entries)} files`,
      (how) => bench.makeBenchTree(tree, "ordinary", entries, 0, how),
    ],
    [
      `${formatCount(entries)} files in one directory`,
      (how) => bench.makeBenchTree(tree, "flat", entries, 0, how),
    ],
    [`${formatCount(tenth)} hard links`, (how) => bench.makeLinkTree(tree, tenth, how)],
  ];
  const runs: MemoryRun[] = [];
  const watch = async (name: string, argv: readonly [string, ...string[]]) => {
    output.message("info", `Memory: ${name}`);
    runs.push(await bench.watchMemory(name, argv, signal));
  };
  if (backend === undefined) {
    output.message(
      "warning",
      `Memory: real files are left out: not on this machine: ${bench.BACKEND_NOT_BUILT}`,
    );
    report.leftOut = true;
  }
  for (const [name, make] of backend === undefined ? [] : trees) {
    await make(makingOf(`Memory: ${name}`, run));
    await watch(name, [...(backend ?? []), "backup", `--path=${tree}`]);
    await bench.remove(tree); // after an error it goes with the whole folder
  }
  await watch(`${formatCount(synthetic)} entries from memory`, [
    ...ourselves,
    ...["bench-part", "synthetic", "--entries", String(synthetic)],
  ]);
  return runs;
}
