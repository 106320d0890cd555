import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesystemOf } from "@podheitor/hpc-native";
import { ScanFlag } from "@podheitor/hpc-walker";
import type { Contestant } from "../contest";
import { type Peer, takePart } from "../peers";
import { makeBenchTree, makeLargeFile } from "../trees";
import { slowed } from "./latency";
import {
  BACKEND_NOT_BUILT,
  type Benchmark,
  type BenchSetup,
  count,
  fresh,
  KIB,
  remove,
  roomOf,
  WIDE,
  WIDE_PIPE,
} from "./setup";

const FILE_BYTES = 4 * KIB;

/** Reads small files, and a large one, to a pipe that somebody drains. */
export function read(setup: BenchSetup): Benchmark[] {
  const { backend = ["podheitor-hpc-backend"] as const } = setup;
  const contests = [
    small(setup, backend),
    slow(setup, backend),
    cold(setup, backend),
    large(setup, backend),
  ];
  return setup.backend === undefined
    ? contests.map((one) => ({ ...one, contestants: [], missing: [BACKEND_NOT_BUILT] }))
    : contests;
}

function small(setup: BenchSetup, backend: Program): Benchmark {
  return smallFiles(setup, backend, {
    name: "read-small",
    title: "Small files read and framed",
    entries: setup.entries,
    threads: 2,
    state: "warm",
  });
}

/** A smaller tree, because tar does one thing at a time. */
function slow(setup: BenchSetup, backend: Program): Benchmark {
  const one = smallFiles(setup, backend, {
    name: "read-latency",
    title: `Small files read with ${setup.latencyMicroseconds} µs to each metadata operation`,
    entries: Math.ceil(setup.entries / 20),
    threads: 32,
    state: "each stat, open of a directory and open of a file sleeps first",
  });
  return slowed(setup, one, treeOf(setup));
}

/**
 * What no cache holds. All caches of the machine are dropped before each run, and the program is
 * brought back to them.
 */
function cold(setup: BenchSetup, backend: Program): Benchmark {
  const { folder, threads } = setup;
  const empty = join(folder, "empty");
  const without: Peer = {
    name: "scanlimit (C), framed, no readahead",
    program: setup.tools.scanlimit,
    argv: (program) => [program, treeOf(setup), String(threads), ...likeTheBackend(0)],
    how: { output: "pipe" },
  };
  const wanted = {
    name: "read-cold",
    title: "Small files read from a disk",
    entries: Math.ceil(setup.entries / 10),
  };
  const one = smallFiles(
    setup,
    backend,
    { ...wanted, threads, state: "caches dropped before each run" },
    [without],
  );
  const missing = whyNotCold(folder);
  if (missing !== undefined) return { ...one, contestants: [], missing: [missing] };
  const forget = (contestant: Contestant): Contestant => ({
    ...contestant,
    prepare: () => {
      execFileSync("sync", ["-f", folder]);
      writeFileSync(DROP_CACHES, "3");
      const [program, ...rest] = contestant.argv.map((word) => word.replace(treeOf(setup), empty));
      spawnSync(program ?? "", rest, { stdio: "ignore" });
    },
  });
  return {
    ...one,
    contestants: one.contestants.map(forget),
    prepare: async (how) => {
      await one.prepare(how);
      await fresh(empty, () => mkdirSync(empty));
    },
    clean: () => remove(treeOf(setup), empty),
  };
}

const DROP_CACHES = "/proc/sys/vm/drop_caches";

function whyNotCold(folder: string): string | undefined {
  if (filesystemOf(Buffer.from(folder)).type === "tmpfs") return "a disk below --folder";
  try {
    accessSync(DROP_CACHES, constants.W_OK);
  } catch {
    return `the right to drop caches (${DROP_CACHES})`;
  }
  return undefined;
}

type Program = readonly [string, ...string[]];

/** As the backend reads: content of up to 64 KiB with the entry, extended attributes. */
const likeTheBackend = (more: number) => [
  String(64 * KIB),
  String(ScanFlag.XATTRS | more),
  "frames",
];
const treeOf = ({ folder }: BenchSetup) => join(folder, "tree");

interface SmallFiles {
  readonly name: string;
  readonly title: string;
  readonly entries: number;
  readonly threads: number;
  /** Of the caches. */
  readonly state: string;
}

function smallFiles(
  setup: BenchSetup,
  backend: Program,
  wanted: SmallFiles,
  more: readonly Peer[] = [],
): Benchmark {
  const tree = treeOf(setup);
  const { name, title, entries, state } = wanted;
  const threads = String(wanted.threads);
  const peers: Peer[] = [
    {
      name: "scanlimit (C), framed",
      program: setup.tools.scanlimit,
      argv: (program) => [program, tree, threads, ...likeTheBackend(ScanFlag.READ_AHEAD)],
      how: { output: "pipe" },
    },
    {
      name: "tar cf -",
      program: "tar",
      argv: (tar) => [tar, "cf", "-", "-C", tree, "."],
      how: { output: "pipe" },
    },
  ];
  const { contestants, missing } = takePart([...peers, ...more]);
  const argv = [...backend, "backup", `--path=${tree}`, `--threads=${threads}`] as const;
  return {
    name,
    title,
    facts: `${count(entries)} names, 4 KiB in each file; ${state}; ${threads} threads; to a drained pipe`,
    contestants: [{ name: "podheitor-hpc-backend", argv, output: "pipe" }, ...contestants],
    missing,
    needs: roomOf("ordinary", entries, FILE_BYTES),
    prepare: (how) => fresh(tree, () => makeBenchTree(tree, "ordinary", entries, FILE_BYTES, how)),
    clean: () => remove(tree),
  };
}

/** Reads argv[1] and writes it to standard output, a mebibyte at a time. */
const COPY = `
const fs = require("node:fs"), block = Buffer.allocUnsafe(1 << 20), fd = fs.openSync(process.argv[1]);
for (let n; (n = fs.readSync(fd, block, 0, block.length, null)) > 0; )
  for (let at = 0; at < n; ) at += fs.writeSync(1, block, at, n - at);
`;

function large(setup: BenchSetup, backend: Program): Benchmark {
  const { largeBytes, ourselves } = setup;
  const tree = treeOf(setup);
  const file = join(tree, "large");
  const archived = [...ourselves, "backup", "--path", tree, "--archive", "-"] as const;
  return {
    name: "read-large",
    title: "Cached large file to a drained pipe",
    facts: `${count(Math.round(largeBytes / 2 ** 20))} MiB, in the page cache; an archive has a digest, so its bytes are copied and hashed`,
    contestants: [
      {
        name: "podheitor-hpc-backend",
        argv: [...backend, "backup", `--path=${tree}`],
        output: "pipe",
      },
      { name: "Node read + write", argv: [process.execPath, "-e", COPY, file], output: "pipe" },
      {
        name: `Node read + write, ${WIDE}`,
        argv: [process.execPath, "-e", COPY, file],
        output: WIDE_PIPE,
      },
      { name: "cat", argv: ["cat", file], output: "pipe" },
      { name: `cat, ${WIDE}`, argv: ["cat", file], output: WIDE_PIPE },
      { name: "podheitor-hpc backup, archive", argv: archived, output: "pipe" },
    ],
    missing: [],
    against: `Node read + write, ${WIDE}`,
    needs: { names: 2, bytes: largeBytes },
    prepare: (how) => fresh(tree, () => makeLargeFile(tree, "large", largeBytes, how)),
    clean: () => remove(tree),
  };
}
