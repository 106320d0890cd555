import { availableParallelism } from "node:os";
import { join } from "node:path";
import { findProgram, type Peer, takePart } from "../peers";
import { makeBenchTree, SHAPES, type Shape } from "../trees";
import { type Benchmark, type BenchSetup, count, fresh, remove, roomOf } from "./setup";

/**
 * Everything that find(1) can say of an entry without reading it, which is what our records hold.
 */
const FORMAT = "%y %i %n %m %U %G %s %A@ %C@ %T@ %p %l\\n";
const CORES = availableParallelism();
/** find on the directories of the first level, in a process to each core. */
const SPLIT_FIND = `find "$1" -mindepth 1 -maxdepth 1 -print0 | xargs -0 -P${CORES} -n8 sh -c 'format=$1; shift; exec find "$@" -printf "$format"' sh "$2"`;

/**
 * Walks a tree and stats every entry of it, warm: an ordinary one, other shapes of twice as many
 * names, which take a second on a fast machine, and an ordinary one of four times as many.
 */
export function walk(setup: BenchSetup): Benchmark[] {
  const { threads } = setup;
  const large = { ...setup, entries: 4 * setup.entries };
  return [
    ...SHAPES.map((shape) => {
      const entries = shape === "ordinary" ? setup.entries : 2 * setup.entries;
      return oneWalk(shape, shape, { ...setup, entries }, (tree) => everyPeer(shape, setup, tree));
    }),
    oneWalk("large", "ordinary", large, (tree) => [scanlimit(setup, tree, threads), find(tree)]),
  ];
}

function everyPeer(shape: Shape, setup: BenchSetup, tree: string): Peer[] {
  const { threads } = setup;
  const peers = [
    scanlimit(setup, tree, threads),
    find(tree),
    bfs(tree),
    fd(tree, CORES),
    fpart(tree),
    rsync(tree),
  ];
  // One directory cannot be split this way.
  if (shape !== "flat")
    peers.push({
      name: `xargs -P${CORES} find`,
      program: findProgram("xargs"),
      argv: () => ["sh", "-c", SPLIT_FIND, "sh", tree, FORMAT],
    });
  return peers;
}

function oneWalk(
  what: string,
  shape: Shape,
  setup: BenchSetup,
  peersOf: (tree: string) => Peer[],
): Benchmark {
  const { folder, entries, threads } = setup;
  const tree = join(folder, `tree-${what}`);
  const { contestants, missing } = takePart(peersOf(tree));
  return {
    name: `walk-${what}`,
    title: `Walk, ${what}`,
    facts: `${count(entries)} names; warm; ${threads} threads`,
    contestants: [{ name: "podheitor-hpc", argv: ours(setup, tree, threads) }, ...contestants],
    missing,
    against: "find",
    needs: roomOf(shape, entries, 0),
    prepare: (how) => fresh(tree, () => makeBenchTree(tree, shape, entries, 0, how)),
    clean: () => remove(tree),
  };
}

export function ours({ ourselves }: BenchSetup, tree: string, threads: number) {
  return [
    ...ourselves,
    "bench-part",
    "scan",
    "--path",
    tree,
    "--threads",
    String(threads),
  ] as const;
}

export function scanlimit({ tools }: BenchSetup, tree: string, threads: number): Peer {
  const name = `scanlimit (C), ${threads} threads`;
  return { name, program: tools.scanlimit, argv: (program) => [program, tree, String(threads)] };
}

export function find(tree: string): Peer {
  return {
    name: "find",
    program: findProgram("find"),
    argv: (program) => [program, tree, "-printf", FORMAT],
  };
}

export function bfs(tree: string): Peer {
  return {
    name: "bfs",
    program: findProgram("bfs"),
    argv: (program) => [program, tree, "-printf", FORMAT],
  };
}

/** fd stats only what it must, so it is asked for files of a size that none has. */
export function fd(tree: string, threads: number): Peer {
  const argv = (program: string) =>
    [
      program,
      "--unrestricted",
      "--threads",
      String(threads),
      "--size",
      "+100t",
      ".",
      tree,
    ] as const;
  return { name: `fd, ${threads} threads`, program: findProgram("fdfind", "fd"), argv };
}

export function fpart(tree: string): Peer {
  return {
    name: "fpart",
    program: findProgram("fpart"),
    argv: (program) => [program, "-f", "1000000000", tree],
  };
}

export function rsync(tree: string): Peer {
  const argv = (program: string) => [program, "-na", `${tree}/`, `${tree}-none/`] as const;
  return { name: "rsync -n", program: findProgram("rsync"), argv };
}
