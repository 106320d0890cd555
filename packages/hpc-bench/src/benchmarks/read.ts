import { join } from "node:path";
import { takePart } from "../peers";
import { makeBenchTree } from "../trees";
import { type Benchmark, type BenchSetup, count, fresh, KIB, makeLarge, remove } from "./setup";

const FILE_BYTES = 4 * KIB;
/** As the backend reads: content of up to 64 KiB with the entry, extended attributes. */
const LIKE_THE_BACKEND = [String(64 * KIB), "8", "frames"];
const THREADS = "2";

/** Reads small files, and a large one, to a pipe that somebody drains. */
export function read(setup: BenchSetup): Benchmark[] {
  return setup.backend === undefined ? [] : [small(setup, setup.backend), large(setup, setup.backend)];
}

function small({ folder, entries, tools }: BenchSetup, backend: readonly [string, ...string[]]): Benchmark {
  const tree = join(folder, "tree");
  const { contestants, missing } = takePart([
    {
      name: "scanlimit (C), framed",
      program: tools.scanlimit,
      argv: (program) => [program, tree, THREADS, ...LIKE_THE_BACKEND],
      how: { output: "pipe" },
    },
    {
      name: "tar cf -",
      program: "tar",
      argv: (tar) => [tar, "cf", "-", "-C", tree, "."],
      how: { output: "pipe" },
    },
  ]);
  const argv = [...backend, "backup", `--path=${tree}`, `--threads=${THREADS}`] as const;
  return {
    name: "read-small",
    title: "Small files read and framed",
    facts: `${count(entries)} names, 4 KiB in each file; warm; 2 threads; to a drained pipe`,
    contestants: [{ name: "podheitor-hpc-backend", argv, output: "pipe" }, ...contestants],
    missing,
    names: entries,
    prepare: () => fresh(tree, () => makeBenchTree(tree, "ordinary", entries, FILE_BYTES)),
    clean: () => remove(tree),
  };
}

/** Reads argv[1] and writes it to standard output, a mebibyte at a time. */
const COPY = `
const fs = require("node:fs"), block = Buffer.allocUnsafe(1 << 20), fd = fs.openSync(process.argv[1]);
for (let n; (n = fs.readSync(fd, block, 0, block.length, null)) > 0; )
  for (let at = 0; at < n; ) at += fs.writeSync(1, block, at, n - at);
`;

function large(setup: BenchSetup, backend: readonly [string, ...string[]]): Benchmark {
  const { folder, largeBytes, ourselves } = setup;
  const tree = join(folder, "tree");
  const file = join(tree, "large");
  const archived = [...ourselves, "backup", "--path", tree, "--archive", "-"] as const;
  return {
    name: "read-large",
    title: "Cached large file to a drained pipe",
    facts: `${count(Math.round(largeBytes / 2 ** 20))} MiB, in the page cache; an archive has a digest, so its bytes are copied and hashed`,
    contestants: [
      { name: "podheitor-hpc-backend", argv: [...backend, "backup", `--path=${tree}`], output: "pipe" },
      { name: "Node read + write", argv: [process.execPath, "-e", COPY, file], output: "pipe" },
      { name: "cat", argv: ["cat", file], output: "pipe" },
      { name: "podheitor-hpc backup, archive", argv: archived, output: "pipe" },
    ],
    missing: [],
    against: "Node read + write",
    prepare: () => fresh(tree, () => makeLarge(tree, file, largeBytes)),
    clean: () => remove(tree),
  };
}
