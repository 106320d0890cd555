import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { barChart } from "@podheitor/hpc-report";
import type { BaculaLab } from "../src";
import { command } from "../src/command";
import { LabFs } from "../src/labfs";
import {
  atCleanUp,
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  podheitor,
  repository,
  scratch,
} from "./support";

/*
 * One stream, two and four shards on as many volumes and on one, where the volumes are the
 * bottleneck: they lie on labfs, which takes its time for each write to a file, and serves
 * different files at once. Takes six minutes, so it is part of test:long. `podheitor-hpc bench
 * backup` runs it; PODHEITOR_HPC_BENCH_SAVE is the folder that it is recorded in.
 */
const release = chosenReleases.includes("9.6.7") ? "9.6.7" : "15.0.3";
const delayMs = 30; // of each write of 63 KiB: about 2 MB/s to a volume
const files = 8000; // the shorter, the more the jobs' own start and end weigh
const fileBytes = 20_000;

let lab: BaculaLab;
const seconds = new Map<string, number>();

beforeAll(async () => {
  const tree = join(scratch(), "tree");
  for (let at = 0; at < files; at++) {
    if (at % 100 === 0) mkdirSync(join(tree, `d${at / 100}`), { recursive: true });
    writeFileSync(
      join(tree, `d${Math.floor(at / 100)}/f${at}`),
      Buffer.alloc(fileBytes, `file ${at} `),
    );
  }
  const conf = scratch();
  const existing = ["--path", tree, "--client", "lab-fd", "--storage", "File", "--messages", "Std"];
  const sets = [
    ["--job-prefix", "stream", "--shards", "1"],
    ...[2, 4].flatMap((count) => [
      ["--job-prefix", `apart-${count}`, "--shards", String(count)],
      [
        "--job-prefix",
        `shared-${count}`,
        "--shards",
        String(count),
        "--topology",
        "storage",
        "--pool",
        "One",
      ],
    ]),
  ];
  for (const words of sets) await podheitor("gen-fileset", ...existing, "--output", conf, ...words);
  const one =
    'Pool {\n  Name = One\n  Pool Type = Backup\n  Label Format = "One-"\n  Maximum Volumes = 1\n}\n';
  writeFileSync(join(conf, "one.conf"), one);
  const includes = readdirSync(conf).map((name) => join(conf, name));
  lab = await labWith(release, [], { pluginDir: installedPlugin(), includes });
  const volumes = await LabFs.start(join(lab.folder, "vol-below"), join(lab.folder, "vol"));
  atCleanUp(() => volumes.stop());
  volumes.rule(`write delay ${delayMs} : /*`);
});
afterAll(cleanUp);

/**
 * Runs the jobs at once; from the first one's start to the last one's end. Returns the volumes that
 * were written.
 */
async function timed(what: string, names: readonly string[]): Promise<Set<string>> {
  const start = performance.now();
  const ids = await Promise.all(names.map((name) => lab.start(name)));
  const results = await Promise.all(ids.map((id) => lab.wait(id)));
  seconds.set(what, (performance.now() - start) / 1000);
  expect(results.map(({ status, errors }) => [status, errors])).toEqual(names.map(() => ["ok", 0]));
  expect(results.reduce((sum, result) => sum + result.files, 0)).toBe(files + files / 100 + 1);
  return new Set((await Promise.all(ids.map((id) => lab.volumes(id)))).flat());
}

const shards = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, shard) => `${prefix}-${count}-${shard}-of-${count}`);
const ratio = (what: string) =>
  (seconds.get(what) ?? Number.NaN) / (seconds.get("one stream") ?? 0);

test("topologies: four shards on four volumes take at most 0.30 of one stream's time, and on one volume they do not", async () => {
  expect((await timed("one stream", ["stream-0-of-1"])).size).toBe(1);
  expect((await timed("two shards on two volumes", shards("apart", 2))).size).toBe(2);
  expect((await timed("four shards on four volumes", shards("apart", 4))).size).toBe(4);
  expect((await timed("two shards on one volume", shards("shared", 2))).size).toBe(1);
  expect((await timed("four shards on one volume", shards("shared", 4))).size).toBe(1);
  const folder = process.env["PODHEITOR_HPC_BENCH_SAVE"];
  if (folder !== undefined) await record(folder);
  expect(ratio("two shards on two volumes")).toBeLessThanOrEqual(0.6);
  expect(ratio("four shards on four volumes")).toBeLessThanOrEqual(0.3);
  expect(ratio("four shards on one volume")).toBeGreaterThan(0.8);
}, 600_000);

async function record(folder: string): Promise<void> {
  const commit = (await command(["git", "-C", repository, "rev-parse", "--short", "HEAD"])).stdout
    .toString()
    .trim();
  const rows = [...seconds].map(([what, taken]) => ({
    what,
    taken: taken.toFixed(1),
    ratio: ratio(what).toFixed(2),
  }));
  writeFileSync(
    join(folder, "topologies.svg"),
    barChart(
      `Shards, ${Math.round((files * fileBytes) / 1e6)} MB, volumes that take 2 MB/s each`,
      rows.map(({ what, taken, ratio }) => ({
        label: what,
        value: Number(taken),
        text: `${taken} s (${ratio})`,
      })),
    ),
  );
  const text = `# Topologies

One stream against two and four shards, where the volumes are the bottleneck: each lies on a filesystem that takes ${delayMs} ms for every write of the Storage Daemon, about 2 MB/s to a volume.
${files} files of ${fileBytes} bytes, Bacula ${release}, two cores; from the start of the first job to the end of the last. Written on ${new Date().toISOString().slice(0, 10)} at commit ${commit} by
\`podheitor-hpc bench backup --case topologies --save docs/benchmarks\`, which fails above 0.60 for two volumes and 0.30 for four.

| | seconds | of one stream |
|---|---|---|
${rows.map(({ what, taken, ratio }) => `| ${what} | ${taken} | ${ratio} |`).join("\n")}

![time of each topology](topologies.svg)

The jobs on one volume wait for the same drive: no number of shards helps. The topologies that gen-fileset writes give each its own ([sharding.md](../sharding.md)).
`;
  writeFileSync(join(folder, "topologies.md"), text);
}
