import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { machineFacts, makeBenchTree, scanOnce } from "@podheitor/hpc-bench";
import { filesystemOf } from "@podheitor/hpc-native";
import { childrenOf } from "../src/bacula/daemon";
import {
  atCleanUp,
  backendName,
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  onDisk,
  peakOf,
  pluginJob,
  present,
  repository,
  runBackend,
} from "./support";

/*
 * scripts/stress-1m-files.sh: a million files walked, saved by a real Full, and found again in the
 * catalog; and what channel_depth and threads do to memory and speed. Appends what it measured to
 * docs/benchmarks/stress.md.
 */

const ENTRIES = Number(process.env["HPC_STRESS_FILES"] ?? 1_000_000);
const FOLDER = process.env["HPC_STRESS_FOLDER"] ?? tmpdir();
const RESULTS = process.env["HPC_STRESS_RESULTS"] ?? join(repository, "docs/benchmarks/stress.md");
const THREADS = 4;
const HOUR = 3600;
const WATCH_MS = 50;
const LIMIT_MS = 1_500_000;

const date = new Date().toISOString().slice(0, 10);
/** What the rates mean, a sentence for each release. */
const outlook: string[] = [];
let folder: string;
let tree: string;

beforeAll(async () => {
  folder = mkdtempSync(join(FOLDER, "hpc-stress-"));
  atCleanUp(() => rmSync(folder, { recursive: true, force: true }));
  tree = join(folder, "tree");
  await makeBenchTree(tree, "ordinary", ENTRIES, 1024);
  if (!existsSync(RESULTS)) writeFileSync(RESULTS, HEAD);
}, LIMIT_MS);
afterAll(cleanUp, LIMIT_MS);

const HEAD = `# Stress results

Written by \`scripts/stress-1m-files.sh\`: files of 1 KiB, a hundred to a directory; a walk by the scan engine, then a Full through a real Bacula whose catalog is compared with find, name by name.

| date | filesystem | mode | files | walker s | backup s | files/s | errors | skipped | backend RSS | machine |
|---|---|---|---|---|---|---|---|---|---|---|
`;

test.each(chosenReleases)(
  "a Full of all files through Bacula %s",
  async (release) => {
    const files = (await onDisk(tree)).filter((name) => !name.endsWith("/")).length;
    const started = performance.now();
    await scanOnce(Buffer.from(tree), THREADS);
    const walk = (performance.now() - started) / 1000;

    const lab = await labWith(release, [pluginJob("Stress", tree)], {
      pluginDir: installedPlugin(),
    });
    const begun = performance.now();
    const watched = watch(lab.fdPid);
    const id = await lab.start("Stress");
    const job = await lab.wait(id, LIMIT_MS);
    const seconds = (performance.now() - begun) / 1000;
    expect([job.status, job.errors]).toEqual(["ok", 0]);
    const [saved, found] = [present(await lab.catalog(id)), await onDisk(tree)];
    expect(saved.length).toBe(found.length);
    expect(saved.every((name, at) => name === found[at])).toBe(true);
    await lab.stop();

    const rate = Math.round(files / seconds);
    const mib = Math.round(watched() / 2 ** 20);
    expect(mib).toBeGreaterThan(20);
    const filesystem = filesystemOf(Buffer.from(tree)).type;
    const cells = [
      date,
      filesystem,
      `posix, Bacula ${release}`,
      files,
      walk.toFixed(2),
      seconds.toFixed(1),
      rate,
      job.errors,
      found.length - saved.length,
      `${mib} MiB`,
      machineFacts(tree),
    ];
    addRow(`| ${cells.join(" | ")} |\n`);
    const hours = 10_000_000 / rate / HOUR;
    outlook.push(
      `At ${rate} files/s (${date}, ${release}) 10,000,000 such files take one job ${hours.toFixed(2)} hours: ${Math.round((100 * hours) / 8)} % of a window of 8 hours.`,
    );
  },
  LIMIT_MS,
);

test(
  "channel_depth and threads against size of entry: seconds and memory of the backend",
  async () => {
    const entries = Math.max(1000, Math.round(ENTRIES / 10));
    const rows: string[] = [];
    for (const bytes of [0, 1024, 16_384]) {
      const small = join(folder, `small-${bytes}`);
      await makeBenchTree(small, "ordinary", entries, bytes);
      for (const keys of [
        ...[64, 1024, 8192, 65_536].map((depth) => [
          `channel_depth=${depth}`,
          `threads=${THREADS}`,
        ]),
        ...[1, 32].map((threads) => ["channel_depth=8192", `threads=${threads}`]),
      ]) {
        await measure(small, keys); // warm
        const { seconds, peak, saved } = await measure(small, keys);
        expect(saved).toBeGreaterThan(entries * 0.99);
        rows.push(
          `| ${bytes} | ${keys.join(" | ")} | ${seconds.toFixed(2)} | ${Math.round(peak / 2 ** 20)} MiB |`.replaceAll(
            /channel_depth=|threads=/g,
            "",
          ),
        );
      }
      rmSync(small, { recursive: true });
    }
    appendFileSync(
      RESULTS,
      `\n${outlook.join("\n")}

The backend alone, to a receiver that takes everything, ${entries.toLocaleString("en-US")} names (${date}):

| bytes in a file | channel_depth | threads | seconds | peak RSS |
|---|---|---|---|---|
${rows.join("\n")}
`,
    );
  },
  LIMIT_MS,
);

/** Lets the backend save a tree to a receiver that takes everything. */
async function measure(path: string, keys: readonly string[]) {
  const started = performance.now();
  const { peak, entries } = await runBackend(`--path=${path}`, ...keys.map((key) => `--${key}`));
  return { seconds: (performance.now() - started) / 1000, peak, saved: entries };
}

/**
 * The highest VmHWM of the File Daemon's children, until what it returns is called, which says it.
 */
function watch(parent: number): () => number {
  let peak = 0;
  const look = () => {
    for (const { pid } of childrenOf(parent, backendName)) peak = Math.max(peak, peakOf(pid));
  };
  const timer = setInterval(look, WATCH_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

/** To the first table; behind it comes what earlier runs have said. */
function addRow(row: string): void {
  const text = readFileSync(RESULTS, "utf8");
  const end = text.indexOf("\n\n", text.indexOf("|---"));
  const at = end < 0 ? text.length : end + 1;
  writeFileSync(RESULTS, text.slice(0, at) + row + text.slice(at));
}
