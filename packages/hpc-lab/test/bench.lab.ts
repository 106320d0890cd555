import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { BACKUPS } from "@podheitor/hpc-bench";
import { command } from "../src/command";
import { until } from "../src/wait";
import { atCleanUp, chosenReleases, cleanUp, podheitor, repository, scratch } from "./support";

afterAll(cleanUp);

const NAMES = [
  ...["walk-ordinary", "walk-small-dirs", "walk-flat", "walk-deep", "walk-large"],
  ...["latency-walk", "latency-peers", "latency-flat", "latency-threads", "latency-fuse"],
  ...[
    "read-small",
    "read-latency",
    "read-cold",
    "read-large",
    "archive",
    "emit",
    "relay",
    "memory",
  ],
];

/** All but `backup`, which has a test of its own. */
const BENCHES = ["walk", "latency", "read", "archive", "emit", "relay", "memory"];

interface Result {
  readonly name?: string;
  readonly standings?: readonly { readonly name: string; readonly seconds: readonly number[] }[];
  readonly runs?: readonly { readonly name: string; readonly peak: number }[];
}

test.each([
  ["case", "nothing", "walk-ordinary, walk-small-dirs"],
  ["peers", "find,nobody", "scanlimit (C), 4 threads; find;"],
])(
  "a --%s that no contest has is refused, with the names of those that there are",
  async (option, word, names) => {
    const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
    const words = ["bench", "walk", "--threads", "4", `--${option}`, word];
    const { code, stderr } = await command([process.execPath, program, ...words], { accept: [2] });
    expect([code, stderr.toString()]).toEqual([2, expect.stringContaining(names)]);
  },
);

test("more threads than the engine takes are refused before anything is made", async () => {
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const words = ["bench", "walk", "--threads", "513", "--folder", "/nowhere"];
  const { stderr } = await command([process.execPath, program, ...words], { accept: [2] });
  expect(stderr.toString()).toContain("--threads 513 is out of range");
});

test("Ctrl-C ends it while it makes its files, and leaves none of them", async () => {
  const folder = scratch();
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const words = ["bench", "walk", "--case", "flat", "--entries", "5000000", "--folder", folder];
  const bench = spawn(process.execPath, [program, ...words], { stdio: "ignore", detached: true });
  const ended = once(bench, "exit");
  await until(
    "no files were made",
    30_000,
    () => readdirSync(folder, { recursive: true }).length > 100,
  );
  process.kill(-(bench.pid ?? 0), "SIGINT"); // as a terminal does, to all processes of it
  expect(await ended).toEqual([130, null]);
  expect(readdirSync(folder)).toEqual([]);
});

test("a contest that the folder has no room for is left out, and that is said", async () => {
  const folder = scratch();
  await command(["mount", "-t", "tmpfs", "-o", "nr_inodes=1000,size=4m", "none", folder]);
  atCleanUp(() => command(["umount", folder]).then(() => undefined));
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const words = [
    "bench",
    "walk",
    "--entries",
    "300",
    "--rounds",
    "1",
    "--peers",
    "find",
    "--folder",
    folder,
  ];
  const { stdout, stderr } = await command([process.execPath, program, ...words], { accept: [3] });
  expect(stdout.toString()).toContain("Walk, deep.");
  expect(stdout.toString()).not.toContain("Walk, large.");
  expect(stderr.toString()).toContain("has no room for 1,200 files;");
  const large = [
    "bench",
    "read",
    "--case",
    "read-large",
    "--large-mib",
    "5",
    "--rounds",
    "1",
    "--folder",
    folder,
  ];
  const refused = await command([process.execPath, program, ...large], { accept: [3] });
  expect(refused.stderr.toString()).toContain("has no room for 5.0 MiB;");
});

test("the relay hands on every byte", async () => {
  const pipelimit = join(repository, "shim-c/scan/build/pipelimit");
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const bytes = String(20_000_001);
  const pipe = '"$1" send "$2" "$3" "$4" bench-part relay | "$1" check "$2"';
  await command([
    "bash",
    "-o",
    "pipefail",
    "-c",
    pipe,
    "bash",
    pipelimit,
    bytes,
    process.execPath,
    program,
  ]);
});

test("every benchmark runs, names its peers, and saves what it measured", async () => {
  execFileSync("make", ["-s", "-C", join(repository, "shim-c/labfs")]);
  const [folder, saved] = [scratch("/var/tmp"), scratch()]; // on a disk, for read-cold
  const words = [
    "--entries",
    "300",
    "--synthetic",
    "1000000",
    "--rounds",
    "1",
    "--large-mib",
    "2",
    "--threads",
    "2",
  ];
  const said = await podheitor(
    "bench",
    ...BENCHES,
    ...words,
    "--folder",
    folder,
    "--save",
    saved,
    "--json",
  );
  const results = said
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result)
    .filter(({ name }) => name !== undefined);
  expect(results.map(({ name }) => name)).toEqual(NAMES);
  for (const { standings = [] } of results.slice(0, -1)) {
    expect(standings[0]?.name).toMatch(/^podheitor-hpc/);
    expect(standings.length).toBeGreaterThan(1); // find, tar or one of our own in C at least
    for (const { seconds } of standings) expect(seconds).toEqual([expect.any(Number)]);
  }
  const memory = results.at(-1)?.runs ?? [];
  expect(memory.map(({ name }) => name)).toEqual([
    "30 files",
    "300 files",
    "300 files in one directory",
    "30 hard links",
    "1,000,000 entries from memory",
  ]);
  for (const { peak } of memory) expect(peak / 2 ** 20).toBeLessThan(96);
  for (const name of NAMES) {
    expect(readFileSync(join(saved, `${name}.svg`), "utf8")).toMatch(/^<svg /);
    expect(readFileSync(join(saved, `${name}.md`), "utf8")).toMatch(/^\| .* \| \d/m);
    expect(JSON.parse(readFileSync(join(saved, `${name}.json`), "utf8"))).toMatchObject({ name });
  }
  expect(readdirSync(folder)).toEqual([]);
});

test("jobs of a real Bacula are measured, too, and saved where the others are", async () => {
  const [folder, saved] = [scratch(), scratch()];
  const release = chosenReleases[0] ?? "9.6.7";
  // One contest shows it; the long tier measures all of a release.
  const chosen = process.env["PODHEITOR_HPC_LONG"] === "1" ? release : `latency-${release}`;
  const words = [
    "--case",
    chosen,
    "--entries",
    "300",
    "--rounds",
    "1",
    "--folder",
    folder,
    "--save",
    saved,
  ];
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const { stdout } = await command(
    [process.execPath, program, "bench", "backup", ...words, "--json"],
    {
      env: process.env,
      limit: 280_000,
    },
  );
  const names = BACKUPS.map(({ name }) => name).filter((name) => name.includes(chosen));
  const results = stdout.toString().trim().split("\n");
  expect(results.map((line) => (JSON.parse(line) as Result).name).sort()).toEqual(names);
  const files = names.flatMap((name) => ["json", "md", "svg"].map((kind) => `${name}.${kind}`));
  expect(readdirSync(saved).sort()).toEqual(files);
  expect(readFileSync(join(saved, `latency-${release}.md`), "utf8")).toMatch(
    /^\| stock File Daemon \| \d/m,
  );
  expect(readdirSync(folder)).toEqual([]);
});
