import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "./contest";
import { findProgram, type Peer, takePart } from "./peers";
import { makeBenchTree, SHAPES, type Shape } from "./trees";

/** What a benchmark is given. */
export interface BenchSetup {
  /** Trees and archives are made in here. */
  readonly folder: string;
  /** Names in a tree. */
  readonly entries: number;
  /** Of the large file. */
  readonly largeBytes: number;
  /** How `podheitor-hpc` is started. */
  readonly ourselves: readonly [string, ...string[]];
  /** shim-c/scan/build/scanlimit, the engine without Node; undefined: it is not there. */
  readonly scanlimit: string | undefined;
  readonly threads: number;
}

/** One contest, ready to run; `missing` names the peers that are not on this machine. */
export interface Benchmark {
  readonly name: string;
  readonly title: string;
  readonly facts: string;
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
  /** Makes what is read. */
  prepare(): void;
  /** Takes away everything that the contest made. */
  clean(): void;
}

export const BENCHES = ["walk", "archive", "large"] as const;
export type BenchName = (typeof BENCHES)[number];

/** Everything that find(1) can say of an entry without reading it, which is what our records hold. */
const FORMAT = "%y %i %n %m %U %G %s %A@ %C@ %T@ %p %l\\n";
/** find on the directories of the first level, in two processes at once. */
const SPLIT_FIND = `find "$1" -mindepth 1 -maxdepth 1 -print0 | xargs -0 -P2 -n8 sh -c 'format=$1; shift; exec find "$@" -printf "$format"' sh "$2"`;
const KIB = 1024;

/** The contests of one benchmark. */
export function benchmarksOf(name: BenchName, setup: BenchSetup): Benchmark[] {
  if (name === "walk") return SHAPES.map((shape) => walk(shape, setup));
  return name === "archive" ? [archive(setup)] : [large(setup)];
}

function walk(shape: Shape, { folder, entries, ourselves, scanlimit, threads }: BenchSetup): Benchmark {
  const tree = join(folder, `tree-${shape}`);
  const peers: Peer[] = [
    { name: "scanlimit (C)", program: scanlimit, argv: (program) => [program, tree, String(threads)] },
    { name: "find", program: findProgram("find"), argv: (find) => [find, tree, "-printf", FORMAT] },
    { name: "bfs", program: findProgram("bfs"), argv: (bfs) => [bfs, tree, "-printf", FORMAT] },
    { name: "fd (names only)", program: findProgram("fdfind", "fd"), argv: (fd) => [fd, "-u", ".", tree] },
    { name: "fpart", program: findProgram("fpart"), argv: (fpart) => [fpart, "-f", "1000000000", tree] },
    { name: "rsync -n", program: findProgram("rsync"), argv: (rsync) => [rsync, "-na", `${tree}/`, `${tree}-none/`] },
  ];
  // One directory cannot be split this way.
  if (shape !== "flat")
    peers.push({
      name: "xargs -P2 find",
      program: findProgram("xargs"),
      argv: () => ["sh", "-c", SPLIT_FIND, "sh", tree, FORMAT],
    });
  const { contestants, missing } = takePart(peers);
  const ours = [...ourselves, "bench", "scan", "--path", tree, "--threads", String(threads)] as const;
  return {
    name: `walk-${shape}`,
    title: `Walk, ${shape}`,
    facts: `${entries.toLocaleString("en-US")} names; warm; ${threads} threads`,
    contestants: [{ name: "podheitor-hpc", argv: ours }, ...contestants],
    missing,
    prepare: () => fresh(tree, () => makeBenchTree(tree, shape, entries, 0)),
    clean: () => remove(tree),
  };
}

function archive({ folder, entries, ourselves }: BenchSetup): Benchmark {
  const [tree, saved, repository] = [join(folder, "tree"), join(folder, "saved"), join(folder, "restic")];
  const password = "RESTIC_PASSWORD=bench";
  const { contestants, missing } = takePart([
    {
      name: "tar cf - | cat",
      program: findProgram("tar"),
      argv: () => ["sh", "-c", 'tar cf - -C "$1" . | cat', "sh", tree],
      how: { output: { file: saved } },
    },
    {
      name: "restic",
      program: findProgram("restic"),
      argv: (restic) => ["env", password, restic, "-q", "-r", repository, "backup", tree],
      how: {
        prepare: () => {
          remove(repository);
          execFileSync("env", [password, "restic", "-q", "-r", repository, "init"]);
        },
      },
    },
  ]);
  const ours = [...ourselves, "backup", "--path", tree, "--archive", saved, "--json"] as const;
  return {
    name: "archive",
    title: "Archive of 1 KiB files",
    facts: `${entries.toLocaleString("en-US")} names, 1 KiB in each file; warm; to a file beside the tree`,
    contestants: [{ name: "podheitor-hpc", argv: ours, prepare: () => remove(saved) }, ...contestants],
    missing,
    prepare: () => fresh(tree, () => makeBenchTree(tree, "ordinary", entries, KIB)),
    clean: () => [tree, saved, repository].forEach(remove),
  };
}

/** Reads argv[1] and writes it to standard output, a mebibyte at a time. */
const COPY = `
const fs = require("node:fs"), block = Buffer.allocUnsafe(1 << 20), fd = fs.openSync(process.argv[1]);
for (let n; (n = fs.readSync(fd, block, 0, block.length, null)) > 0; )
  for (let at = 0; at < n; ) at += fs.writeSync(1, block, at, n - at);
`;

function large({ folder, largeBytes, ourselves }: BenchSetup): Benchmark {
  const tree = join(folder, "tree");
  const file = join(tree, "large");
  const ours = [...ourselves, "backup", "--path", tree, "--archive", "-"] as const;
  return {
    name: "large",
    title: "Cached large file to a drained pipe",
    facts: `${Math.round(largeBytes / 2 ** 20).toLocaleString("en-US")} MiB, in the page cache; ours with a digest`,
    contestants: [
      { name: "podheitor-hpc", argv: ours, output: "pipe" },
      { name: "Node read + write", argv: [process.execPath, "-e", COPY, file], output: "pipe" },
      { name: "cat", argv: ["cat", file], output: "pipe" },
    ],
    missing: [],
    prepare: () => fresh(tree, () => makeLarge(tree, file, largeBytes)),
    clean: () => remove(tree),
  };
}

function makeLarge(tree: string, file: string, bytes: number): void {
  mkdirSync(tree);
  const fd = openSync(file, "wx");
  const block = Buffer.alloc(2 ** 20, "large ");
  for (let left = bytes; left > 0; left -= block.length) writeSync(fd, block, 0, Math.min(left, block.length));
  closeSync(fd);
}

function fresh(tree: string, make: () => void): void {
  remove(tree);
  make();
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
